"""The operators that a file may name: torch's functional ones, listed and reviewed by name.

A list rather than a rule, because a rule would admit whatever a later torch adds. Each line is an overload that takes
tensors, numbers, texts and dtypes, gives tensors, and touches nothing else: no file, device, storage or random state
of its own.
"""

from functools import cache
from importlib.resources import files

LIST = "allowed_operators.txt"


@cache
def allowed_operators() -> frozenset[str]:
    """The names of the list, such as "aten.sort.default"."""
    return frozenset(files("nadoo_graphs.saving").joinpath(LIST).read_text(encoding="utf-8").split())

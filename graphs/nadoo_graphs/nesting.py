"""Lists and tuples of anything, for code that walks nested arguments without knowing what is in them."""

from collections.abc import Sequence
from typing import Any, cast


def parts_of(item: object) -> Sequence[Any] | None:
    """The parts of a list or tuple; None for anything else."""
    return cast("Sequence[Any]", item) if isinstance(item, list | tuple) else None

"""Names of a package that are imported when they are used, because torch costs a second or two.

`import nadoo_core` and the listing commands must start at once; only who touches a tensor waits for torch.
"""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` (PEP 562) of a package whose names live in other modules."""

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"{package} has no name {name!r}; it offers {', '.join(sorted(homes))}")
        return getattr(import_module(homes[name]), name)

    return find, lambda: sorted(homes)

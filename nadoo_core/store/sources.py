"""What code a result depends on: a hash over the files of the packages that computed it.

A hash of versions would be wrong for a project that is installed for editing, and a hash of one class for whatever that
class calls. So all files of the package count, of ours and of whoever wrote the pass.
"""

import hashlib
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

OURS = ("nadoo_core", "nadoo_graphs")
IGNORED = {"__pycache__", ".git"}
MOST_BYTES = 16 * 1024**2
"""A larger file of a package is data whose size and name stand for it."""


@cache
def our_digest() -> str:
    """The hash over the framework's own packages."""
    return digest_of([digest for name in OURS for digest in package_digests(name)])


def code_digest(value: Any, distribution_name: str | None = None) -> str | None:
    """The hash over the package, or the single file, that a class or function comes from; None if nobody knows it."""
    module = sys.modules.get(str(getattr(value, "__module__", "")))
    name, file = str(getattr(module, "__name__", "")), getattr(module, "__file__", None)
    if file is None:
        return None
    package = name.partition(".")[0]
    if package in OURS:
        return digest_of([our_digest(), *distribution_digests(distribution_name)])
    top = sys.modules.get(package)
    found = package_digests(package) if getattr(top, "__path__", None) else [file_digest(Path(file))]
    return digest_of([*found, *distribution_digests(distribution_name)])


def package_digests(name: str) -> list[str]:
    """One hash for each file of a package, in a fixed order."""
    spec = find_spec(name)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    return [
        f"{path.relative_to(folder).as_posix()}:{file_digest(path)}"
        for folder in sorted(folders)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not IGNORED & set(path.parts)
    ]


def distribution_digests(name: str | None) -> list[str]:
    """One hash for each Python file of a distribution, which may hold more packages than the one of the pass."""
    try:
        files = distribution(name).files if name else None
    except PackageNotFoundError:
        files = None
    paths = [Path(str(item.locate())) for item in files or () if item.suffix == ".py"]
    return [f"{path.name}:{file_digest(path)}" for path in sorted(paths) if path.is_file()]


def file_digest(path: Path) -> str:
    """The hash of a file, computed once while the file stays what it is."""
    status = path.stat()
    return digest_of_file(str(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8192)
def digest_of_file(path: str, size: int, _modified_ns: int) -> str:
    """The hash behind a path, a size and a time."""
    if size > MOST_BYTES:
        return f"{size} bytes"
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def digest_of(parts: "list[str] | Iterator[str]") -> str:
    """One hash for many."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

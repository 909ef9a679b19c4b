"""Files that are there as a whole or not at all, and that share their content where the system can do that."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nadoo_core.errors import CoreCode, Problem, StoreError
from nadoo_graphs.encoding import canonical
from nadoo_graphs.saving.folder import explained, sync_folder


@contextmanager
def refused_writes(folder: Path) -> Generator[None]:
    """Whatever the system refuses in a folder, as an error that says which folder and what helps."""
    try:
        yield
    except OSError as error:
        raise StoreError(Problem(CoreCode.STORE, f"folder {str(folder)!r}", explained(error))) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and let it take its place when it is on the disk."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    with refused_writes(path.parent):
        try:
            write_synced(temporary, content)
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Wait until a file is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the system cannot do that."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
        sync(target)


def digest_file(path: Path) -> str:
    """The sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_value(value: Any) -> str:
    """The sha256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def as_json(value: Any) -> bytes:
    """A JSON file that a person can read."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()

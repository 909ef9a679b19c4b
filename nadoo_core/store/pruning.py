"""Making a store smaller: what was not used for longest goes first, and a shared file goes with its last user."""

import shutil
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from nadoo_core.errors import StoreError
from nadoo_core.store.entry import Entry, read_entry

if TYPE_CHECKING:
    from nadoo_core.store.store import Store

OLD_TRAINING_S = 14 * 24 * 3600


@frozen
class Pruned:
    """How many entries went, how many bytes that freed, and how many are left."""

    entries: int
    bytes: int
    left_bytes: int


def prune(store: "Store", limit_bytes: int, keep: Collection[str]) -> Pruned:
    """Remove entries until the store fits; called under the store's lock."""
    before = store.bytes()
    remove_unreadable(store)
    remove_trainings(store.folder / "trainings", everything=limit_bytes == 0)
    removed = 0
    for entry in reversed(store.entries()):
        if store.bytes() <= limit_bytes:
            break
        if entry.key not in keep:
            shutil.rmtree(entry.folder, ignore_errors=True)
            remove_unused(store.folder / "objects", entry.files.values(), store.entries())
            removed += 1
    left = store.bytes()
    return Pruned(removed, before - left, left)


def remove_unreadable(store: "Store") -> None:
    """Remove entries that nobody can use."""
    for folder in list(store.folders()):
        try:
            read_entry(folder)
        except StoreError:
            shutil.rmtree(folder, ignore_errors=True)


def remove_trainings(folder: Path, *, everything: bool) -> None:
    """Remove checkpoints that nobody came back for."""
    for training in folder.glob("*"):
        with suppress(OSError):
            if everything or time.time() - training.stat().st_mtime > OLD_TRAINING_S:
                shutil.rmtree(training, ignore_errors=True)


def remove_unused(objects: Path, digests: Iterable[str], entries: Iterable[Entry]) -> None:
    """Remove those shared files that no entry uses any more."""
    used = {digest for entry in entries for digest in entry.files.values()}
    for digest in set(digests) - used:
        with suppress(OSError):
            (objects / digest[:2] / digest).unlink(missing_ok=True)


def unique_bytes(folder: Path) -> int:
    """How much a folder takes, every file once however many names it has."""
    sizes: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        with suppress(OSError):
            status = path.lstat()
            if path.is_file():
                sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())

"""Files that appear all at once: written under temporary names, and committed by one rename.

A crash before the rename leaves the old graph, a crash after it the new one; whatever else lies around by then is
removed by the next save. Two processes must not save into one folder at the same time.
"""

import errno
import os
import re
import secrets
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import TypeAlias

from safetensors import SafetensorError

from nadoo_graphs.errors import Code, Problem, SaveError
from nadoo_graphs.saving.paths import reason

Writer: TypeAlias = Callable[[Path], None]
WORKSHOP = ".nadoo-"
OURS = re.compile(r"(tensors|examples)-[0-9a-f]{16}\.safetensors|\.nadoo-[0-9a-f]{16}")
FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)


class Commit:
    """The files of one save, and how to take back those that nobody refers to yet.

    They are written in a hidden folder of their own, because the library that writes tensors leaves a temporary file
    of its own choice where it dies.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.workshop = home / f"{WORKSHOP}{secrets.token_hex(8)}"
        self.placed: list[Path] = []

    def place(self, name: str, write: Writer) -> None:
        """Put a data file under its final name; its content decides the name, so nothing else can be there."""
        target = self.home / name
        temporary = self.written(write)
        if not target.exists():
            self.placed.append(target)
        temporary.replace(target)

    def commit(self, name: str, write: Writer) -> None:
        """Let the file that refers to all others take the place of the old one: from here on, the new graph stands."""
        temporary = self.written(write)
        sync_folder(self.home)
        placed, self.placed = self.placed, []
        try:
            temporary.replace(self.home / name)
        except OSError:
            self.placed = placed
            raise
        sync_folder(self.home)

    def written(self, write: Writer) -> Path:
        """A file that is on the disk, not only in the system's memory, under a temporary name."""
        path = self.workshop / secrets.token_hex(8)
        path.touch()  # the library makes files that only their owner can read; this one is as the user's umask says
        mode = path.stat().st_mode
        write(path)
        path.chmod(mode)
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        return path

    def clean(self) -> None:
        """Remove what is not part of a graph."""
        rmtree(self.workshop, ignore_errors=True)
        for path in self.placed:
            with suppress(OSError):
                path.unlink()


@contextmanager
def committing(home: Path) -> Generator[Commit]:
    """A save into a folder, which is made if it is not there; every failure leaves it as it was."""
    commit = Commit(home)
    new = False
    try:
        new = not home.exists()
        home.mkdir(parents=True, exist_ok=True)
        commit.workshop.mkdir()
        yield commit
    except (OSError, SafetensorError) as error:
        raise SaveError(Problem(Code.DATA, f"folder {str(home)!r}", explained(error))) from error
    finally:
        commit.clean()
        if new:
            with suppress(OSError):
                home.rmdir()


def sync_folder(home: Path) -> None:
    """Make renames in a folder survive a loss of power, where the system lets a folder be opened."""
    if os.name == "nt":
        return
    descriptor = os.open(home, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def explained(error: Exception) -> str:
    """What went wrong and what helps."""
    said = reason(error)
    number = getattr(error, "errno", None)
    if number in FULL or "No space left" in said:
        return f"the disk is full ({said}); free some space or choose another folder"
    if number in FORBIDDEN:
        return f"may not be written ({said}); choose another folder or change its permissions"
    return f"could not be written ({said}); choose another folder and save again"


def remove_others(home: Path, keep: Collection[str]) -> None:
    """Remove data files that the graph does not refer to any more, and what a crash left; failing is harmless."""
    for path in home.iterdir():
        if not OURS.fullmatch(path.name) or path.name in keep:
            continue
        with suppress(OSError):
            rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()

"""Locks between processes that the system lets go of when their holder dies, however it dies."""

import fcntl
import json
import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from nadoo_core.errors import CoreCode, Problem, RunError
from nadoo_core.store.files import refused_writes


@contextmanager
def exclusive(path: Path) -> Generator[None]:
    """Hold a lock for a short work; others wait."""
    with refused_writes(path.parent), path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def waiting(path: Path, tell: Callable[[], object]) -> Generator[None]:
    """Hold a lock for a work that may take long; whoever has to wait for it says so first."""
    with refused_writes(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            tell()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def held(path: Path, what: str) -> Generator[None]:
    """Hold a lock for as long as a run takes; a second process is refused and told who holds it."""
    with refused_writes(path.parent):
        file = path.open("a+", encoding="utf-8")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(Problem(CoreCode.BUSY, what, busy(path))) from error
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        file.flush()
        yield


def busy(path: Path) -> str:
    """Who holds a lock, as far as is known, and what to do."""
    advice = "wait for it to end, or choose another folder"
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']} works here; {advice}"
    except (OSError, ValueError, KeyError, TypeError):
        return f"another process works here; {advice}"

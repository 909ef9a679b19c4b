"""Deadlines: code of a plugin that never returns is interrupted, and what it was is said.

The clock is the process's alarm, so it works on the main thread of systems that have one; elsewhere nothing is limited.
Python that loops or waits is interrupted, a call into a library only once it comes back.
"""

import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

PLUGIN_S = 60.0
"""How long one plugin may take to be imported, to say what it offers, or to watch."""
SHORTEST_S = 1e-3


class OutOfTime(BaseException):
    """Raised inside the limited code; no `except Exception` there can swallow it, and it never leaves `deadline`."""


@contextmanager
def deadline(seconds: float | None, error: Callable[[], Exception]) -> Generator[None]:
    """Run a block that may take so long; beyond that it is interrupted and the error raised in its place.

    Without seconds nothing is limited. An alarm that was set before goes on, and if it is due earlier it stays the one.
    """
    if seconds is None or not can_interrupt():
        yield
        return
    pending = signal.getitimer(signal.ITIMER_REAL)[0]
    if 0 < pending <= seconds:
        yield
        return
    try:
        with alarm(seconds, pending):
            yield
    except OutOfTime:
        raise error() from None


def can_interrupt() -> bool:
    """Whether this thread of this system can be interrupted by a clock."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextmanager
def alarm(seconds: float, pending: float) -> Generator[None]:
    """An alarm for a block; afterwards the one before it has as much time left as it would have had."""
    started = time.monotonic()
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if pending:
            left = pending - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, SHORTEST_S))


def interrupt(_number: int, _frame: Any) -> None:
    """What the alarm does."""
    raise OutOfTime

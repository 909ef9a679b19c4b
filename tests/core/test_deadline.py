"""Deadlines: what does not come back is interrupted, and nothing else is."""

import contextlib
import signal
import threading
import time

import pytest

from nadoo_core.deadline import deadline

SHORT = 0.05
LONG = 30.0


def late() -> TimeoutError:
    return TimeoutError("too late")


def test_a_block_that_waits_is_interrupted() -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="too late"), deadline(SHORT, late):
        time.sleep(LONG)
    assert time.monotonic() - started < LONG / 3


def test_a_block_that_loops_and_swallows_every_error_is_interrupted() -> None:
    def stubborn() -> None:
        while True:
            with contextlib.suppress(Exception):
                time.sleep(SHORT)

    with pytest.raises(TimeoutError, match="too late"), deadline(SHORT, late):
        stubborn()


def test_a_block_in_time_is_left_alone_and_no_alarm_stays() -> None:
    before = signal.getitimer(signal.ITIMER_REAL)[0]
    with deadline(LONG, late):
        value = 3
    assert value == 3
    after = signal.getitimer(signal.ITIMER_REAL)[0]
    assert (after > 0) == (before > 0)
    assert after <= before or before == 0


def test_an_earlier_deadline_around_it_stays_the_one() -> None:
    with pytest.raises(TimeoutError, match="outer"), deadline(SHORT, lambda: TimeoutError("outer")):  # noqa: SIM117
        with deadline(LONG, late):
            time.sleep(LONG)


def test_the_error_of_the_block_is_its_own() -> None:
    with pytest.raises(ValueError, match="mine"), deadline(LONG, late):
        raise ValueError("mine")


def test_without_seconds_or_beside_the_main_thread_nothing_is_limited() -> None:
    done: list[str] = []

    def work() -> None:
        with deadline(SHORT, late):
            time.sleep(2 * SHORT)
        done.append("thread")

    with deadline(None, late):
        time.sleep(SHORT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["thread"]

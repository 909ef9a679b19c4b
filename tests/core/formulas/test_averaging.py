"""Averages of snapshots: uniform and forgetting."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies
from numpy.typing import NDArray

from nadoo_core.formulas import RunningAverage, average, exponential_average
from nadoo_graphs.errors import EmptyTensorError
from tests.core.formulas.drawn import elements, pairs, shares, vectors

SNAPSHOTS = strategies.integers(1, 4).flatmap(
    lambda size: strategies.lists(
        strategies.lists(elements(), min_size=size, max_size=size).map(np.array), min_size=1, max_size=8
    )
)
Both = tuple[NDArray[np.float64], NDArray[np.float64]]


def test_the_reference_average() -> None:
    assert average([1, 2, 4]) == pytest.approx(2.3333, abs=5e-5)


def test_an_average_of_no_snapshot_is_refused() -> None:
    with pytest.raises(EmptyTensorError, match="no snapshot was taken"):
        average([])


def test_an_average_is_a_value_that_its_reader_cannot_change() -> None:
    first = RunningAverage().including([1.0, 2.0])
    first.mean[:] = 0
    assert first.including([3.0, 4.0]).count == 2
    assert (first.count, first.mean.tolist()) == (1, [1, 2])


def test_float32_snapshots_accumulate_in_float64() -> None:
    snapshots = [np.array([1.0], np.float32), *[np.array([1 + 2**-23], np.float32)] * 999]
    assert average(snapshots)[0] == pytest.approx(1 + 0.999 * 2**-23, rel=1e-13)


@given(SNAPSHOTS)
def test_the_running_average_is_the_mean_in_any_order(snapshots: list[NDArray[np.float64]]) -> None:
    """(1/n)·Σ wᵢ, within the smallest and largest snapshot at each coordinate."""
    found = average(snapshots)
    np.testing.assert_allclose(found, np.mean(snapshots, axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found, average(reversed(snapshots)), rtol=1e-9, atol=1e-9)
    assert (found >= np.min(snapshots, axis=0) - 1e-9).all()
    assert (found <= np.max(snapshots, axis=0) + 1e-9).all()


@given(vectors(), strategies.integers(1, 9))
def test_equal_snapshots_are_their_own_average(snapshot: NDArray[np.float64], count: int) -> None:
    """The average of identical snapshots is the snapshot, exactly."""
    np.testing.assert_array_equal(average([snapshot] * count), snapshot)


@given(SNAPSHOTS)
def test_the_recurrence_holds(snapshots: list[NDArray[np.float64]]) -> None:
    """w̄ₙ = w̄ₙ₋₁ + (w − w̄ₙ₋₁)/n."""
    states = [RunningAverage()]
    for snapshot in snapshots:
        states.append(states[-1].including(snapshot))
    for snapshot, (before, after) in zip(snapshots[1:], pairwise(states[1:]), strict=True):
        expected = before.mean + (snapshot - before.mean) / after.count
        np.testing.assert_allclose(after.mean, expected, rtol=1e-9, atol=1e-9)


@given(pairs(), shares())
def test_a_forgetting_average_lies_between_the_old_and_the_new(both: Both, decay: float) -> None:
    """decay·w̄ + (1 − decay)·w: the mean at 1, the snapshot at 0, between at each coordinate."""
    old, new = both
    found = exponential_average(old, new, decay)
    assert (found >= np.minimum(old, new) - 1e-9).all()
    assert (found <= np.maximum(old, new) + 1e-9).all()
    np.testing.assert_array_equal(exponential_average(old, new, 1), old)
    np.testing.assert_array_equal(exponential_average(old, new, 0), new)

"""Averages of weights over training, kept as values so that a run can be resumed from them.

What is averaged are the float master weights; the caller quantizes the average and recomputes normalization.
"""

from collections.abc import Iterable
from functools import reduce

import numpy as np
from attrs import field, frozen
from numpy.typing import ArrayLike

from nadoo_core.formulas.arrays import Reals, finite, same_shape
from nadoo_core.formulas.parameters import between, require
from nadoo_graphs.errors import Code, EmptyTensorError, Problem


@frozen(eq=False)
class RunningAverage:
    """The uniform mean of the snapshots so far: w̄ₙ = w̄ₙ₋₁ + (w − w̄ₙ₋₁)/n.

    Law: the first snapshot is its own average; equal snapshots leave it as it is; independent of their order; within
    the smallest and largest snapshot at each coordinate.
    """

    count: int = 0
    weights: Reals = field(factory=lambda: np.zeros(0))

    def including(self, snapshot: ArrayLike) -> "RunningAverage":
        """The average with one more snapshot, in float64; this one stays as it was."""
        added = finite(snapshot, "snapshot")
        if not self.count:
            return RunningAverage(1, added)
        same_shape(self.weights, added, "snapshot")
        count = self.count + 1
        return RunningAverage(count, self.weights + (added / count - self.weights / count))

    @property
    def mean(self) -> Reals:
        """The average, refused before the first snapshot."""
        if not self.count:
            message = "no snapshot was taken; include at least one, for instance by starting to average earlier"
            raise EmptyTensorError(Problem(Code.DATA, "snapshots", message))
        return self.weights.copy()


def average(snapshots: Iterable[ArrayLike]) -> Reals:
    """The uniform mean of snapshots of one shape.

    Law: (1/n)·Σ wᵢ; a single snapshot is copied.
    """
    return reduce(RunningAverage.including, snapshots, RunningAverage()).mean


def exponential_average(mean: ArrayLike, snapshot: ArrayLike, decay: float) -> Reals:
    """One step of an average that forgets: w̄ ← decay·w̄ + (1 − decay)·w.

    Law: the mean at decay 1, the snapshot at decay 0, between the two at each coordinate.
    """
    require(between("decay", decay, 0, 1))
    old, new = finite(mean, "mean"), finite(snapshot, "snapshot")
    same_shape(old, new, "mean and snapshot")
    return old * decay + new * (1.0 - decay)

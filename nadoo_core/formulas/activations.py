"""Which share of activations is positive, counted so that batches and layers of any size add up."""

from collections.abc import Iterable
from functools import reduce

import numpy as np
from attrs import frozen
from numpy.typing import ArrayLike

from nadoo_core.formulas.arrays import finite
from nadoo_core.formulas.parameters import require, whole
from nadoo_graphs.errors import Code, EmptyTensorError, Problem


@frozen
class ActivationCount:
    """How many outputs of an activation were seen, were positive, and were zero.

    Law: counts add: the count of two disjoint sets is the sum of theirs, in any order and any batch size.
    """

    positive: int = 0
    zero: int = 0
    total: int = 0

    def __attrs_post_init__(self) -> None:
        """Refuse counts that no tensor has."""
        require(
            whole("total", self.total, 0),
            whole("positive", self.positive, 0, self.total),
            whole("zero", self.zero, 0, self.total - self.positive),
        )

    @classmethod
    def of(cls, outputs: ArrayLike) -> "ActivationCount":
        """The count of one tensor of outputs; one without elements counts nothing.

        Law: unchanged when the outputs are multiplied by a positive number.
        """
        numbers = finite(outputs, "outputs")
        return cls(int((numbers > 0).sum()), int((numbers == 0).sum()), numbers.size)

    def __add__(self, other: "ActivationCount") -> "ActivationCount":
        return ActivationCount(self.positive + other.positive, self.zero + other.zero, self.total + other.total)

    @property
    def positive_share(self) -> float:
        """Outputs greater than 0 among all: #(y > 0)/numel(y).

        Law: in [0, 1]; equals 1 − zero share exactly where no output is negative.
        """
        return self.positive / self.seen

    @property
    def zero_share(self) -> float:
        """Outputs equal to 0 among all, which is what an inner loop that skips zeros gains from.

        Law: in [0, 1], and positive share + zero share ≤ 1.
        """
        return self.zero / self.seen

    @property
    def seen(self) -> int:
        """The number of outputs, refused where there is none, since a share of nothing is not a number."""
        if not self.total:
            message = "no output was counted; give the outputs of at least one activation"
            raise EmptyTensorError(Problem(Code.SHAPE, "outputs", message))
        return self.total


def positive_share(outputs: Iterable[ArrayLike]) -> float:
    """The share of positive elements over many tensors, each element counting the same.

    Law: Σ #(y > 0) / Σ numel(y), in [0, 1], independent of how the elements are cut into tensors.
    """
    return total_count(map(ActivationCount.of, outputs)).positive_share


def mean_positive_share(layers: Iterable[ActivationCount]) -> float:
    """The mean of the layers' own shares, in which a wide layer counts no more than a narrow one.

    Law: between the smallest and the largest share of a layer; the positive share itself if all are equally wide.
    """
    shares = [layer.positive_share for layer in layers]
    return float(np.mean(shares)) if shares else ActivationCount().positive_share


def total_count(counts: Iterable[ActivationCount]) -> ActivationCount:
    """All counts together.

    Law: independent of the order; of no counts, the count of nothing.
    """
    return reduce(ActivationCount.__add__, counts, ActivationCount())

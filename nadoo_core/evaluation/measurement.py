"""A measured number with what is needed to judge it: how many examples it is from and how far chance may move it."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from nadoo_graphs.errors import Code, EmptyTensorError, Problem

if TYPE_CHECKING:
    import torch


@frozen
class Measurement:
    """A value, the number of examples behind it, and its standard error; None where one example cannot tell."""

    value: float
    count: int
    standard_error: float | None

    def document(self) -> dict[str, float | int | str | None]:
        """The measurement for a JSON file, which has no infinities: those are texts."""
        value = self.value if math.isfinite(self.value) else str(self.value)
        return {"value": value, "count": self.count, "standard_error": self.standard_error}

    def __str__(self) -> str:
        error = "" if self.standard_error is None else f" ± {self.standard_error:.2g}"
        return f"{self.value:.6g}{error} ({self.count} examples)"


def mean_of(values: Sequence[float]) -> Measurement:
    """The mean of one number an example, exactly summed, so that neither order nor batches matter."""
    count = len(values)
    if not count:
        raise EmptyTensorError(Problem(Code.DATA, "measurement", "there is no example to measure; give at least one"))
    mean = math.fsum(values) / count
    return Measurement(mean, count, spread([value - mean for value in values]))


def spread(deviations: Sequence[float]) -> float | None:
    """The standard error of a mean, from the deviations of its terms."""
    count = len(deviations)
    if count < 2 or not all(map(math.isfinite, deviations)):
        return None
    return math.sqrt(math.fsum(deviation**2 for deviation in deviations) / (count - 1) / count)


def numbers(values: "torch.Tensor") -> list[float]:
    """A tensor of one number an example as Python's."""
    return [float(value) for value in values.double().numpy()]

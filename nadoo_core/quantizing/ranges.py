"""Range estimators: from the values that an activation had on calibration data, the range that its codes cover.

A range always holds zero, which is then exact: padding and ReLU stay what they are.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

import torch
from attrs import frozen

from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.options import Options, did_you_mean, option, structure
from nadoo_core.quantizing.algebra import parts_of, square_sums
from nadoo_core.quantizing.divergence import divergence_clip
from nadoo_core.quantizing.rows import ascending
from nadoo_graphs.errors import Code, EmptyTensorError, NonFiniteError
from nadoo_graphs.errors import Problem as GraphProblem
from nadoo_graphs.formats.scales import SMALLEST_SCALE

EstimatorName: TypeAlias = Literal["minmax", "moving-average", "percentile", "mse", "kl"]
EXACT = (torch.float32, torch.float64)
MOST_VALUES = 1 << 18
"""Values that a search looks at: more of them do not move its result."""
SHRINKS = torch.linspace(0.3, 1.0, 71, dtype=torch.float64)


@frozen
class Range:
    """The smallest and the largest value that codes stand for; zero lies between them."""

    low: float
    high: float

    @classmethod
    def holding_zero(cls, low: float, high: float) -> "Range":
        """A range widened to hold zero."""
        return cls(min(0.0, low), max(0.0, high))

    @property
    def magnitude(self) -> float:
        """The larger of both ends."""
        return max(-self.low, self.high)

    def shrunk(self, low: float, high: float) -> "Range":
        """The range with each end drawn in by a factor."""
        return Range(self.low * low, self.high * high)


@frozen
class Codes:
    """The smallest and the largest code of an activation's format, and whether its zero point is fixed at 0."""

    low: int
    high: int
    symmetric: bool = False

    def scale(self, span: Range) -> float:
        """The step of a range; 1 where there is nothing but zeros, and never too small to divide by."""
        wanted = span.magnitude / self.high if self.symmetric else (span.high - span.low) / (self.high - self.low)
        return max(wanted, SMALLEST_SCALE) if wanted else 1.0

    def zero_point(self, span: Range) -> int:
        """The code of zero."""
        if self.symmetric:
            return 0
        return min(max(round(self.low - span.low / self.scale(span)), self.low), self.high)


def scale_and_zero_point(span: Range, codes: Codes) -> tuple[float, int]:
    """S and z of real = (q − z)·S: (hi − lo) spread over all codes, with zero on one of them.

    Law: S(cX) = c·S(X) and z(cX) = z(X) for c > 0; (0, 0) gives S = 1.
    """
    return codes.scale(span), codes.zero_point(span)


@frozen(kw_only=True)
class RangeEstimator(Options, ABC):
    """The base of every estimator: a frozen class of options with one method."""

    @property
    def option_place(self) -> str:
        """How messages name the estimator."""
        return f"range estimator {type(self).__name__}"

    @abstractmethod
    def estimate(self, values: torch.Tensor, codes: Codes) -> Range:
        """The range for the values of all calibration examples; the first axis counts the examples."""


@frozen(kw_only=True)
class MinMax(RangeEstimator):
    """From the smallest to the largest value: nothing is clipped."""

    def estimate(self, values: torch.Tensor, codes: Codes) -> Range:
        """Both extremes."""
        return extremes(measurable(values))


@frozen(kw_only=True)
class MovingAverage(RangeEstimator):
    """The extremes of every batch, averaged with a memory: one strange batch does not decide."""

    memory: float = option(default=0.99, minimum=0, below=1, help="how much of the average stays at every batch")
    batch: int = option(default=32, minimum=1, help="examples a batch")

    def estimate(self, values: torch.Tensor, codes: Codes) -> Range:
        """m ← memory·m + (1 − memory)·batch, from the first batch on."""
        parts = [extremes(part) for part in parts_of(measurable(values), self.batch)]
        low, high = parts[0].low, parts[0].high
        for part in parts[1:]:
            low = self.memory * low + (1 - self.memory) * part.low
            high = self.memory * high + (1 - self.memory) * part.high
        return Range.holding_zero(low, high)


@frozen(kw_only=True)
class PercentileRange(RangeEstimator):
    """A percentile at both ends, the rest is clipped: a few outliers do not cost everybody resolution."""

    p: float = option(default=99.99, above=50, maximum=100, help="the percentile; 100 − p is taken below")

    def estimate(self, values: torch.Tensor, codes: Codes) -> Range:
        """Both tails, interpolated linearly."""
        flat = measurable(values).reshape(1, -1)
        ordered = ascending(flat if flat.dtype in EXACT else flat.float())[0]
        place = (len(ordered) - 1) * self.p / 100
        return Range.holding_zero(at(ordered, len(ordered) - 1 - place), at(ordered, place))


@frozen(kw_only=True)
class MeanSquareRange(RangeEstimator):
    """The least square error of the codes as they are: both ends drawn in together, then each."""

    def estimate(self, values: torch.Tensor, codes: Codes) -> Range:
        """71 factors for both ends, then for each end, by the error of the integer codes."""
        seen = sample(measurable(values))
        whole = extremes(values)
        both = best_factor(seen, codes, lambda factor: whole.shrunk(factor, factor))
        if codes.symmetric or not whole.low or not whole.high:
            return whole.shrunk(both, both)
        low = best_factor(seen, codes, lambda factor: whole.shrunk(factor, both))
        return whole.shrunk(low, best_factor(seen, codes, lambda factor: whole.shrunk(low, factor)))


@frozen(kw_only=True)
class DivergenceRange(RangeEstimator):
    """The magnitude that keeps the distribution best; the other end no further than the values go."""

    stride: int = option(default=16, minimum=1, help="bins between two magnitudes that are tried")

    def estimate(self, values: torch.Tensor, codes: Codes) -> Range:
        """The extremes, clipped at the threshold of least divergence."""
        span = extremes(measurable(values))
        threshold = float(divergence_clip(values.reshape(1, -1), stride=self.stride))
        return Range.holding_zero(max(span.low, -threshold), min(span.high, threshold))


ESTIMATORS: Mapping[str, type[RangeEstimator]] = MappingProxyType({
    "minmax": MinMax,
    "moving-average": MovingAverage,
    "percentile": PercentileRange,
    "mse": MeanSquareRange,
    "kl": DivergenceRange,
})  # fmt: skip


def make_estimator(name: str, options: Mapping[str, object] | None = None) -> RangeEstimator:
    """An estimator by name with its options; an unknown name says which there are."""
    if name not in ESTIMATORS:
        raise OptionError(Problem(CoreCode.UNKNOWN_NAME, f"range estimator {name!r}", did_you_mean(name, ESTIMATORS)))
    return structure(ESTIMATORS[name], dict(options or {}), f"range estimator {name!r}")


# --- parts of estimates -----------------------------------------------------------------------------------------------


def measurable(values: torch.Tensor) -> torch.Tensor:
    """Values of which a range can be told: at least one, and all finite."""
    if not values.numel():
        message = f"shape {tuple(values.shape)} has no elements and so no range; calibrate with at least one example"
        raise EmptyTensorError(GraphProblem(Code.SHAPE, "activation", message))
    broken = values.numel() - int(torch.isfinite(values).sum())
    if broken:
        message = f"{broken} of {values.numel()} values are NaN or infinite; find where they arise"
        raise NonFiniteError(GraphProblem(Code.NONFINITE, "activation", message))
    return values.detach()


def extremes(values: torch.Tensor) -> Range:
    """The smallest and the largest value, widened to hold zero."""
    low, high = torch.aminmax(values)
    return Range.holding_zero(float(low), float(high))


def sample(values: torch.Tensor) -> torch.Tensor:
    """At most so many of the values, evenly spread; the number of steps is odd, so that no axis is favoured."""
    flat = values.reshape(-1)
    stride = len(flat) // MOST_VALUES
    return flat[:: stride | 1].double() if stride else flat.double()


def at(ordered: torch.Tensor, place: float) -> float:
    """The value at a place between two."""
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(torch.lerp(ordered[low], ordered[high], place - low))


def best_factor(values: torch.Tensor, codes: Codes, shrunk: Callable[[float], Range]) -> float:
    """The factor whose range has the least error; of equals the largest."""
    factors = [float(factor) for factor in SHRINKS.flip(0)]
    errors = [code_error(values, shrunk(factor), codes) for factor in factors]
    return factors[min(range(len(errors)), key=errors.__getitem__)]


def code_error(values: torch.Tensor, span: Range, codes: Codes) -> float:
    """The square error of the codes of a range."""
    scale, zero = scale_and_zero_point(span, codes)
    rounded = (values / scale).round_().clamp_(codes.low - zero, codes.high - zero).mul_(scale).sub_(values)
    return float(square_sums(rounded))

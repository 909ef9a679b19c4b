"""The codecs of code books: formats whose levels are signs, odd integers, powers of two or entries of a table.

Each knows one rule, from a real number in units of the scale to a code and back; what all have in common, the checks,
the dtypes and the gradient, stands in the base. Everything is computed in float64.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum
from math import sqrt

import torch
from attrs import frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.formats.blocks import in_blocks
from nadoo_graphs.formats.checks import (
    Scale,
    ZeroPoint,
    refusal,
    require_finite,
    require_reals,
    require_scale,
)
from nadoo_graphs.formats.codecs import gradient_factor
from nadoo_graphs.formats.format import GradientRule, NonFinite


class PowerRounding(StrEnum):
    """Which of two neighbouring powers of two a number becomes."""

    NEAREST = "nearest"
    LOG = "log"
    FLOOR = "floor"


THRESHOLDS = {PowerRounding.NEAREST: 1.5, PowerRounding.LOG: sqrt(2), PowerRounding.FLOOR: 2.0}
LARGEST_POWER = 7
POWERS = torch.tensor([float(1 << exponent) for exponent in range(LARGEST_POWER + 1)], dtype=torch.float64)
FLOOR_SLACK = 1e-6
"""Added to a logarithm before it is floored, so that exact powers of two stay where they are."""


@frozen
class BookCodec(ABC):
    """What the codecs of code books share; `reach` is the clip in units of the scale."""

    carrier: str
    reach: float

    @property
    def straight(self) -> bool:
        """Whether the straight-through gradient is one everywhere."""
        return True

    @property
    def whole(self) -> bool:
        """Whether a code depends on more than its own number, so that a tensor is encoded as a whole."""
        return False

    @abstractmethod
    def rounded(self, values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """The codes of real numbers, as float64."""

    def real(self, codes: torch.Tensor) -> torch.Tensor:
        """The levels of codes at scale 1, as float64."""
        return codes

    @abstractmethod
    def levels(self) -> Sequence[float] | None:
        """All levels at scale 1, ascending."""

    def encode(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        nonfinite: NonFinite = NonFinite.RAISE,
        where: str = "values",
    ) -> torch.Tensor:
        """The codes nearest to the values; NaN has no code, so it can only be refused."""
        if nonfinite is NonFinite.PROPAGATE:
            message = "nonfinite is 'propagate', but a code book holds no NaN; only 'raise' is allowed here"
            raise refusal(Code.NONFINITE, where, message)
        self.require(values, scale, zero_point, where)
        require_finite(values, where)
        return self.fast(values, scale, getattr(torch, self.carrier))

    def fast(self, values: torch.Tensor, scale: Scale, dtype: torch.dtype) -> torch.Tensor:
        """The codes in any dtype, of values that have been checked."""
        step = torch.as_tensor(scale, dtype=torch.float64, device=values.device)
        if self.whole or not values.numel():
            return (
                self.rounded(values.detach().to(torch.float64), step).to(dtype) if values.numel() else values.to(dtype)
            )
        return in_blocks(self.rounded, values.detach(), step, dtype)

    def decode(
        self,
        codes: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        dtype: torch.dtype | None = None,
    ) -> torch.Tensor:
        """The levels times the scale, rounded once."""
        self.refuse_zero_point(zero_point, "codes")
        require_scale(scale, codes, "codes")
        step = torch.as_tensor(scale, dtype=torch.float64, device=codes.device)
        return (self.real(codes.to(torch.float64)) * step).to(dtype or torch.float32)

    def gradient(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        rule: GradientRule = GradientRule.STRAIGHT_THROUGH,
    ) -> torch.Tensor:
        """One, or zero beyond the clip."""
        self.require(values, scale, zero_point, "values")
        step = torch.as_tensor(scale, dtype=torch.float64, device=values.device)
        return gradient_factor(values, values.to(torch.float64).abs() <= step * self.reach, rule)

    def require(self, values: torch.Tensor, scale: Scale, zero_point: ZeroPoint | None, where: str) -> None:
        """Real values with a usable scale."""
        self.refuse_zero_point(zero_point, where)
        require_reals(values, where)
        require_scale(scale, values, where)

    def refuse_zero_point(self, zero_point: ZeroPoint | None, where: str) -> None:
        """The levels of a code book lie where they lie."""
        if zero_point is not None:
            message = f"the zero point is {zero_point}, but a code book has none; leave it out"
            raise refusal(Code.DATA, where, message)


@frozen
class SignCodec(BookCodec):
    """-1 and +1: the sign of a number, or of its distance from the mean of all that share a scale. Zero is +1."""

    centred: bool = False

    @property
    def whole(self) -> bool:
        """The mean is that of all."""
        return self.centred

    def rounded(self, values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """+1 from the threshold upwards."""
        return (values >= self.threshold(values, scale)).to(torch.float64).mul_(2).sub_(1)

    def threshold(self, values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Zero, or the mean, which no rounding may lift above the largest value."""
        if not self.centred:
            return values.new_zeros(())
        axes = [axis for axis in range(values.ndim) if not scale.ndim or scale.shape[axis] == 1]
        if not axes:
            return values
        return torch.minimum(values.mean(axes, keepdim=True), values.amax(axes, keepdim=True))

    def levels(self) -> Sequence[float]:
        """The two signs."""
        return (-1.0, 1.0)


@frozen
class OddCodec(BookCodec):
    """Levels half a step away from zero, held as odd integers: code 2u of u = clamp(rne(w/step - 1/2)) + 1/2."""

    half: int

    def rounded(self, values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """A step is twice the scale, which belongs to the odd integers."""
        steps = (values / (scale * 2)).sub_(0.5).round_().clamp_(-self.half, self.half - 1)
        return steps.mul_(2).add_(1)

    def levels(self) -> Sequence[float]:
        """The odd integers."""
        return [float(level) for level in range(1 - 2 * self.half, 2 * self.half, 2)]


@frozen
class ShiftedCodec(BookCodec):
    """Consecutive integers that lie off their grid by a constant: clamp(rne(w - offset)) + offset."""

    minimum: int
    maximum: int
    offset: float = 0.0

    def rounded(self, values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """The integer below the offset."""
        return (values / scale).sub_(self.offset).round_().clamp_(self.minimum, self.maximum)

    def real(self, codes: torch.Tensor) -> torch.Tensor:
        """The integer and the offset."""
        return codes + self.offset

    def levels(self) -> Sequence[float]:
        """Every integer, shifted."""
        return [level + self.offset for level in range(self.minimum, self.maximum + 1)]


@frozen
class PowerCodec(BookCodec):
    """A sign times a power of two from 1 to 128."""

    rounding: PowerRounding = PowerRounding.NEAREST

    def rounded(self, values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """The mantissa, from 1 to 2, is compared with the threshold of the rounding."""
        magnitudes = (values / scale).abs_()
        if self.rounding is PowerRounding.FLOOR:
            magnitudes.mul_(2**FLOOR_SLACK)
        mantissas, exponents = torch.frexp(magnitudes)
        raised = exponents - 1 + (mantissas * 2 >= THRESHOLDS[self.rounding])
        powers = POWERS.to(values.device)[raised.clamp_(0, LARGEST_POWER).long()]
        return torch.where(values >= 0, powers, -powers)

    def levels(self) -> Sequence[float]:
        """Both signs of every power."""
        powers = [float(1 << exponent) for exponent in range(LARGEST_POWER + 1)]
        return [*(-power for power in reversed(powers)), *powers]


@frozen
class TableCodec(BookCodec):
    """The nearest of ascending levels; the code is its index."""

    table: tuple[float, ...]

    def rounded(self, values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Counted are the midpoints between neighbours that lie below."""
        levels = torch.tensor(self.table, dtype=torch.float64, device=values.device)
        return torch.bucketize(values / scale, (levels[1:] + levels[:-1]) / 2).to(torch.float64)

    def real(self, codes: torch.Tensor) -> torch.Tensor:
        """The level at an index."""
        return torch.tensor(self.table, dtype=torch.float64, device=codes.device)[codes.long()]

    def levels(self) -> Sequence[float]:
        """The table."""
        return self.table


@frozen
class TanhCodec(BookCodec):
    """DoReFa: tanh squeezes the weights into [-1, 1] by their largest, where odd integers divide it evenly.

    The scale plays no part in encoding, and encoding twice is not the same as once. Nothing but zeros has no largest
    to be squeezed by and stays zero, which is no level: such codes compute, but cannot be packed.
    """

    bits: int

    @property
    def keeps_zeros(self) -> bool:
        """Whether a tensor of zeros is encoded as such although no level is zero."""
        return True

    @property
    def whole(self) -> bool:
        """The largest is that of all."""
        return True

    @property
    def straight(self) -> bool:
        """The tanh bends it."""
        return False

    def gradient(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        rule: GradientRule = GradientRule.STRAIGHT_THROUGH,
    ) -> torch.Tensor:
        """The slope of tanh over its largest magnitude, which counts as a constant; nothing is ever clipped."""
        self.require(values, scale, zero_point, "values")
        squeezed = torch.tanh(values.detach().to(torch.float64))
        largest = squeezed.abs().amax() if values.numel() else squeezed.new_ones(())
        return ((1 - squeezed.square()) / torch.where(largest > 0, largest, 1.0)).to(values.dtype)

    def rounded(self, values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """2·rne((2^k - 1)·(tanh w / (2 max|tanh w|) + 1/2)) - (2^k - 1)."""
        squeezed = torch.tanh(values)
        largest = squeezed.abs().amax()
        if not bool(largest > 0):
            return squeezed
        steps = float((1 << self.bits) - 1)
        unit = squeezed.div_(largest * 2).add_(0.5)
        return unit.mul_(steps).round_().mul_(2).sub_(steps)

    def levels(self) -> Sequence[float]:
        """The odd integers that a width holds."""
        steps = (1 << self.bits) - 1
        return [float(level) for level in range(-steps, steps + 1, 2)]


NORMAL_FLOAT = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
    -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip
"""The sixteen levels between which a normal distribution is divided evenly."""
NORMAL_FLOAT_ROUNDED = tuple(round(level, 4) for level in NORMAL_FLOAT)

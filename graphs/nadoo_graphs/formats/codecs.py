"""The codecs of formats whose levels follow from a rule: floating point and consecutive integers.

Integers are computed in float64, so that a code does not depend on the dtype in which the scale was kept.
"""

from collections.abc import Sequence

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
    require_zero_point,
)
from nadoo_graphs.formats.format import GradientRule, NonFinite


def gradient_factor(values: torch.Tensor, inside: torch.Tensor, rule: GradientRule) -> torch.Tensor:
    """All ones, or ones where the value was not clipped, in the dtype of the values."""
    if rule is GradientRule.STRAIGHT_THROUGH:
        return torch.ones_like(values)
    return inside.to(values.dtype)


@frozen
class FloatCodec:
    """IEEE floating point and bfloat16: the codes are the numbers themselves, rounded by torch's own cast."""

    carrier: str

    @property
    def dtype(self) -> torch.dtype:
        """The carrier as torch knows it."""
        return getattr(torch, self.carrier)

    def encode(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        nonfinite: NonFinite = NonFinite.RAISE,
        where: str = "values",
    ) -> torch.Tensor:
        """The values in the narrower type; a finite value that would become an infinity is refused."""
        self.require(values, scale, zero_point, where)
        scaled = self.scaled(values, scale)
        codes = scaled.to(self.dtype)
        if nonfinite is NonFinite.RAISE:
            require_finite(values, where)
            self.require_no_overflow(codes, where)
        return codes

    def decode(
        self,
        codes: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        dtype: torch.dtype | None = None,
    ) -> torch.Tensor:
        """The numbers in at least float32, times the scale."""
        self.require(codes, scale, zero_point, "codes")
        target = dtype or torch.promote_types(self.dtype, torch.float32)
        return (codes.to(target) * torch.as_tensor(scale, dtype=torch.float64, device=codes.device)).to(target)

    def gradient(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        rule: GradientRule = GradientRule.STRAIGHT_THROUGH,
    ) -> torch.Tensor:
        """One, or zero where the type would overflow."""
        self.require(values, scale, zero_point, "values")
        inside = self.scaled(values, scale).abs() <= torch.finfo(self.dtype).max
        return gradient_factor(values, inside, rule)

    def levels(self) -> Sequence[float] | None:
        """None: nobody lists the numbers of a floating-point type."""
        return None

    def scaled(self, values: torch.Tensor, scale: Scale) -> torch.Tensor:
        """The values in units of the scale; untouched at scale 1, so that the cast is the only rounding."""
        if isinstance(scale, float | int) and scale == 1:
            return values
        return values.to(torch.float64) / torch.as_tensor(scale, dtype=torch.float64, device=values.device)

    def require(self, values: torch.Tensor, scale: Scale, zero_point: ZeroPoint | None, where: str) -> None:
        """Floating point has no zero point; the rest is checked as for any format."""
        if zero_point is not None:
            message = f"the zero point is {zero_point}, but {self.carrier} holds zero as it is; leave it out"
            raise refusal(Code.DATA, where, message)
        require_reals(values, where)
        require_scale(scale, values, where)

    def require_no_overflow(self, codes: torch.Tensor, where: str) -> None:
        """A finite value beyond the type's range would come back as an infinity."""
        count = codes.numel() - int(torch.isfinite(codes).sum())
        if count:
            largest = torch.finfo(self.dtype).max
            message = f"{count} of {codes.numel()} elements exceed {largest:g}, the largest {self.carrier}"
            raise refusal(Code.DATA, where, f"{message}; give a larger scale or choose a wider format")


@frozen
class IntegerCodec:
    """Consecutive integers: symmetric without a zero point, affine with one.

    Signed weights are symmetric and never use the most negative code, so that negation stays in range and
    products are bounded; with a zero point the whole range is used, as for activations.
    """

    carrier: str
    minimum: int
    maximum: int

    @property
    def straight(self) -> bool:
        """The straight-through gradient is one everywhere."""
        return True

    def bounds(self, zero_point: ZeroPoint | None) -> tuple[int, int]:
        """The codes that values are clamped to."""
        if zero_point is None and self.minimum < 0:
            return -self.maximum, self.maximum
        return self.minimum, self.maximum

    def encode(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        nonfinite: NonFinite = NonFinite.RAISE,
        where: str = "values",
    ) -> torch.Tensor:
        """clamp(rne(value / scale) + zero point); NaN has no integer, so it can only be refused."""
        if nonfinite is NonFinite.PROPAGATE:
            message = "nonfinite is 'propagate', but integers hold no NaN; only 'raise' is allowed here"
            raise refusal(Code.NONFINITE, where, message)
        self.require(values, scale, zero_point, where)
        require_finite(values, where)
        if zero_point is None:
            return self.fast(values, scale, getattr(torch, self.carrier))
        shifted = self.scaled(values, scale).round_() + self.offset(zero_point, values)
        return shifted.clamp_(*self.bounds(zero_point)).to(getattr(torch, self.carrier))

    def fast(self, values: torch.Tensor, scale: Scale, dtype: torch.dtype) -> torch.Tensor:
        """The codes without a zero point in any dtype, of values that have been checked."""
        low, high = self.bounds(None)
        step = torch.as_tensor(scale, dtype=torch.float64, device=values.device)
        return in_blocks(lambda part, size: (part / size).round_().clamp_(low, high), values.detach(), step, dtype)

    def decode(
        self,
        codes: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        dtype: torch.dtype | None = None,
    ) -> torch.Tensor:
        """(code - zero point) * scale, rounded once, to float32 unless another dtype is asked for."""
        self.require_parameters(codes, scale, zero_point, "codes")
        steps = codes.to(torch.float64) - self.offset(zero_point, codes)
        return (steps * torch.as_tensor(scale, dtype=torch.float64, device=codes.device)).to(dtype or torch.float32)

    def gradient(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        rule: GradientRule = GradientRule.STRAIGHT_THROUGH,
    ) -> torch.Tensor:
        """One, or zero outside the smallest and the largest level."""
        self.require(values, scale, zero_point, "values")
        low, high = self.bounds(zero_point)
        position = self.scaled(values, scale) + self.offset(zero_point, values)
        return gradient_factor(values, (position >= low) & (position <= high), rule)

    def levels(self) -> Sequence[float] | None:
        """The integers that values are encoded to without a zero point."""
        low, high = self.bounds(None)
        return range(low, high + 1)

    def scaled(self, values: torch.Tensor, scale: Scale) -> torch.Tensor:
        """The values in units of the scale, in float64."""
        return values.to(torch.float64) / torch.as_tensor(scale, dtype=torch.float64, device=values.device)

    def offset(self, zero_point: ZeroPoint | None, values: torch.Tensor) -> torch.Tensor:
        """The zero point where the values are, zero where there is none."""
        point = 0 if zero_point is None else zero_point
        return torch.as_tensor(point, dtype=torch.float64, device=values.device)

    def require(self, values: torch.Tensor, scale: Scale, zero_point: ZeroPoint | None, where: str) -> None:
        """Real values with a usable scale and zero point."""
        require_reals(values, where)
        self.require_parameters(values, scale, zero_point, where)

    def require_parameters(self, values: torch.Tensor, scale: Scale, zero_point: ZeroPoint | None, where: str) -> None:
        """A usable scale, and a zero point that is a code."""
        require_scale(scale, values, where)
        if zero_point is not None:
            require_zero_point(zero_point, self.minimum, self.maximum, values, where)

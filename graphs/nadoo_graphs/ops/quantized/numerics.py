"""Integers carried in floating point: exact forward, straight-through backward.

Every function here computes what the integer kernel computes, and lets gradients pass as if nothing had been rounded.
Where a product might not fit in the 53 bits of float64, the same step is done in int64.
"""

from functools import cached_property
from typing import Any, TypeAlias

import torch
from attrs import frozen

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.formats import Format, GradientRule
from nadoo_graphs.formats.requantize import LARGEST_EXPONENT, POWER_OF_TWO, UNIT, scale_double, scale_single

Context: TypeAlias = Any
SMALLEST_STEP = 2.0**-126
EXACT_FLOAT32 = 1 << 24
EXACT_PRODUCT = 1 << 21
"""Integers up to here, times a multiplier of 31 bits, leave float64 a bit to round with."""
LARGEST_FUSED_SHIFT = 20
"""⌊(⌊a·m + ½⌋ + 2ⁿ⁻¹) / 2ⁿ⌋ = ⌊a·m/2ⁿ + ½ + ½/2ⁿ⌋ for n > 0, which float64 holds exactly up to this n."""
BLOCK = 1 << 17
"""Elements that are rescaled at a time."""
LARGEST_ACCUMULATOR = (1 << 31) - 1
HARDTANH_BACKWARD: Any = torch.ops.aten.hardtanh_backward.grad_input
"""A gradient where numbers lie strictly between two bounds, in one go."""


def step_of(scale: torch.Tensor) -> torch.Tensor:
    """A scale in float64, which no learning turns negative."""
    return scale.to(torch.float64).abs().clamp(min=SMALLEST_STEP)


def point_of(zero_point: torch.Tensor | None) -> int:
    """A zero point, or 0 where there is none."""
    return 0 if zero_point is None else int(zero_point)


@frozen
class Factors:
    """Multipliers and exponents as tensors that lie along the accumulators: multiplier / 2**31 * 2**exponent."""

    multipliers: torch.Tensor
    exponents: torch.Tensor
    single: bool

    @classmethod
    def of(cls, reals: torch.Tensor, mode: str, where: str) -> "Factors":
        """Decompose real factors; "shift" takes the nearest power of two."""
        reals = reals.detach().reshape(reals.shape or (1,))
        require_factors(reals, where)
        if mode == "shift":
            reals = torch.exp2(torch.log2(reals).round())
        mantissas, exponents = torch.frexp(reals)
        multipliers, exponents = (mantissas * UNIT).round().long(), exponents.long()
        full = multipliers == UNIT
        multipliers = torch.where(full, POWER_OF_TWO, multipliers)
        exponents = torch.where(full, exponents + 1, exponents)
        small = exponents < -LARGEST_EXPONENT
        return cls(torch.where(small, 0, multipliers), torch.where(small, 0, exponents), mode != "double")

    @cached_property
    def largest(self) -> int:
        """The largest exponent."""
        return int(self.exponents.max()) if self.exponents.numel() else 0

    @cached_property
    def least(self) -> int:
        """The smallest exponent."""
        return int(self.exponents.min()) if self.exponents.numel() else 0

    @cached_property
    def steps(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The factors in float64: all of it, or for two roundings the multiplier and then the shift to the right."""
        multipliers = self.multipliers.to(torch.float64)
        if self.single:
            return torch.ldexp(multipliers, self.exponents - 31), None
        right = torch.ldexp(torch.ones_like(multipliers), self.exponents.clamp(max=0))
        return torch.ldexp(multipliers, self.exponents.clamp(min=0) - 31), right

    @cached_property
    def fused(self) -> torch.Tensor:
        """Both factors in one, for two roundings that are done together."""
        return torch.ldexp(self.multipliers.to(torch.float64), self.exponents - 31)

    @cached_property
    def half(self) -> torch.Tensor:
        """What both roundings add then: a half, and where there is a shift, a half of what it was before the shift."""
        shifted = torch.ldexp(torch.full_like(self.exponents, 0.5, dtype=torch.float64), self.exponents).add_(0.5)
        return torch.where(self.exponents < 0, shifted, 0.5)


def require_factors(reals: torch.Tensor, where: str) -> None:
    """Factors are finite and below 2**31, else no multiplier stands for them."""
    if not bool((torch.isfinite(reals) & (reals < float(UNIT))).all()):
        message = f"a factor from input to output scale is {float(reals.max()):g}; it must be finite and below 2**31"
        raise GraphError(Problem(Code.DATA, where, f"{message}: check scales that are far too small or not finite"))


def rescaled(
    accumulator: torch.Tensor,
    factors: Factors,
    point: int,
    bound: float,
    positive: bool,
    held: torch.Tensor | None = None,
) -> torch.Tensor:
    """Accumulators of at most `bound` as codes before their clamp, in float64: in `held`, if it is given.

    `positive` says that results below the zero point will be clamped to it, so that ties among them do not matter.
    """
    if bound * 2.0 ** max(factors.largest, 0) > EXACT_PRODUCT:
        scale = scale_single if factors.single else scale_double
        exact = scale(accumulator.long(), factors.multipliers, factors.exponents)
        return exact.to(torch.float64).add_(point)
    real = accumulator.to(torch.float64, copy=True) if held is None else held.copy_(accumulator)
    first, second = factors.steps
    if second is None:
        return offset(real.mul_(first).add_(0.5).floor_(), point)
    if positive and factors.least >= -LARGEST_FUSED_SHIFT:
        return offset(real.mul_(factors.fused).add_(factors.half).floor_(), point)
    real.mul_(first).add_(0.5).floor_().mul_(second)
    return offset(real.add_(real.sign().mul_(0.5)).trunc_(), point)


def offset(codes: torch.Tensor, point: int) -> torch.Tensor:
    """Codes counted from a zero point, in place."""
    return codes.add_(point) if point else codes


def parts(accumulator: torch.Tensor, laid: torch.Tensor) -> list[Any]:
    """Slices of the first axis that fit in the cache; one for all where the other numbers are laid along it too."""
    if accumulator.ndim == 0:
        return [...]
    fixed = laid.ndim == accumulator.ndim and laid.ndim > 0 and laid.shape[0] > 1
    if fixed or accumulator.numel() <= BLOCK:
        return [slice(None)]
    rows = max(1, BLOCK * accumulator.shape[0] // accumulator.numel())
    return [slice(start, start + rows) for start in range(0, accumulator.shape[0], rows)]


@frozen
class Target:
    """Where accumulators go: zero point, bounds, carrier, the rule for learned steps, and the node for messages."""

    point: int
    low: int
    high: int
    dtype: torch.dtype
    mode: str
    rule: str
    where: str


class Rescale(torch.autograd.Function):
    """Accumulators times a factor over an output step, as codes; the factor is laid along the accumulators."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        context: Context,
        accumulator: torch.Tensor,
        factor: torch.Tensor,
        step: torch.Tensor,
        target: Target,
        bound: float,
    ) -> torch.Tensor:
        """Exactly what integers give."""
        real = factor.detach().reshape(factor.shape or (1,)) / step.detach()
        factors = Factors.of(real, target.mode, target.where)
        codes = torch.empty(accumulator.shape, dtype=target.dtype, device=accumulator.device)
        slices = parts(accumulator, real)
        held = torch.empty(accumulator[slices[0]].shape, dtype=torch.float64, device=accumulator.device)
        for part in slices:
            sums = accumulator[part]
            room = held[: len(sums)] if sums.ndim else held
            found = rescaled(sums, factors, target.point, bound, target.low >= target.point, room)
            codes[part] = found.clamp_(target.low, target.high)
        if any(context.needs_input_grad):
            kept = (codes,) if any(context.needs_input_grad[1:3]) else ()
            context.save_for_backward(accumulator, real, step, *kept)
            context.target, context.shape = target, factor.shape
        return codes

    @staticmethod
    def backward(context: Context, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Straight through where the code was not clamped; a step learns by LSQ's or by PACT's rule."""
        accumulator, real, step, *rest = context.saved_tensors
        given = passed_back(gradients[0], accumulator, real, context.target)
        if not rest:
            return given, None, None, None, None
        (codes,) = rest
        passed = given.to(torch.float64)
        by_factor = reduced(passed * accumulator / real, context.shape) / step if context.needs_input_grad[1] else None
        by_step = None
        if context.needs_input_grad[2]:
            pact = context.target.rule == "pact"
            values = (codes.to(torch.float64) - context.target.point) / real if pact else accumulator
            by_step = -(passed * values).sum() / step
        return given, by_factor, by_step, None, None


def passed_back(gradient: torch.Tensor, accumulator: torch.Tensor, real: torch.Tensor, target: Target) -> torch.Tensor:
    """A gradient times the factor, where the accumulator's code lies between the bounds, and zero beyond them."""
    low, high = float(target.low - target.point), float(target.high - target.point)
    factor = real.to(accumulator.dtype)
    numbers = accumulator * factor
    HARDTANH_BACKWARD(gradient, numbers, low, high, grad_input=numbers)
    return numbers.mul_(factor)


def reduced(gradient: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """A gradient summed to a shape that stretches to its own, in float64."""
    return gradient.to(torch.float64).sum_to_size(shape or (1,)).reshape(shape)


class Encode(torch.autograd.Function):
    """A master weight as the integers that kernels multiply with, in the dtype of the weight."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        context: Context, weight: torch.Tensor, step: torch.Tensor, form: Format, rule: str, where: str
    ) -> torch.Tensor:
        """The integers of the codes."""
        codes = form.integers_of(weight.detach(), step.detach(), where)
        if any(context.needs_input_grad):
            context.save_for_backward(weight, step)
            context.form, context.rule = form, rule
        return codes

    @staticmethod
    def backward(context: Context, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Straight through, by the rule of the format; a step learns from the weights that are not clipped."""
        weight, step = context.saved_tensors
        form: Format = context.form
        scaled = gradients[0] * (form.unit / step).to(weight.dtype)
        rule = GradientRule(context.rule)
        plain = rule is GradientRule.STRAIGHT_THROUGH and form.passes_gradients
        given = scaled if plain else scaled * form.gradient(weight, step, None, rule)
        if not context.needs_input_grad[1]:
            return given, None, None, None, None
        inside = weight.abs() < (step * (form.largest_integer / form.unit)).to(weight.dtype)
        by_step = -reduced(scaled * weight * inside, step.shape) / step
        return given, by_step, None, None, None


class EncodeBias(torch.autograd.Function):
    """A master bias in units of the accumulator, clamped to int32, in float64."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        context: Context, bias: torch.Tensor, unit: torch.Tensor
    ) -> torch.Tensor:
        """The nearest integers."""
        codes = (bias.to(torch.float64) / unit).round_().clamp_(-LARGEST_ACCUMULATOR - 1, LARGEST_ACCUMULATOR)
        context.save_for_backward(codes, unit)
        context.dtype = bias.dtype
        return codes

    @staticmethod
    def backward(context: Context, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Straight through; the unit's part is undone by the rescaling that follows."""
        codes, unit = context.saved_tensors
        given = gradients[0] / unit
        by_unit = -reduced(given * codes, unit.shape) if context.needs_input_grad[1] else None
        return given.to(context.dtype), by_unit


class Quantize(torch.autograd.Function):
    """Numbers as codes of a fixed step."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        context: Context, values: torch.Tensor, step: torch.Tensor, target: Target
    ) -> torch.Tensor:
        """clamp(rne(x / step) + zero point)."""
        codes = torch.empty(values.shape, dtype=target.dtype, device=values.device)
        for part in parts(values, step):
            found = values.detach()[part].to(torch.float64, copy=True).div_(step).round_().add_(target.point)
            codes[part] = found.clamp_(target.low, target.high)
        if any(context.needs_input_grad):
            context.save_for_backward(values, step, *((codes,) if context.needs_input_grad[1] else ()))
            context.target = target
        return codes

    @staticmethod
    def backward(context: Context, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Straight through where the code was not clamped."""
        values, step, *rest = context.saved_tensors
        target: Target = context.target
        low, high = ((edge - target.point) * step.to(values.dtype) for edge in (target.low, target.high))
        passed = gradients[0] * ((values > low) & (values < high))
        given = passed / step.to(values.dtype) if context.needs_input_grad[0] else None
        if not rest:
            return given, None, None
        learned = (
            (rest[0] - target.point).to(torch.float64) if target.rule == "pact" else values.to(torch.float64) / step
        )
        return given, -(passed * learned).sum(dtype=torch.float64) / step, None


def require_accumulator(bound: float, where: str) -> None:
    """Sums that might leave 32 bits have no kernel."""
    if bound > LARGEST_ACCUMULATOR:
        message = f"its sums may reach {bound:.3g}, more than the {LARGEST_ACCUMULATOR} of a 32-bit accumulator"
        raise GraphError(Problem(Code.LIMIT, where, f"{message}; use fewer terms, or narrower weights or values"))

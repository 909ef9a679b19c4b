"""From the int32 accumulator of a layer to the codes of its output, in integers, with the rounding named.

The real factor is decomposed once into a 31-bit multiplier and a power of two. Two ways of applying it are
in use and differ by one unit in a few percent of cases, so a graph says which one it was trained and
verified with.
"""

from collections.abc import Sequence
from enum import StrEnum
from math import frexp, isfinite
from typing import Any, Self

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray

from nadoo_graphs.errors import Code, FormatError, Problem
from nadoo_graphs.formats.checks import refusal
from nadoo_graphs.formats.rounding import Numbers, Rounding, shift_right

INT32_MINIMUM = -(1 << 31)
INT32_MAXIMUM = (1 << 31) - 1
UNIT = 1 << 31
POWER_OF_TWO = 1 << 30
LARGEST_EXPONENT = 31


class RequantizationMode(StrEnum):
    """`double` rounds the product and the shift (gemmlowp, TFLM), `single` rounds once in 64 bits."""

    DOUBLE = "double"
    SINGLE = "single"

    @property
    def roundings(self) -> tuple[Rounding, ...]:
        """The roundings in their order, for comments in generated code."""
        return (Rounding.RHU, Rounding.RHAZ) if self is RequantizationMode.DOUBLE else (Rounding.RHU,)


def decompose_multiplier(real: float, where: str = "multiplier") -> tuple[int, int]:
    """A factor as (multiplier, exponent): multiplier / 2**31 * 2**exponent, multiplier in [2**30, 2**31).

    Zero is (0, 0), and so is a factor below 2**-32, with which no int32 reaches one half.
    """
    if not isfinite(real) or real < 0:
        message = f"the factor is {real}; it must be finite and not negative: check the scales that it comes from"
        raise refusal(Code.DATA, where, message)
    mantissa, exponent = frexp(real)
    multiplier = round(mantissa * UNIT)
    if multiplier == UNIT:
        multiplier, exponent = POWER_OF_TWO, exponent + 1
    if exponent > LARGEST_EXPONENT:
        message = f"the factor is {real:g}; it must be below 2**31: the output scale is far too small"
        raise refusal(Code.DATA, where, message)
    return (multiplier, exponent) if exponent >= -LARGEST_EXPONENT else (0, 0)


def doubling_high_product(values: Numbers, multiplier: int | Numbers) -> Numbers:
    """The high half of twice the product of two int32, ties upwards; only (-2**31)**2 saturates."""
    return shift_right(values * multiplier, 31, Rounding.RHU).clip(INT32_MINIMUM, INT32_MAXIMUM)


def scale_double(accumulator: Numbers, multiplier: int | Numbers, exponent: int | Numbers) -> Numbers:
    """Shift left, high product, shift right: the reference of gemmlowp.

    The left shift of factors from one upwards saturates, which only shows where codes beyond 2**30 are in bounds.
    """
    left, right = positive_part(exponent), positive_part(-exponent)
    shifted = (accumulator << left).clip(INT32_MINIMUM, INT32_MAXIMUM)
    return shift_right(doubling_high_product(shifted, multiplier), right, Rounding.RHAZ)


def scale_single(accumulator: Numbers, multiplier: int | Numbers, exponent: int | Numbers) -> Numbers:
    """One product in 64 bits and one shift."""
    return shift_right(accumulator * multiplier, 31 - exponent, Rounding.RHU)


def positive_part(value: int | Numbers) -> int | Numbers:
    """The value, or zero where it is negative."""
    return max(value, 0) if isinstance(value, int) else value.clip(0)


def mode_of(mode: RequantizationMode | str) -> RequantizationMode:
    """The mode of a name, or a refusal that lists the names."""
    names = [member.value for member in RequantizationMode]
    if mode not in names:
        message = f"the mode is {mode!r}; allowed: {', '.join(map(repr, names))}"
        raise refusal(Code.UNKNOWN, "requantization", message)
    return RequantizationMode(mode)


def require_accumulator(accumulator: NDArray[Any] | torch.Tensor) -> None:
    """Products of int32 need int64 to be exact, and a real kernel's accumulator has 32 bits."""
    if str(accumulator.dtype) not in ("int64", "torch.int64"):
        message = f"the accumulator is {accumulator.dtype}; hold it in int64, where its products are exact"
        raise refusal(Code.DTYPE, "accumulator", message)
    outside = int(((accumulator < INT32_MINIMUM) | (accumulator > INT32_MAXIMUM)).sum())
    if outside:
        message = f"{outside} elements do not fit in int32; use fewer terms, or narrower weights or activations"
        raise refusal(Code.DATA, "accumulator", message)


@frozen(kw_only=True)
class Requantization:
    """The requantization of a layer as an exporter prints it: one factor, or one for each output channel."""

    multipliers: tuple[int, ...]
    exponents: tuple[int, ...]
    zero_point: int
    low: int
    high: int
    mode: RequantizationMode = RequantizationMode.DOUBLE

    def __attrs_post_init__(self) -> None:
        problems = [Problem(Code.DATA, "requantization", message) for message in self.complaints()]
        if problems:
            raise FormatError(problems)

    @classmethod
    def of(
        cls,
        factors: float | Sequence[float],
        zero_point: int,
        low: int,
        high: int,
        mode: RequantizationMode | str = RequantizationMode.DOUBLE,
    ) -> Self:
        """From real factors, input scale times weight scale over output scale."""
        reals = (factors,) if isinstance(factors, float | int) else tuple(factors)
        pairs = [decompose_multiplier(float(real), f"multiplier of channel {i}") for i, real in enumerate(reals)]
        return cls(
            multipliers=tuple(multiplier for multiplier, _ in pairs),
            exponents=tuple(exponent for _, exponent in pairs),
            zero_point=zero_point,
            low=low,
            high=high,
            mode=mode_of(mode),
        )

    @property
    def factors(self) -> tuple[float, ...]:
        """The real factors that the integers stand for."""
        pairs = zip(self.multipliers, self.exponents, strict=True)
        return tuple(multiplier * 2.0 ** (exponent - 31) for multiplier, exponent in pairs)

    @property
    def shifts_only(self) -> bool:
        """Whether every factor is a power of two, so that a kernel needs no multiplication."""
        return all(multiplier in (0, POWER_OF_TWO) for multiplier in self.multipliers)

    def apply(self, accumulator: Numbers, axis: int = -1) -> Numbers:
        """int32 accumulators, held in int64, as output codes; `axis` is where their channels lie."""
        require_accumulator(accumulator)
        multiplier = self.laid_out(self.multipliers, accumulator, axis)
        exponent = self.laid_out(self.exponents, accumulator, axis)
        scale = scale_double if self.mode is RequantizationMode.DOUBLE else scale_single
        return (scale(accumulator, multiplier, exponent) + self.zero_point).clip(self.low, self.high)

    def laid_out(self, numbers: tuple[int, ...], accumulator: Numbers, axis: int) -> int | Numbers:
        """A number for each channel, along the channels of the accumulator."""
        if len(numbers) == 1:
            return numbers[0]
        self.require_channels(accumulator, axis)
        shape = [1] * accumulator.ndim
        shape[axis] = len(numbers)
        if isinstance(accumulator, torch.Tensor):
            return torch.tensor(numbers, device=accumulator.device).reshape(shape)
        return np.array(numbers, dtype=np.int64).reshape(shape)

    def require_channels(self, accumulator: NDArray[Any] | torch.Tensor, axis: int) -> None:
        """One factor for each channel, else one would be used for another."""
        shape = tuple(accumulator.shape)
        if not -len(shape) <= axis < len(shape) or shape[axis] != len(self.multipliers):
            message = f"there are {len(self.multipliers)} factors for axis {axis} of the shape {shape}"
            raise refusal(Code.SHAPE, "requantization", f"{message}; that axis must have one index for each factor")

    def complaints(self) -> list[str]:
        """Everything that makes the integers unusable, at once."""
        found: list[str] = []
        if not self.multipliers or len(self.multipliers) != len(self.exponents):
            counts = f"{len(self.multipliers)} multipliers and {len(self.exponents)} exponents"
            found.append(f"there are {counts}; give as many of each, and at least one")
        multipliers = [each for each in self.multipliers if each and not POWER_OF_TWO <= each < UNIT]
        if multipliers:
            found.append(f"the multipliers {multipliers} are neither 0 nor in [2**30, 2**31); use Requantization.of")
        exponents = [each for each in self.exponents if abs(each) > LARGEST_EXPONENT]
        if exponents:
            found.append(f"the exponents {exponents} are not from -31 to 31; use Requantization.of")
        if not INT32_MINIMUM <= self.low <= self.high <= INT32_MAXIMUM:
            found.append(f"the bounds are {self.low} and {self.high}; low must not exceed high, both within int32")
        if not INT32_MINIMUM <= self.zero_point <= INT32_MAXIMUM:
            found.append(f"the zero point is {self.zero_point}; it must fit in int32")
        return found


def requantize(
    accumulator: Numbers,
    multiplier: int | Sequence[int],
    exponent: int | Sequence[int],
    zero_point: int,
    low: int,
    high: int,
    mode: RequantizationMode | str = RequantizationMode.DOUBLE,
) -> Numbers:
    """Requantize once with factors that were decomposed elsewhere; channels lie on the last axis."""
    requantization = Requantization(
        multipliers=(multiplier,) if isinstance(multiplier, int) else tuple(multiplier),
        exponents=(exponent,) if isinstance(exponent, int) else tuple(exponent),
        zero_point=zero_point,
        low=low,
        high=high,
        mode=mode_of(mode),
    )
    return requantization.apply(accumulator)

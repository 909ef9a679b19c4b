"""Scales, zero points and requantization, read from a node as its row reads them."""

from typing import TYPE_CHECKING, Any

import torch
from attrs import frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.lowered import integer_functions as functions
from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, i32
from nadoo_graphs.lowered.types import Kind

if TYPE_CHECKING:
    from nadoo_graphs.ops.op import Making

INT32_MAXIMUM = (1 << 31) - 1


def making(call: LoweringCall) -> "Making":
    """The node as its layer is made from."""
    return call.views.graph.making(call.node)


def step(call: LoweringCall, role: str) -> torch.Tensor:
    """A scale in float64."""
    from nadoo_graphs.ops.quantized.numerics import step_of

    found = call.tensor(role)
    if found is None:
        raise call.refuse(f"has no tensor {role!r}, which its kernel needs", Code.NAME)
    return step_of(found)


def has(call: LoweringCall, role: str) -> bool:
    """Whether the node has a tensor."""
    return role in call.node.tensors


def point(call: LoweringCall, role: str) -> int:
    """A zero point, 0 where there is none."""
    found = call.tensor(role)
    return 0 if found is None else int(found)


def code_range(call: LoweringCall, operand: int = 0) -> tuple[int, int]:
    """The codes that an operand may hold."""
    from nadoo_graphs.ops.quantized.codes import range_of

    return range_of(making(call), operand)


def output_bounds(call: LoweringCall) -> tuple[int, int]:
    """The codes that the node may give."""
    from nadoo_graphs.ops.quantized.codes import bounds_of

    return bounds_of(making(call))


def reach(call: LoweringCall, zero_point: int, operand: int = 0) -> int:
    """The largest distance of a code from its zero point."""
    low, high = code_range(call, operand)
    return max(high - zero_point, zero_point - low)


def require_bound(call: LoweringCall, bound: float, what: str = "its sums") -> None:
    """Refuse sums that an accumulator of 32 bits might not hold."""
    if bound > INT32_MAXIMUM:
        message = f"{what} may reach {bound:,.0f}, but an accumulator holds {INT32_MAXIMUM:,}"
        raise call.refuse(f"{message}; use fewer terms, or narrower weights or values", Code.LIMIT)


@frozen
class Requantizer:
    """From accumulators to the codes of the output: factors, the zero point and the bounds."""

    call: LoweringCall
    multipliers: tuple[int, ...]
    exponents: tuple[int, ...]
    mode: str
    zero_point: int
    low: int
    high: int
    multiplier: Place | None = None
    exponent: Place | None = None

    @classmethod
    def of(cls, call: LoweringCall, factors: torch.Tensor, mode: str) -> "Requantizer":
        """From real factors, input scale times weight scale; the output's scale is the node's."""
        target = point(call, "output_zero_point"), *output_bounds(call)
        return cls.to(call, factors / step(call, "output_scale"), mode, target)

    @classmethod
    def to(
        cls, call: LoweringCall, reals: torch.Tensor, mode: str, target: tuple[int, int, int], suffix: str = ""
    ) -> "Requantizer":
        """From whole factors to a zero point, a lowest and a highest code; the suffix tells several of them apart."""
        from nadoo_graphs.ops.quantized.numerics import Factors

        found = Factors.of(reals, mode, call.where)
        multipliers = tuple(int(value) for value in found.multipliers.reshape(-1))
        exponents = tuple(int(value) for value in found.exponents.reshape(-1))
        places: dict[str, Any] = {}
        if len(set(zip(multipliers, exponents, strict=True))) > 1:
            places["multiplier"] = call.flash(f"multiplier{suffix}", found.multipliers.numpy(), Kind.I32)
            places["exponent"] = call.flash(f"exponent{suffix}", found.exponents.numpy(), Kind.I8)
        return cls(call, multipliers, exponents, "single" if found.single else "double", *target, **places)

    def facts(self) -> dict[str, Any]:
        """What kernels that are chosen instead need to know."""
        return {
            "multipliers": self.multipliers,
            "exponents": self.exponents,
            "requantize": self.mode,
            "output_zero_point": self.zero_point,
            "low": self.low,
            "high": self.high,
            "per_channel": self.multiplier is not None,
        }

    def apply(self, accumulator: Expression, channel: Expression) -> Expression:
        """The code of an accumulator."""
        function = functions.scale_double() if self.mode == "double" else functions.scale_single()
        if self.multiplier is not None and self.exponent is not None:
            factor: tuple[Expression, Expression] = (self.multiplier.at(channel), self.exponent.at(channel))
        elif self.multipliers[0] == 0:
            return i32(min(max(self.zero_point, self.low), self.high))
        else:
            factor = (i32(self.multipliers[0]), i32(self.exponents[0]))
        scaled = self.call.body.call(function, accumulator, *factor)
        return moved(scaled, self.zero_point, self.low, self.high)


def moved(value: Expression, zero_point: int, low: int, high: int) -> Expression:
    """A distance from the zero point as a code; clamped first, so that the sum cannot leave 32 bits."""
    bounded = value.clamped(low - zero_point, high - zero_point)
    return bounded + zero_point if zero_point else bounded


def distance(value: Expression, zero_point: int) -> Expression:
    """How far a code lies from its zero point."""
    return value - zero_point if zero_point else value

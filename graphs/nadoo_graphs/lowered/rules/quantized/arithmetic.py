"""Sums, products, matrix products and joins of codes with scales of their own."""

from collections.abc import Sequence
from typing import cast

import torch

from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, i32
from nadoo_graphs.lowered.rules.linear import batch_strides
from nadoo_graphs.lowered.rules.nests import axis_of, flat, nest, pointwise, rows_around, strides_of
from nadoo_graphs.lowered.rules.quantized.scales import (
    Requantizer,
    distance,
    moved,
    output_bounds,
    point,
    reach,
    require_bound,
    step,
)
from nadoo_graphs.lowered.types import Kind

NARROW = 1 << 30


def add(call: LoweringCall) -> None:
    """Both distances times their multipliers, shifted right once; in 64 bits where 32 might not hold the sum."""
    from nadoo_graphs.ops.quantized.arithmetic_module import sum_multipliers

    scales = [call.tensor(f"{side}_scale") for side in ("input", "other", "output")]
    first, second, shift = cast("tuple[float, float, int]", sum_multipliers(*scales, call.node.name))  # type: ignore[arg-type]
    points = point(call, "input_zero_point"), point(call, "other_zero_point")
    sign = -1 if call.attributes["subtract"] else 1
    low, high = output_bounds(call)
    zero_point = point(call, "output_zero_point")
    bound = reach(call, points[0]) * first + reach(call, points[1], 1) * second + 2.0**shift
    kind = Kind.I32 if bound < NARROW else Kind.I64

    def at_point(inner: LoweringCall, values: Sequence[Expression]) -> Expression:
        one = distance(values[0], points[0]).to(kind) * int(first)
        two = distance(values[1], points[1]).to(kind) * int(sign * second)
        half = (1 << shift) >> 1
        total = (one + two + half) >> shift if shift else one + two
        return moved(narrowed(total, kind), zero_point, low, high)

    pointwise(call, at_point)


def narrowed(value: Expression, kind: Kind) -> Expression:
    """A sum in 32 bits."""
    return value if kind is Kind.I32 else value.clamped(-(1 << 31), (1 << 31) - 1).to(Kind.I32)


def multiply(call: LoweringCall) -> None:
    """The product of both distances, requantized."""
    points = point(call, "input_zero_point"), point(call, "other_zero_point")
    require_bound(call, float(reach(call, points[0]) * reach(call, points[1], 1)), "a product")
    factor = step(call, "input_scale") * step(call, "other_scale")
    requantizer = Requantizer.of(call, factor, str(call.attributes["requantize"]))

    def at_point(inner: LoweringCall, values: Sequence[Expression]) -> Expression:
        product = distance(values[0], points[0]) * distance(values[1], points[1])
        return requantizer.apply(product, i32(0))

    pointwise(call, at_point)


def matmul(call: LoweringCall) -> None:
    """Sums of products of both distances, requantized."""
    (a_shape, b_shape), shape = [view.shape for view in call.operands], call.shape()
    call.require(min(len(a_shape), len(b_shape)) > 1, "multiplies a vector; give both operands two axes")
    points = point(call, "input_zero_point"), point(call, "other_zero_point")
    bound = a_shape[-1] * reach(call, points[0]) * reach(call, points[1], 1)
    require_bound(call, float(bound))
    factor = step(call, "input_scale") * step(call, "other_scale") * call.real("alpha")
    requantizer = Requantizer.of(call, factor, str(call.attributes["requantize"]))
    a, b, y, body = call.operand(0, "a"), call.operand(1, "b"), call.result(), call.body
    inner, columns = a_shape[-1], b_shape[-1]
    with nest(body, shape) as indices:
        *batch, row, column = indices
        total = body.let("total", i32(0))
        with body.loop("k", inner) as k:
            left = a.at(flat((*batch, row, k), (*batch_strides(a_shape, shape), inner, 1)))
            right = b.at(flat((*batch, k, column), (*batch_strides(b_shape, shape), columns, 1)))
            body.assign(total, total + distance(left, points[0]) * distance(right, points[1]))
        body.store(y, flat(indices, strides_of(shape)), requantizer.apply(total, i32(0)))


def cat(call: LoweringCall) -> None:
    """Each operand requantized to the scale of the result and laid at its place."""
    shape = call.shape()
    axis, y, start = axis_of(call, "dim", len(shape)), call.result(), 0
    for index, view in enumerate(call.operands):
        width = view.shape[axis]
        place = call.operand(index, f"x{index}")
        joined(call, (place, y), axis, (start, width), index)
        start += width


def joined(call: LoweringCall, places: tuple[Place, Place], axis: int, span: tuple[int, int], index: int) -> None:
    """One operand of a join."""
    (x, y), (start, width), body = places, span, call.body
    outer, total, inner = rows_around(call.shape(), axis)
    zero_point = point(call, f"input_zero_point_{index}")
    factor: torch.Tensor = step(call, f"input_scale_{index}")
    requantizer = Requantizer.of(call, factor, str(call.attributes["requantize"]))
    with nest(body, (outer, width * inner), "oi") as (row, column):
        code = x.at(flat((row, column), (width * inner, 1)))
        value = requantizer.apply(distance(code, zero_point), i32(0))
        body.store(y, flat((row, column), (total * inner, 1), start * inner), value)


RULES = {
    "quantized_add": add,
    "quantized_mul": multiply,
    "quantized_matmul": matmul,
    "quantized_cat": cat,
}

"""Where codes begin, end or change their scale; scales are read as doubles there, as the graph reads them."""

from collections.abc import Sequence
from math import prod

import numpy as np
import torch

from nadoo_graphs.lowered import float_functions
from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, f64, i32, select
from nadoo_graphs.lowered.rules.nests import axis_of, broadcast_strides, flat, nest, pointwise, rows_around, strides_of
from nadoo_graphs.lowered.rules.quantized.scales import Requantizer, distance, has, moved, point, step
from nadoo_graphs.lowered.types import Kind

SMALLEST_LARGEST = 1e-5


def quantize(call: LoweringCall) -> None:
    """clamp(rne(x / scale) + zero point), by a fixed scale or by the largest magnitude."""
    if not has(call, "scale"):
        dynamic(call)
        return
    form = call.views.graph.formats[str(call.attributes["format"])]
    low, high = form.code_range(with_zero_point=has(call, "zero_point"))
    scale, zero_point = float(step(call, "scale")), point(call, "zero_point")
    pointwise(call, lambda inner, values: nearest_code(inner, values[0], f64(scale), zero_point, (low, high)))


def nearest_code(
    call: LoweringCall, x: Expression, scale: Expression, zero_point: int, bounds: tuple[int, int]
) -> Expression:
    """The code of a number: bounded as a double, so that the integer always fits; NaN becomes the lowest."""
    low, high = (float(bound - zero_point) for bound in bounds)
    ratio = call.body.call(float_functions.round_even_double(), x.to(Kind.F64) / scale)
    near = call.body.let("near", ratio)
    bounded = select(near >= low, select(near <= high, near, f64(high)), f64(low))
    return moved(bounded.to(Kind.I32), zero_point, *bounds)


def dynamic(call: LoweringCall) -> None:
    """Codes of the scale at which the largest magnitude is the largest code, and that scale."""
    form = call.views.graph.formats[str(call.attributes["format"])]
    low, high = form.code_range(with_zero_point=False)
    shape, granularity = call.shape(), call.attributes["granularity"]
    kept = {"tensor": 0, "sample": 1, "token": len(shape) - 1}[str(granularity)]
    rows, width = prod(shape[:kept]), prod(shape[kept:])
    x, y, scales, body = call.operand(), call.result(), call.result(1, "scales"), call.body
    with nest(body, (rows,), "r") as (row,):
        scale = body.let("scale", largest_magnitude(call, x, row, width, high).to(Kind.F32))
        body.store(scales, row, scale)
        with body.loop("k", width) as k:
            index = flat((row, k), (width, 1))
            body.store(y, index, nearest_code(call, x.at(index), scale.to(Kind.F64), 0, (low, high)))


def largest_magnitude(call: LoweringCall, x: Place, row: Expression, width: int, high: int) -> Expression:
    """The largest magnitude of a row over the largest code."""
    body = call.body
    top = body.let("top", x.at(flat((row, i32(0)), (width, 1))) * 0.0)
    with body.loop("j", width) as j:
        value = body.let("value", x.at(flat((row, j), (width, 1))))
        size = body.let("size", select(value < 0, -value, value))
        body.assign(top, select(size > top, size, top))
    return top.to(Kind.F64).at_least(f64(SMALLEST_LARGEST)) / f64(float(high))


def dequantize(call: LoweringCall) -> None:
    """(q - zero point) times all scales, one after the other, as doubles."""
    shape, body, zero_point = call.shape(), call.body, point(call, "zero_point")
    places = [call.operand(index, "x" if index == 0 else f"scale{index}") for index in range(len(call.operands))]
    strides = [broadcast_strides(view.shape, shape) for view in call.operands]
    factors, axis = axis_scales(call), axis_of(call, "axis", len(shape), -1)
    y = call.result()
    with nest(body, shape) as indices:
        codes = places[0].at(flat(indices, strides[0]))
        value: Expression = distance(codes.to(Kind.I64), zero_point).to(Kind.F64)
        if has(call, "scale"):
            value = value * f64(float(step(call, "scale")))
        if factors is not None:
            value = value * (factors.at(indices[axis]) if isinstance(factors, Place) else factors)
        for place, own in zip(places[1:], strides[1:], strict=True):
            value = value * place.at(flat(indices, own)).to(Kind.F64)
        body.store(y, flat(indices, strides_of(shape)), value.to(Kind.F32))


def axis_scales(call: LoweringCall) -> "Place | Expression | None":
    """The scale of each index along an axis, or the one for all."""
    if not has(call, "weight_scale"):
        return None
    scales = step(call, "weight_scale")
    if scales.ndim == 0 or scales.numel() == 1:
        return f64(float(scales))
    return call.flash("weight_scale", np.asarray(scales.numpy()), Kind.F64)


def requantize(call: LoweringCall) -> None:
    """Codes of another scale."""
    factor: torch.Tensor = step(call, "input_scale")
    if has(call, "weight_scale"):
        factor = factor * step(call, "weight_scale")
    shape, zero_point = call.shape(), point(call, "input_zero_point")
    requantizer = Requantizer.of(call, factor, str(call.attributes["requantize"]))
    x, y, body = call.operand(), call.result(), call.body
    sizes = rows_around(shape, axis_of(call, "axis", len(shape), 1)) if factor.ndim else (1, prod(shape), 1)
    with nest(body, sizes, "oci") as indices:
        index = flat(indices, strides_of(sizes))
        body.store(y, index, requantizer.apply(distance(x.at(index), zero_point), indices[1]))


def clamp(call: LoweringCall) -> None:
    """Codes between two codes."""
    low, high = call.attributes["minimum"], call.attributes["maximum"]

    def bounded(inner: LoweringCall, values: Sequence[Expression]) -> Expression:
        value = values[0] if low is None else values[0].at_least(inner.integer("minimum"))
        return value if high is None else value.at_most(inner.integer("maximum"))

    pointwise(call, bounded)


RULES = {"quantize": quantize, "dequantize": dequantize, "requantize": requantize, "quantized_clamp": clamp}

"""Functions of codes: tables, softmax, and norms by an integer square root."""

from collections.abc import Callable
from math import prod

import numpy as np
import torch
from attrs import frozen

from nadoo_graphs.lowered import integer_functions as functions
from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name, i32, i64, select
from nadoo_graphs.lowered.rules.nests import axis_of, flat, nest, numbers, pointwise, rows_around
from nadoo_graphs.lowered.rules.quantized.scales import (
    Requantizer,
    code_range,
    distance,
    has,
    moved,
    output_bounds,
    point,
    reach,
    require_bound,
    step,
)
from nadoo_graphs.lowered.rules.quantized.weights import levels_of
from nadoo_graphs.lowered.types import Kind, kind_of_range


def lookup(call: LoweringCall) -> None:
    """The entry of each code, as the graph's own table has it."""
    from nadoo_graphs.ops.quantized.tables import lookup_table

    table = lookup_table(call.views.graph, call.node).numpy()
    low, _ = code_range(call)
    kind = kind_of_range(int(table.min()), int(table.max()))
    entries = call.flash("table", table, kind)
    last = len(table) - 1
    pointwise(call, lambda inner, values: entries.at((values[0] - low).clamped(0, last)))


def softmax(call: LoweringCall) -> None:
    """Entries of a table of exp, times the output's levels, over their sum, rounded half up."""
    from nadoo_graphs.ops.quantized.tables import exponential_table

    low, high = code_range(call)
    table = exponential_table(step(call, "input_scale"), high - low + 1).numpy()
    useful = max(int(np.flatnonzero(table).max(initial=0)) + 2, 2)
    entries = call.flash("table", np.minimum(table[:useful], 65535), Kind.U16)
    levels = int(torch.round(1.0 / step(call, "output_scale")))
    shape, (least, most), zero_point = call.shape(), output_bounds(call), point(call, "output_zero_point")
    outer, width, inner = rows_around(shape, axis_of(call, "dim", len(shape), -1))
    call.require(
        levels < 1 << 20, f"has {levels} levels at the output, more than its integers hold; use a larger scale"
    )
    x, y, body = call.operand(), call.result(), call.body
    last = min(useful, len(table)) - 1
    with nest(body, (outer, inner), "rc") as (row, column):

        def place(k: Expression) -> Expression:
            return flat((row, k, column), (width * inner, inner, 1))

        top, total = largest(call, x, place, width), body.let("total", i64(0))
        with body.loop("j", width) as j:
            power = entries.at((top - x.at(place(j))).clamped(0, last))
            body.assign(total, total + power.to(Kind.I64))
        with body.loop("k", width) as k:
            power = entries.at((top - x.at(place(k))).clamped(0, last)).to(Kind.I64)
            share = (power * (2 * levels) + total) // (total * 2)
            body.store(y, place(k), moved(share.at_most((1 << 31) - 1).to(Kind.I32), zero_point, least, most))


def largest(call: LoweringCall, x: Place, place: Callable[[Expression], Expression], width: int) -> Name:
    """The largest code of a row."""
    body = call.body
    top = body.let("top", x.at(place(i32(0))))
    with body.loop("i", width, 1) as i:
        body.assign(top, top.at_least(x.at(place(i))))
    return top


@frozen
class Affine:
    """The weights and biases of a norm as integers, and the factor of their products."""

    weight: Place | None
    bias: Place | None
    factor: torch.Tensor


def norm(call: LoweringCall) -> None:
    """rhu(c·1024/√V) of each element, times its weight, and its bias, requantized."""
    from nadoo_graphs.ops.quantized.integer_norm import LARGEST_EPSILON, NORM_UNIT, ROOT_BITS

    shape, width = call.shape(), prod(numbers(call, "normalized_shape"))
    rows, zero_point, centred = prod(shape) // max(width, 1), point(call, "input_zero_point"), "layer" in call.node.op
    affine = affine_of(call, NORM_UNIT, width)
    requantizer = Requantizer.of(call, affine.factor, str(call.attributes["requantize"]))
    scale = step(call, "input_scale")
    epsilon = int((call.real("eps") * float(width) ** 2 / scale.square()).round().clamp(max=LARGEST_EPSILON))
    x, y, body = call.operand(), call.result(), call.body
    with nest(body, (rows,), "r") as (row,):
        total, energy = sums(call, x, row, width, zero_point, centred=centred)
        spread = (energy * width - total * total + epsilon) << (2 * ROOT_BITS)
        root = body.let("root", functions.call_sqrt(spread))
        body.functions[functions.integer_sqrt().name] = functions.integer_sqrt()
        divisor = body.let("divisor", root.at_least(1) * 2)
        with body.loop("k", width) as k:
            index = flat((row, k), (width, 1))
            centre = distance(x.at(index), zero_point).to(Kind.I64) * width - total
            above = body.let("above", centre * (2 * NORM_UNIT << ROOT_BITS) + root)
            value = body.let("value", floored(above, divisor).to(Kind.I32))
            weighted = value if affine.weight is None else value * affine.weight.at(k)
            sum_ = weighted if affine.bias is None else weighted + affine.bias.at(k)
            found = body.let(
                "found", select(root.equals(0), i32(0) if affine.bias is None else affine.bias.at(k), sum_)
            )
            body.store(y, index, requantizer.apply(found, i32(0)))


def floored(value: Expression, divisor: Expression) -> Expression:
    """The quotient rounded down, by a division of numbers from 0 up only."""
    size = select(value < 0, -value + divisor - 1, value)
    quotient = size // divisor
    return select(value < 0, -quotient, quotient)


def sums(
    call: LoweringCall, x: Place, row: Expression, width: int, zero_point: int, *, centred: bool
) -> tuple[Expression, Expression]:
    """The sum of a row, 0 where nothing is centred, and the sum of its squares."""
    body = call.body
    total, energy = body.let("total", i64(0)), body.let("energy", i64(0))
    with body.loop("j", width) as j:
        value = body.let("given", distance(x.at(flat((row, j), (width, 1))), zero_point).to(Kind.I64))
        if centred:
            body.assign(total, total + value)
        body.assign(energy, energy + value * value)
    return total, energy


def affine_of(call: LoweringCall, unit: int, width: int) -> Affine:
    """The integers of weight and bias; without weights a norm counts in its own units."""
    from nadoo_graphs.ops.quantized.integer_norm import norm_bound

    factor, weight, largest_weight = torch.ones((), dtype=torch.float64), None, 1.0
    if has(call, "weight"):
        factor = step(call, "weight_scale")
        weight, largest_weight = weight_codes(call, factor)
    bound, bias = norm_bound(width) * largest_weight, None
    given = call.tensor("bias")
    if given is not None:
        codes = (given.to(torch.float64) / (factor / unit)).round().clamp(-(1 << 31), (1 << 31) - 1).reshape(-1)
        bound += float(codes.abs().max())
        bias = call.flash("bias", codes.numpy(), Kind.I32)
    require_bound(call, bound, "its products")
    require_bound(call, float(width * reach(call, point(call, "input_zero_point"))))
    return Affine(weight, bias, factor / unit)


def weight_codes(call: LoweringCall, scale: torch.Tensor) -> tuple[Place, float]:
    """The integers of the weights of a norm, stored plainly: there are few of them."""
    form = call.views.graph.formats[str(call.attributes["weight_format"])]
    given = call.tensor("weight")
    if given is None:
        raise call.refuse("has no weight")
    integers = form.integers(form.encode(given, scale, where=call.where, allow_degenerate=True)).reshape(-1).numpy()
    table = levels_of(form) or [int(form.minimum), int(form.maximum)]
    place = call.flash("weight", integers, kind_of_range(min(table), max(table)), form.name)
    return place, float(np.abs(integers).max(initial=0))


RULES = {
    "quantized_lookup": lookup,
    "quantized_softmax": softmax,
    "quantized_layer_norm": norm,
    "quantized_rms_norm": norm,
}

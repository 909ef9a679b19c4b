"""Norms: batch norms by their statistics, and those that take theirs from each row, group or instance."""

from collections.abc import Callable
from math import prod

import numpy as np
from attrs import frozen

from nadoo_graphs.lowered import float_functions as functions
from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name, f32
from nadoo_graphs.lowered.rules.nests import flat, nest, numbers, strides_of
from nadoo_graphs.lowered.types import Kind

FLOAT32_EPSILON = float(np.finfo(np.float32).eps)


def batch_norm(call: LoweringCall) -> None:
    """x·factor + shift for each channel, both taken from the statistics in float64 beforehand."""
    call.require("running_mean" in call.node.tensors, "takes the statistics of the batch; export it with running ones")
    mean, variance = (np.asarray(call.array(role), np.float64) for role in ("running_mean", "running_var"))
    weight, bias = call.array("weight"), call.array("bias")
    factor = (1.0 if weight is None else weight.astype(np.float64)) / np.sqrt(variance + epsilon(call))
    shift = (0.0 if bias is None else bias.astype(np.float64)) - mean * factor
    shape = call.shape()
    sizes = (shape[0], shape[1], prod(shape[2:]))
    x, y, body = call.operand(), call.result(), call.body
    factors, shifts = call.flash("factor", factor, Kind.F32), call.flash("shift", shift, Kind.F32)
    with nest(body, sizes, "bci") as indices:
        place = flat(indices, strides_of(sizes))
        body.store(y, place, x.at(place) * factors.at(indices[1]) + shifts.at(indices[1]))


def epsilon(call: LoweringCall) -> float:
    """What is added to a variance; none given is that of float32."""
    value = call.attributes["eps"]
    return value if isinstance(value, int | float) else FLOAT32_EPSILON


@frozen
class Rows:
    """So many rows of so many elements, and how an element finds its weight."""

    count: int
    width: int
    weight: Callable[[Expression, Expression], Expression]


def normalized(call: LoweringCall, rows: Rows, *, centred: bool) -> None:
    """Statistics of each row, then the row scaled by them."""
    weight, bias = call.array("weight"), call.array("bias")
    x, y, body = call.operand(), call.result(), call.body
    w = None if weight is None else call.flash("weight", weight, Kind.F32)
    b = None if bias is None else call.flash("bias", bias, Kind.F32)
    with nest(body, (rows.count,), "r") as (row,):

        def place(k: Expression) -> Expression:
            return flat((row, k), (rows.width, 1))

        middle = mean_of(body, x, place, rows.width) if centred else None
        factor = factor_of(body, x, place, rows.width, middle, epsilon(call))
        with body.loop("k", rows.width) as k:
            value = distance(x.at(place(k)), middle) * factor
            scaled = value if w is None else value * w.at(rows.weight(row, k))
            body.store(y, place(k), scaled if b is None else scaled + b.at(rows.weight(row, k)))


def mean_of(body: Body, x: Place, place: Callable[[Expression], Expression], width: int) -> Name:
    """The mean of a row."""
    total = body.let("total", f32(0.0))
    with body.loop("i", width) as i:
        body.assign(total, total + x.at(place(i)))
    return body.let("mean", total / f32(width))


def factor_of(
    body: Body, x: Place, place: Callable[[Expression], Expression], width: int, middle: Name | None, eps: float
) -> Name:
    """1/√(mean of squares + eps)."""
    squares = body.let("squares", f32(0.0))
    with body.loop("j", width) as j:
        value = body.let("value", distance(x.at(place(j)), middle))
        body.assign(squares, squares + value * value)
    root = body.call(functions.sqrt(), squares / f32(width) + f32(eps))
    return body.let("factor", f32(1.0) / root)


def distance(value: Expression, middle: Name | None) -> Expression:
    """How far a value lies from the mean, or from 0."""
    return value if middle is None else value - middle


def row_rows(call: LoweringCall) -> Rows:
    """The rows of a norm over the last axes."""
    shape, axes = call.shape(), numbers(call, "normalized_shape")
    width = prod(shape[len(shape) - len(axes) :])
    return Rows(prod(shape) // max(width, 1), width, lambda row, k: k)


def layer_norm(call: LoweringCall) -> None:
    """Each row to mean 0 and variance 1."""
    normalized(call, row_rows(call), centred=True)


def rms_norm(call: LoweringCall) -> None:
    """Each row over its root mean square."""
    normalized(call, row_rows(call), centred=False)


def group_norm(call: LoweringCall) -> None:
    """Each group of channels of each instance to mean 0 and variance 1."""
    normalized(call, grouped(call.shape(), call.integer("num_groups")), centred=True)


def grouped(shape: tuple[int, ...], groups: int) -> Rows:
    """The rows of a norm over groups of channels."""
    area, channels = prod(shape[2:]), shape[1] // groups

    def weight(row: Expression, k: Expression) -> Expression:
        first = row % groups if shape[0] > 1 else row
        inside = k // area if area > 1 else k
        return first * channels + inside if channels > 1 else first

    return Rows(shape[0] * groups, channels * area, weight)


def instance_norm(call: LoweringCall) -> None:
    """Each channel of each instance to mean 0 and variance 1, or by running statistics."""
    if "running_mean" in call.node.tensors:
        batch_norm(call)
        return
    shape = call.shape()
    normalized(call, grouped(shape, shape[1]), centred=True)


RULES = {
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
}

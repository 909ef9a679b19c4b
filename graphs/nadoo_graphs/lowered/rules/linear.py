"""Layers that multiply the last axis by a matrix, and matrix products of two values."""

from math import prod

import numpy as np

from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, f32
from nadoo_graphs.lowered.rules.nests import broadcast_strides, flat, nest, scaled, strides_of
from nadoo_graphs.lowered.types import Kind


def linear(call: LoweringCall) -> None:
    """y[row, output] = bias[output] + Σ x[row, k]·weight[output, k], k ascending."""
    weight = call.required("weight")
    outputs, features = weight.shape
    rows = prod(call.shape()[:-1])
    x, w, bias = call.operand(), call.flash("weight", weight, Kind.F32), bias_of(call)
    y, body = call.result(), call.body
    call.facts = {"rows": rows, "features": features, "outputs": outputs}
    with nest(body, (rows, outputs), "ro") as (row, output):
        total = body.let("total", first(bias, output))
        with body.loop("k", features) as k:
            product = x.at(scaled(row, features) + k) * w.at(scaled(output, features) + k)
            body.assign(total, total + product)
        body.store(y, scaled(row, outputs) + output, total)


def bias_of(call: LoweringCall) -> Place | None:
    """The bias in flash, if there is one that does anything."""
    bias = call.array("bias")
    return None if bias is None or not np.any(bias) else call.flash("bias", bias, Kind.F32)


def first(bias: Place | None, output: Expression) -> Expression:
    """What a sum begins with."""
    return f32(0.0) if bias is None else bias.at(output)


def matmul(call: LoweringCall) -> None:
    """The product over the last two axes; leading axes broadcast."""
    left, right = call.operands
    call.require(len(left.shape) > 1 and len(right.shape) > 1, "multiplies a vector; give both operands two axes")
    shape = call.shape()
    a, b, y = call.operand(0, "a"), call.operand(1, "b"), call.result()
    multiply(call, (a, left.shape), (b, right.shape), (y, shape))


def multiply(
    call: LoweringCall,
    left: tuple[Place, tuple[int, ...]],
    right: tuple[Place, tuple[int, ...]],
    result: tuple[Place, tuple[int, ...]],
) -> None:
    """The loops of a batched matrix product."""
    (a, a_shape), (b, b_shape), (y, shape) = left, right, result
    inner, width, body = a_shape[-1], shape[-1], call.body
    a_batch, b_batch = batch_strides(a_shape, shape), batch_strides(b_shape, shape)
    rows, columns = a_shape[-1], b_shape[-1]
    with nest(body, shape) as indices:
        *batch, row, column = indices
        total = body.let("total", f32(0.0))
        with body.loop("k", inner) as k:
            first_index = flat((*batch, row, k), (*a_batch, rows, 1))
            second_index = flat((*batch, k, column), (*b_batch, columns, 1))
            body.assign(total, total + a.at(first_index) * b.at(second_index))
        body.store(y, flat(indices, (*strides_of(shape)[:-2], width, 1)), total)


def batch_strides(shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of the leading axes of a stack of matrices."""
    return tuple(step * prod(shape[-2:]) for step in broadcast_strides(shape[:-2], target[:-2]))


def addmm(call: LoweringCall) -> None:
    """beta·c + alpha·(a·b)."""
    beta, alpha = call.real("beta"), call.real("alpha")
    shape, inner, body = call.shape(), call.operands[1].shape[1], call.body
    c, a, b, y = call.operand(0, "c"), call.operand(1, "a"), call.operand(2, "b"), call.result()
    strides = broadcast_strides(call.operands[0].shape, shape)
    with nest(body, shape) as (row, column):
        total = body.let("total", f32(0.0))
        with body.loop("k", inner) as k:
            body.assign(total, total + a.at(scaled(row, inner) + k) * b.at(k * shape[1] + column))
        added = c.at(flat((row, column), strides)) * f32(beta)
        body.store(y, scaled(row, shape[1]) + column, added + total * f32(alpha))


RULES = {"linear": linear, "matmul": matmul, "addmm": addmm}

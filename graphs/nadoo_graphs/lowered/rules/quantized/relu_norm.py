"""The relu that shifts: large accumulators become small codes without any scale."""

from math import prod

from nadoo_graphs.lowered import integer_functions as functions
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import i32, select
from nadoo_graphs.lowered.rules.nests import flat, nest


def relu_norm(call: LoweringCall) -> None:
    """0 below zero, else min((z + half) >> shift, maximum); the shift follows from the largest of a row."""
    shape = call.shape()
    maximum = int(call.views.graph.formats[str(call.attributes["format"])].maximum)
    kept = {"tensor": 0, "sample": 1, "token": len(shape) - 1}[str(call.attributes["granularity"])]
    kept, bits = min(kept, max(len(shape) - 1, 0)), maximum.bit_length()
    rows, width = prod(shape[:kept]), prod(shape[kept:])
    x, y, body = call.operand(), call.result(), call.body
    with nest(body, (rows,), "r") as (row,):
        largest = body.let("largest", i32(0))
        with body.loop("j", width) as j:
            body.assign(largest, largest.at_least(x.at(flat((row, j), (width, 1)))))
        length = body.call(functions.bit_length(), largest)
        shift = body.let("shift", (length - bits).clamped(0, 31 - bits))
        half = body.let("half", (i32(1) << shift) >> 1)
        with body.loop("k", width) as k:
            value = body.let("value", x.at(flat((row, k), (width, 1))))
            low = body.let("low", value.clamped(0, (1 << 31) - 1 - (1 << (31 - bits))))
            shifted = select(value > low, i32(maximum), ((low + half) >> shift).at_most(maximum))
            body.store(y, flat((row, k), (width, 1)), shifted)


RULES = {"relu_norm": relu_norm}

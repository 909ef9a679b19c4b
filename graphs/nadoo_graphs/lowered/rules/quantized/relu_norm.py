"""The relu that shifts: large accumulators become small codes without any scale."""

from math import prod

from nadoo_graphs.lowered import integer_functions as functions
from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, i32, select
from nadoo_graphs.lowered.rules.nests import flat, nest
from nadoo_graphs.lowered.types import Kind
from nadoo_graphs.ops.quantized.relu_norm import ACCUMULATOR_BITS


def relu_norm(call: LoweringCall) -> None:
    """0 below zero, else min((z + half) >> shift, maximum); the shift follows from the largest of a row."""
    shape = call.shape()
    if call.attributes["shift"] is not None:
        by_elements(call, prod(shape), call.integer("shift"))
        return
    kept = {"tensor": 0, "sample": 1, "token": len(shape) - 1}[str(call.attributes["granularity"])]
    kept = min(kept, max(len(shape) - 1, 0))
    if prod(shape[:kept]) == 1 and len(shape) > 2:
        by_channels(call, shape[1], prod(shape[2:]))
    else:
        by_rows(call, prod(shape[:kept]), prod(shape[kept:]))


def by_elements(call: LoweringCall, elements: int, shift: int) -> None:
    """Each number by itself, where the shift is known."""
    x, y, body = call.operand(), call.result(), call.body
    with body.parallel("i", elements) as i:
        body.store(y, i, shifted(call, x.at(i), i32(shift), i32((1 << shift) >> 1)))


def by_rows(call: LoweringCall, rows: int, width: int) -> None:
    """Each row with a shift of its own."""
    x, y, body = call.operand(), call.result(), call.body
    with nest(body, (rows,), "r") as (row,):
        largest = body.let("largest", i32(0))
        with body.loop("j", width) as j:
            body.assign(largest, largest.at_least(x.at(flat((row, j), (width, 1)))))
        shift = body.let("shift", shift_of(call, largest))
        half = body.let("half", (i32(1) << shift) >> 1)
        with body.loop("k", width) as k:
            index = flat((row, k), (width, 1))
            body.store(y, index, shifted(call, x.at(index), shift, half))


def by_channels(call: LoweringCall, channels: int, area: int) -> None:
    """One shift for all: the largest of each channel, the shift, then the codes.

    In this form a layer before it can be computed channel by channel, once for the shift and once for the codes.
    """
    x, body = call.operand(), call.body
    peaks = call.scratch("peaks", channels, Kind.I32)
    with body.parallel("c", channels) as c:
        peak = body.let("peak", i32(0))
        with body.loop("j", area) as j:
            body.assign(peak, peak.at_least(x.at(flat((c, j), (area, 1)))))
        body.store(peaks, c, peak)
    call.next_kernel("peaks", "peaks")
    write_shift(call, peaks, channels)
    call.next_kernel("shift", "shift")
    x, y, body = call.operand(), call.result(), call.body
    with body.parallel("i", channels * area) as i:
        shift = body.let("by", Place("shift", Kind.I8).at(0).clamped(0, ACCUMULATOR_BITS - bits_of(call)))
        half = body.let("half", (i32(1) << shift) >> 1)
        body.store(y, i, shifted(call, x.at(i), shift, half))


def write_shift(call: LoweringCall, peaks: Place, channels: int) -> None:
    """The shift of all channels from the largest of each."""
    shift, body = call.scratch("shift", 1, Kind.I8), call.body
    largest = body.let("largest", i32(0))
    with body.loop("c", channels) as c:
        body.assign(largest, largest.at_least(peaks.at(c)))
    body.store(shift, 0, shift_of(call, largest))


def maximum_of(call: LoweringCall) -> int:
    """The largest code."""
    return int(call.views.graph.formats[str(call.attributes["format"])].maximum)


def bits_of(call: LoweringCall) -> int:
    """The bits of the largest code."""
    return maximum_of(call).bit_length()


def shift_of(call: LoweringCall, largest: Expression) -> Expression:
    """By how much the largest must be shifted to fit."""
    bits = bits_of(call)
    return (call.body.call(functions.bit_length(), largest) - bits).clamped(0, ACCUMULATOR_BITS - bits)


def shifted(call: LoweringCall, given: Expression, shift: Expression, half: Expression) -> Expression:
    """The code of one accumulator."""
    maximum, body = maximum_of(call), call.body
    value = body.let("value", given)
    room = 1 << (ACCUMULATOR_BITS - bits_of(call))
    low = body.let("low", value.clamped(0, (1 << ACCUMULATOR_BITS) - 1 - room))
    return select(value > low, i32(maximum), ((low + half) >> shift).at_most(maximum))


RULES = {"relu_norm": relu_norm}

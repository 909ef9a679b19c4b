"""Pools over one or two axes: maxima, means, and windows that are told how many there are."""

from collections.abc import Callable
from math import inf, prod
from typing import Protocol

from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name, f32, i32, select
from nadoo_graphs.lowered.rules.nests import flat, nest, numbers, strides_of
from nadoo_graphs.lowered.rules.windows import POSITIONS, Window, taps, windows_of
from nadoo_graphs.lowered.types import Kind


class Source(Protocol):
    """What a pool reads: a place, or what is made of its elements."""

    def at(self, index: Expression | int) -> Expression:
        """An element."""
        ...


Fold = Callable[[Name, Expression], None]
Finish = Callable[[Name, list[Expression]], Expression]


def lowest(place: Place) -> Expression:
    """What no element is below."""
    return f32(-inf) if place.kind is Kind.F32 else i32(place.memory.bounds[0])


def fold_maximum(body: Body) -> Fold:
    """Keep the larger; NaN wins, as it does in torch."""

    def fold(total: Name, value: Expression) -> None:
        if value.kind is not Kind.F32:
            body.assign(total, value.at_least(total))
            return
        local = body.let("value", value)
        body.assign(total, select(local <= total, total, local))

    return fold


def fold_sum(body: Body) -> Fold:
    """Add up, in order."""
    return lambda total, value: body.assign(total, total + value)


def pooled(call: LoweringCall, x: Source, y: Place, start: Expression, fold: Fold, finish: Finish) -> None:
    """The loops of a pool with windows of a fixed size."""
    kernel, shape = numbers(call, "kernel_size"), call.shape()
    axes = len(kernel)
    windows = windows_of(call, kernel, shape[-axes:])
    outer, body = prod(shape[:-axes]), call.body
    spatial, counts = tuple(window.size for window in windows), tuple(window.count for window in windows)
    with nest(body, (outer, *counts), ("c", *POSITIONS[-axes:])) as indices:
        channel, *positions = indices
        total = body.let("total", start)
        with taps(body, windows, positions) as (_, source):
            fold(total, x.at(flat((channel, *source), (prod(spatial), *strides_of(spatial)))))
        body.store(y, flat(indices, strides_of((outer, *counts))), finish(total, positions))


def max_pool(call: LoweringCall) -> None:
    """The largest element of each window."""
    x, y = call.operand(), call.result()
    pooled(call, x, y, lowest(x), fold_maximum(call.body), lambda total, positions: total)


def average_pool(call: LoweringCall) -> None:
    """The mean of each window: the sum, then one division."""
    x, y = call.operand(), call.result()

    def finish(total: Name, positions: list[Expression]) -> Expression:
        return total / divisor(call, positions).to(Kind.F32)

    pooled(call, x, y, f32(0.0), fold_sum(call.body), finish)


def divisor(call: LoweringCall, positions: list[Expression]) -> Expression:
    """The elements that a window divides by, which at a border may be fewer."""
    override = call.attributes.get("divisor_override")
    if isinstance(override, int):
        return i32(override)
    kernel = numbers(call, "kernel_size")
    windows = windows_of(call, kernel, call.shape()[-len(kernel) :])
    padded = bool(call.attributes["count_include_pad"])
    return product([extent_of(window, place, padded) for window, place in zip(windows, positions, strict=True)])


def product(factors: list[Expression]) -> Expression:
    """All factors multiplied."""
    found = factors[0]
    for factor in factors[1:]:
        found = found * factor
    return found


def extent_of(window: Window, position: Expression, padded: bool) -> Expression:
    """How many elements of one axis count: those inside, with the margins if they are counted too."""
    margin = window.padding if padded else 0
    last = (window.count - 1) * window.stride + window.kernel - window.padding
    if last <= window.size + margin and (padded or not window.padding):
        return i32(window.kernel)
    start = position * window.stride - window.padding
    return (start + window.kernel).at_most(window.size + margin) - start.at_least(-margin)


def adaptive(call: LoweringCall, x: Source, y: Place, start: Expression, fold: Fold, finish: Finish) -> None:
    """The loops of a pool that is told its output's sizes; window i reaches from ⌊iH/n⌋ to ⌈(i+1)H/n⌉."""
    shape = call.shape()
    axes = 2 if call.node.op.endswith("2d") else 1
    spatial, counts, outer = call.operands[0].shape[-axes:], shape[-axes:], prod(shape[:-axes])
    body = call.body
    with nest(body, (outer, *counts), ("c", *POSITIONS[-axes:])) as indices:
        channel, *positions = indices
        total = body.let("total", start)
        bounds = [
            edges(size, count, position) for size, count, position in zip(spatial, counts, positions, strict=True)
        ]
        strides = (prod(spatial), *strides_of(spatial))
        fold_between(body, bounds, lambda source: fold(total, x.at(flat((channel, *source), strides))))
        body.store(y, flat(indices, strides_of((outer, *counts))), finish(total, positions))


def edges(size: int, count: int, position: Expression) -> tuple[Expression, Expression]:
    """Where a window begins and ends."""
    if count == 1:
        return i32(0), i32(size)
    if size % count == 0:
        return position * (size // count), position * (size // count) + size // count
    return position * size // count, (position * size + (size + count - 1)) // count


def fold_between(
    body: Body, bounds: list[tuple[Expression, Expression]], fold: Callable[[list[Expression]], None]
) -> None:
    """Serial loops between bounds that depend on the position."""
    if len(bounds) == 1:
        with body.loop("ix", bounds[0][1], bounds[0][0]) as ix:
            fold([ix])
        return
    with body.loop("iy", bounds[0][1], bounds[0][0]) as iy, body.loop("ix", bounds[1][1], bounds[1][0]) as ix:
        fold([iy, ix])


def adaptive_average(call: LoweringCall) -> None:
    """Means over windows that are told how many there are."""
    x, y = call.operand(), call.result()

    def finish(total: Name, positions: list[Expression]) -> Expression:
        return total / adaptive_count(call, positions).to(Kind.F32)

    adaptive(call, x, y, f32(0.0), fold_sum(call.body), finish)


def adaptive_count(call: LoweringCall, positions: list[Expression]) -> Expression:
    """The elements of an adaptive window."""
    axes = len(positions)
    spatial, counts = call.operands[0].shape[-axes:], call.shape()[-axes:]
    extents: list[Expression] = []
    for size, count, position in zip(spatial, counts, positions, strict=True):
        begin, end = edges(size, count, position)
        extents.append(i32(size // count) if size % count == 0 else end - begin)
    return product(extents)


def adaptive_maximum(call: LoweringCall) -> None:
    """Maxima over windows that are told how many there are."""
    x, y = call.operand(), call.result()
    adaptive(call, x, y, lowest(x), fold_maximum(call.body), lambda total, positions: total)


RULES = {
    **dict.fromkeys(("max_pool1d", "max_pool2d"), max_pool),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d"), average_pool),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_avg_pool2d"), adaptive_average),
    **dict.fromkeys(("adaptive_max_pool1d", "adaptive_max_pool2d"), adaptive_maximum),
}

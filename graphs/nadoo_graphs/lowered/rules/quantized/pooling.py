"""Means of codes over windows and axes: the sum of distances from the zero point, requantized by the count.

A count that differs from window to window has a factor of its own, looked up by the count.
"""

from math import prod

import torch
from attrs import frozen

from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name, Number, i32
from nadoo_graphs.lowered.rules.nests import flat, nest, numbers, serial, strides_of
from nadoo_graphs.lowered.rules.pooling import adaptive, adaptive_count, divisor, fold_sum, pooled
from nadoo_graphs.lowered.rules.quantized.scales import Requantizer, distance, point, reach, require_bound, step
from nadoo_graphs.lowered.rules.reduction import axes_of


@frozen
class Distances:
    """A place whose elements are read as distances from a zero point."""

    place: Place
    zero_point: int

    def at(self, index: Expression | int) -> Expression:
        """A distance."""
        return distance(self.place.at(index), self.zero_point)


def counted(call: LoweringCall, most: int, *, fixed: bool) -> Requantizer:
    """The factors of all counts up to the largest, or of that one alone."""
    zero_point = point(call, "input_zero_point")
    require_bound(call, float(most * reach(call, zero_point)))
    counts = torch.tensor([most] if fixed else list(range(1, most + 1)), dtype=torch.float64)
    return Requantizer.of(call, step(call, "input_scale") / counts, str(call.attributes["requantize"]))


def by_count(requantizer: Requantizer, total: Expression, count: Expression) -> Expression:
    """The code of a sum over so many elements."""
    fixed = isinstance(count, Number)
    index = i32(0) if fixed else count.clamped(1, len(requantizer.multipliers)) - 1
    return requantizer.apply(total, index)


def average_pool(call: LoweringCall) -> None:
    """The mean of each window."""
    override = call.attributes.get("divisor_override")
    kernel = prod(numbers(call, "kernel_size"))
    probe = divisor(call, [i32(0)] * len(numbers(call, "kernel_size")))
    fixed = isinstance(probe, Number)
    most = abs(override) if isinstance(override, int) else kernel
    call.require(not isinstance(override, int) or override > 0, "divides by a negative number; give a positive one")
    require_bound(call, float(kernel * reach(call, point(call, "input_zero_point"))))
    requantizer = counted(call, most, fixed=fixed)
    x, y = Distances(call.operand(), point(call, "input_zero_point")), call.result()

    def finish(total: Name, positions: list[Expression]) -> Expression:
        return by_count(requantizer, total, divisor(call, positions))

    pooled(call, x, y, i32(0), fold_sum(call.body), finish)


def adaptive_average(call: LoweringCall) -> None:
    """Means over windows that are told how many there are."""
    axes = 2 if call.node.op.endswith("2d") else 1
    spatial, counts = call.operands[0].shape[-axes:], call.shape()[-axes:]
    sizes = [-(-size // count) + (1 if size % count else 0) for size, count in zip(spatial, counts, strict=True)]
    fixed = all(size % count == 0 for size, count in zip(spatial, counts, strict=True))
    requantizer = counted(call, prod(sizes), fixed=fixed)
    x, y = Distances(call.operand(), point(call, "input_zero_point")), call.result()

    def finish(total: Name, positions: list[Expression]) -> Expression:
        count = i32(prod(sizes)) if fixed else adaptive_count(call, positions)
        return by_count(requantizer, total, count)

    adaptive(call, x, y, i32(0), fold_sum(call.body), finish)


def mean(call: LoweringCall) -> None:
    """The mean over some axes."""
    axes, body, zero_point = axes_of(call), call.body, point(call, "input_zero_point")
    requantizer = counted(call, axes.count, fixed=True)
    x, y, outer_shape = call.operand(), call.result(), axes.sizes(axes.kept)
    with nest(body, outer_shape) as outer:
        total = body.let("total", i32(0))
        with serial(body, axes.sizes(axes.folded)) as inner:
            body.assign(total, total + distance(x.at(axes.place(outer, inner)), zero_point))
        body.store(y, flat(outer, strides_of(outer_shape)), requantizer.apply(total, i32(0)))


RULES = {
    "quantized_avg_pool1d": average_pool,
    "quantized_avg_pool2d": average_pool,
    "quantized_adaptive_avg_pool1d": adaptive_average,
    "quantized_adaptive_avg_pool2d": adaptive_average,
    "quantized_mean": mean,
}

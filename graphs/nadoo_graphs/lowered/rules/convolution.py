"""Convolutions over one or two axes: grouped, depthwise, pointwise, strided, dilated and padded.

Weights lie as [output, *kernel, channel], so that what is outside the input is skipped once for all channels.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from attrs import frozen

from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name
from nadoo_graphs.lowered.rules.linear import bias_of, first
from nadoo_graphs.lowered.rules.nests import flat, nest, scaled, serial, strides_of
from nadoo_graphs.lowered.rules.windows import POSITIONS, Window, taps, windows_of
from nadoo_graphs.lowered.types import Kind

Array = np.ndarray[Any, Any]
Tap = Callable[[Name, Expression, Expression, Expression], None]
"""A sum takes an element of the input and a weight: the output that it belongs to, and its place among its terms."""


@frozen
class Geometry:
    """The sizes of a convolution."""

    batch: int
    channels: int
    outputs: int
    groups: int
    windows: tuple[Window, ...]

    @property
    def width(self) -> int:
        """The channels that one output reads."""
        return self.channels // self.groups

    @property
    def spatial(self) -> tuple[int, ...]:
        """The sizes of the input's axes."""
        return tuple(window.size for window in self.windows)

    @property
    def counts(self) -> tuple[int, ...]:
        """The sizes of the output's axes."""
        return tuple(window.count for window in self.windows)

    @property
    def kernel(self) -> tuple[int, ...]:
        """The sizes of the kernel."""
        return tuple(window.kernel for window in self.windows)

    @property
    def terms(self) -> int:
        """The products that one output sums."""
        return self.width * prod(self.kernel)

    def facts(self) -> dict[str, Any]:
        """What other kernels are chosen by."""
        return {
            "batch": self.batch,
            "channels": self.channels,
            "outputs": self.outputs,
            "groups": self.groups,
            "spatial": self.spatial,
            "counts": self.counts,
            "kernel": self.kernel,
            "stride": tuple(window.stride for window in self.windows),
            "padding": tuple(window.padding for window in self.windows),
            "dilation": tuple(window.dilation for window in self.windows),
        }


def geometry_of(call: LoweringCall, weight_shape: tuple[int, ...]) -> Geometry:
    """The sizes of a convolution node."""
    axes = len(weight_shape) - 2
    shape, source = call.shape(), call.operands[0].shape
    return Geometry(
        batch=prod(shape[: -axes - 1]),
        channels=source[-axes - 1],
        outputs=weight_shape[0],
        groups=call.integer("groups"),
        windows=windows_of(call, weight_shape[2:], shape[-axes:]),
    )


def channels_last(weight: Array) -> Array:
    """[out, in, *kernel] as [out, *kernel, in]."""
    return np.ascontiguousarray(np.moveaxis(weight, 1, -1))


def convolution(call: LoweringCall) -> None:
    """A convolution in float32, sums in the order of the kernel, then of the channels."""
    weight = call.required("weight")
    geometry = geometry_of(call, weight.shape)
    x, w, bias = call.operand(), call.flash("weight", channels_last(weight), Kind.F32), bias_of(call)
    y, body = call.result(), call.body
    call.facts = geometry.facts()

    def accumulate(total: Name, source: Expression, output: Expression, term: Expression) -> None:
        body.assign(total, total + x.at(source) * w.at(scaled(output, geometry.terms) + term))

    slide(body, geometry, y, lambda output: first(bias, output), accumulate, lambda total, output: total)


def slide(
    body: Body,
    geometry: Geometry,
    y: Place,
    start: Callable[[Expression], Expression],
    accumulate: Tap,
    finish: Callable[[Name, Expression], Expression],
) -> None:
    """The loops of a convolution: each output starts, takes its taps and is finished."""
    shape = (geometry.batch, geometry.outputs, *geometry.counts)
    names = ("b", "o", *POSITIONS[-len(geometry.windows) :])
    with nest(body, shape, names) as indices:
        sample, output, *positions = indices
        total = body.let("total", start(output))
        with (
            taps(body, geometry.windows, positions) as (tap, source),
            serial(body, (geometry.width,), "c") as (channel,),
        ):
            given = input_index(geometry, sample, output, channel, source)
            accumulate(total, given, output, term_index(geometry, tap, channel))
        body.store(y, flat(indices, strides_of(shape)), finish(total, output))


def input_index(
    geometry: Geometry, sample: Expression, output: Expression, channel: Expression, source: list[Expression]
) -> Expression:
    """Where a tap reads: the group of the output decides the first channel."""
    area = prod(geometry.spatial)
    per_group = geometry.outputs // geometry.groups
    group: Expression = output if per_group == 1 else output // per_group
    begin: list[Expression] = [sample, channel, *source]
    strides = [geometry.channels * area, area, *strides_of(geometry.spatial)]
    found = flat(begin, strides)
    return found if geometry.groups == 1 else scaled(group, geometry.width * area) + found


def term_index(geometry: Geometry, tap: list[Expression], channel: Expression) -> Expression:
    """Which of the weights of an output a tap takes."""
    return flat((*tap, channel), strides_of((*geometry.kernel, geometry.width)))


RULES = {"conv1d": convolution, "conv2d": convolution}

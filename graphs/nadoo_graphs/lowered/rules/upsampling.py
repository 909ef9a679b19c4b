"""Upsampling: which elements are looked at, and with which weights, is computed now and lies in flash."""

from math import prod

import numpy as np
import torch
from attrs import frozen

from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression
from nadoo_graphs.lowered.rules.nests import flat, nest, strides_of
from nadoo_graphs.lowered.rules.windows import POSITIONS
from nadoo_graphs.lowered.types import Kind

TAPS = {"nearest": 1, "nearest-exact": 1, "linear": 2, "bilinear": 2}


@frozen
class Axis:
    """One axis: for each output element the inputs that it takes, and with which weights."""

    size: int
    count: int
    places: Place
    weights: Place | None
    taps: int


def upsample(call: LoweringCall) -> None:
    """Nearest or linear; the weights are read off torch's own result for unit vectors."""
    mode = str(call.attributes["mode"])
    call.require(mode in TAPS, f"has the mode {mode!r}; kernels know {', '.join(TAPS)}")
    shape, source = call.shape(), call.operands[0].shape
    spatial, counts = source[2:], shape[2:]
    call.require(len(spatial) <= 2, "resizes three axes; kernels know one or two")
    axes = [axis_table(call, index, TAPS[mode]) for index in range(len(spatial))]
    x, y, body = call.operand(), call.result(), call.body
    sizes = (prod(shape[:2]), *counts)
    with nest(body, sizes, ("c", *POSITIONS[-len(counts) :])) as indices:
        channel, *positions = indices
        base = flat((channel,), (prod(spatial),))
        value = interpolated(x, axes, positions, base, strides_of(spatial))
        body.store(y, flat(indices, strides_of(sizes)), value)


def axis_table(call: LoweringCall, index: int, taps: int) -> Axis:
    """What each output of an axis takes from its inputs."""
    size, count = call.operands[0].shape[2 + index], call.shape()[2 + index]
    matrix = response(call, index)
    places, weights = np.zeros((count, taps), np.int64), np.zeros((count, taps), np.float32)
    for row, line in enumerate(matrix):
        found = np.flatnonzero(line)
        places[row, : len(found)] = found
        places[row, len(found) :] = found[-1]
        weights[row, : len(found)] = line[found]
    held = call.flash(f"places{index}", places, Kind.U16 if size <= 1 << 16 else Kind.I32)
    return Axis(size, count, held, None if taps == 1 else call.flash(f"weights{index}", weights, Kind.F32), taps)


def response(call: LoweringCall, index: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """The matrix of one axis: torch's answer to each unit vector, other axes held constant."""
    shape = call.operands[0].shape
    size = shape[2 + index]
    probe = torch.eye(size).reshape(size, 1, *(size if axis == index else 1 for axis in range(len(shape) - 2)))
    probe = probe.expand(size, 1, *shape[2:]).contiguous()
    answer = call.executed((probe,), dict(call.attributes))
    moved = answer[:, 0].movedim(1 + index, 1).reshape(size, answer.shape[2 + index], -1)[:, :, 0]
    return moved.T.numpy()


def interpolated(
    x: Place, axes: list[Axis], positions: list[Expression], base: Expression, strides: tuple[int, ...]
) -> Expression:
    """The weighted sum of the elements around a place, axis by axis."""
    axis, position, stride = axes[0], positions[0], strides[0]
    terms: list[Expression] = []
    for tap in range(axis.taps):
        index = flat((position,), (axis.taps,), tap) if axis.taps > 1 else position
        place = axis.places.at(index).at_most(axis.size - 1)
        here = base + (place if stride == 1 else place * stride)
        inner = x.at(here) if len(axes) == 1 else interpolated(x, axes[1:], positions[1:], here, strides[1:])
        terms.append(inner if axis.weights is None else inner * axis.weights.at(index))
    total = terms[0]
    for item in terms[1:]:
        total = total + item
    return total


RULES = {"upsample": upsample}

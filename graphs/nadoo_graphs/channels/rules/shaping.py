"""Operators that give the same numbers another shape: axes are renamed, multiplied together and taken apart."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nadoo_graphs.channels.rule import ChannelRule, NodeAxes, Resizing
from nadoo_graphs.ops.reading import integer, integers, sizes
from nadoo_graphs.sizes import Size


def couple_permute(axes: NodeAxes) -> None:
    """The axes in another order."""
    order = integers(axes.call, "dims")
    axes.same_all(tuple(axes.operand[place] for place in order), axes.output)


def couple_transpose(axes: NodeAxes) -> None:
    """Two axes exchanged."""
    order = list(axes.operand)
    if order:
        first, second = integer(axes.call, "dim0"), integer(axes.call, "dim1")
        order[first], order[second] = order[second], order[first]
    axes.same_all(tuple(order), axes.output)


def couple_unsqueezed(axes: NodeAxes) -> None:
    """Axes of size 1 come or go; the others pass through in order."""
    before = tuple(axis for axis in axes.operand if axes.size(axis) != 1)
    after = tuple(axis for axis in axes.output if axes.size(axis) != 1)
    if len(before) == len(after):
        axes.same_all(before, after)


def couple_reshape(axes: NodeAxes) -> None:
    """Both shapes are products of the same finer factors, as far as those exist."""
    first, second = list(axes.operand), list(axes.output)
    before, after = [axes.size(axis) for axis in first], [axes.size(axis) for axis in second]
    found = common_factors(before, after)
    if found is None:
        return
    own, other = (factor_axes(axes, side, parts) for side, parts in zip((first, second), found, strict=True))
    axes.same_all(own, other)


def factor_axes(axes: NodeAxes, side: Sequence[int], parts: list[list[Size]]) -> tuple[int, ...]:
    """The factors of all axes of one shape, one after the other; an axis of one factor is that factor."""
    found: list[int] = []
    for axis, factors in zip(side, parts, strict=True):
        if len(factors) == 1:
            axes.mentioned.add(axis)
            found.append(axis)
        elif factors:
            found.extend(axes.split(axis, tuple(factors)))
    return tuple(found)


def common_factors(before: "list[Size]", after: "list[Size]") -> tuple[list[list[Size]], list[list[Size]]] | None:
    """The finest factors of which the axes of two shapes are products, axis by axis; None where there are none."""
    sides: tuple[list[list[Size]], list[list[Size]]] = ([[] for _ in before], [[] for _ in after])
    places = [len(before) - 1, len(after) - 1]
    rest: list[Size] = [1, 1]
    while True:
        for side, shape in enumerate((before, after)):
            while rest[side] == 1 and places[side] >= 0:
                rest[side] = shape[places[side]]
                places[side] -= rest[side] == 1
        if rest == [1, 1]:
            return sides
        factor = shared_factor(rest[0], rest[1])
        if factor is None:
            return None
        for side in (0, 1):
            sides[side][places[side]].insert(0, factor)
            rest[side] = rest[side] // factor
            places[side] -= rest[side] == 1


def shared_factor(one: Size, other: Size) -> "Size | None":
    """The smaller of two sizes if it divides the larger one."""
    for small, large in ((one, other), (other, one)):
        if small not in {0, 1} and large // small * small == large:
            return small
    return None


def resize_shape(resizing: Resizing) -> dict[str, Any]:
    """The shape as it is now."""
    wanted: Any = resizing.attributes["shape"]
    return {} if wanted is None else {"shape": resizing.shape(wanted)}


def couple_expand(axes: NodeAxes) -> None:
    """Axes that do not stretch pass through."""
    for own, other in zip(reversed(axes.operand), reversed(axes.output), strict=False):
        if axes.size(own) == axes.size(other):
            axes.same(own, other)


def couple_repeat(axes: NodeAxes) -> None:
    """Position r·C + c of a repeated axis is channel c."""
    for own, other in zip(reversed(axes.operand), reversed(axes.output), strict=False):
        size, large = axes.size(own), axes.size(other)
        if size == large:
            axes.same(own, other)
        elif isinstance(size, int) and isinstance(large, int):
            positions = np.arange(large, dtype=np.int64)
            axes.tie(other, own, positions, positions % size)


def couple_flip(axes: NodeAxes) -> None:
    """Reversed axes run the other way."""
    rank = max(len(axes.operand), 1)
    reversed_places = {dim % rank for dim in integers(axes.call, "dims")}
    for place, (own, other) in enumerate(zip(axes.operand, axes.output, strict=True)):
        if place in reversed_places:
            axes.tie_block(own, other, 0, reverse=True)
        else:
            axes.same(own, other)


def couple_roll(axes: NodeAxes) -> None:
    """Axes that are not rolled pass through; without dims everything moves."""
    dims = integers(axes.call, "dims")
    rolled = {dim % len(axes.operand) for dim in dims} if dims else set(range(len(axes.operand)))
    for place, (own, other) in enumerate(zip(axes.operand, axes.output, strict=True)):
        if place not in rolled:
            axes.same(own, other)


def couple_unfold(axes: NodeAxes) -> None:
    """The axes over which no window slides pass through."""
    place = integer(axes.call, "dimension") % max(len(axes.operand), 1)
    for index, (own, other) in enumerate(zip(axes.operand, axes.output, strict=False)):
        if index != place:
            axes.same(own, other)


def margins(axes: NodeAxes) -> dict[int, tuple[Any, Any]]:
    """The margins before and after each axis, by its place."""
    flat, rank = sizes(axes.call, "pad"), len(axes.operand)
    return {rank - 1 - index: (flat[2 * index], flat[2 * index + 1]) for index in range(len(flat) // 2)}


def couple_pad(axes: NodeAxes) -> None:
    """An axis with constant margins is a run of the longer one; margins of other kinds stay as they are."""
    padded = {place: margin for place, margin in margins(axes).items() if margin != (0, 0)}
    constant = axes.node.attributes["mode"] == "constant"
    for place, (own, other) in enumerate(zip(axes.operand, axes.output, strict=True)):
        before, after = padded.get(place, (0, 0))
        if place not in padded:
            axes.same(own, other)
        elif constant and isinstance(before, int) and isinstance(after, int) and min(before, after) >= 0:
            axes.tie_block(other, own, before)


def resize_pad(resizing: Resizing) -> dict[str, Any]:
    """Margins of an axis are what is left of them; the order of positions is kept."""
    axes, flat = resizing.axes, list(sizes(resizing.axes.call, "pad"))
    rank = len(axes.output)
    for place, (before, after) in margins(axes).items():
        kept, own = resizing.kept(axes.output[place]), axes.size(axes.operand[place])
        if kept is None or (before, after) == (0, 0) or not isinstance(own, int):
            continue
        index = 2 * (rank - 1 - place)
        flat[index : index + 2] = [int((kept < before).sum()), int((kept >= before + own).sum())]
    return {"pad": tuple(flat)}


def couple_full(axes: NodeAxes) -> None:
    """A constant has as many channels as whoever reads it wants."""
    axes.mentioned.update(axes.output)
    if axes.node.attributes["shape"] is None:
        axes.same_all(axes.operand, axes.output)
    elif axes.operands:
        axes.mentioned.update(axes.operand)


RULES: Mapping[str, ChannelRule] = {
    "flatten": ChannelRule(couple_reshape),
    "reshape": ChannelRule(couple_reshape, resize_shape),
    "permute": ChannelRule(couple_permute),
    "transpose": ChannelRule(couple_transpose),
    "squeeze": ChannelRule(couple_unsqueezed),
    "unsqueeze": ChannelRule(couple_unsqueezed),
    "expand": ChannelRule(couple_expand, resize_shape),
    "repeat": ChannelRule(couple_repeat),
    "flip": ChannelRule(couple_flip),
    "roll": ChannelRule(couple_roll),
    "unfold": ChannelRule(couple_unfold),
    "pad": ChannelRule(couple_pad, resize_pad),
    "full": ChannelRule(couple_full, resize_shape),
}

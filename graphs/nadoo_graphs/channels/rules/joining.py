"""Operators that lay values side by side or take them apart: positions move by an offset."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from nadoo_graphs.channels.rule import ChannelRule, NodeAxes, Resizing
from nadoo_graphs.ops.indexing import bound
from nadoo_graphs.ops.reading import integer, size


def place_of(axes: NodeAxes, rank: int) -> int:
    """The axis that the attribute dim names, counted from the front."""
    return integer(axes.call, "dim") % max(rank, 1)


def same_beside(axes: NodeAxes, some: range, others: range, place: int) -> None:
    """All axes but one pass through."""
    for index, (own, other) in enumerate(zip(some, others, strict=True)):
        if index != place:
            axes.same(own, other)


def couple_parts(axes: NodeAxes, whole: range, parts: list[range], place: int) -> None:
    """Parts follow one another along an axis of the whole."""
    sizes = [axes.size(part[place]) for part in parts]
    open_size = not all(isinstance(item, int) for item in sizes)
    starts: list[Any] = [0] * len(parts) if open_size else [0, *accumulate(sizes)]  # type: ignore[arg-type]
    for part, start in zip(parts, starts, strict=False):
        same_beside(axes, whole, part, place)
        if not open_size:
            axes.tie_block(whole[place], part[place], start)


def couple_cat(axes: NodeAxes) -> None:
    """The output is the whole."""
    parts = [operand for operand in axes.operands if len(operand) == len(axes.output)]
    couple_parts(axes, axes.output, parts, place_of(axes, len(axes.output)))


def couple_split(axes: NodeAxes) -> None:
    """The operand is the whole."""
    couple_parts(axes, axes.operand, axes.outputs, place_of(axes, len(axes.operand)))


def resize_split(resizing: Resizing) -> dict[str, Any]:
    """The sizes of the parts as they are now."""
    place = place_of(resizing.axes, len(resizing.axes.operand))
    return {"sizes": tuple(resizing.count(output[place]) for output in resizing.axes.outputs)}


def as_split(axes: NodeAxes) -> tuple[str, dict[str, Any]] | None:
    """Chunks whose sizes can differ are a split."""
    place = place_of(axes, len(axes.operand))
    return "split", {"sizes": tuple(axes.size(output[place]) for output in axes.outputs), "dim": place}


def couple_stack(axes: NodeAxes) -> None:
    """Every axis but the new one is an axis of all operands."""
    place = place_of(axes, len(axes.output))
    kept = tuple(axis for index, axis in enumerate(axes.output) if index != place)
    for operand in axes.operands:
        axes.same_all(operand, kept)


def couple_unbind(axes: NodeAxes) -> None:
    """Every axis but the one that disappears is an axis of all outputs."""
    place = place_of(axes, len(axes.operand))
    kept = tuple(axis for index, axis in enumerate(axes.operand) if index != place)
    for output in axes.outputs:
        axes.same_all(kept, output)


def couple_indexed(axes: NodeAxes) -> None:
    """The axis that an index picks from stays; the others pass through."""
    same_beside(axes, axes.operand, axes.output, place_of(axes, len(axes.operand)))


def couple_slice(axes: NodeAxes) -> None:
    """A run of the axis; with a larger step or open sizes only the other axes pass through."""
    place = place_of(axes, len(axes.operand))
    same_beside(axes, axes.operand, axes.output, place)
    whole, part = axes.operand[place], axes.output[place]
    if axes.size(whole) == axes.size(part):
        axes.same(whole, part)
    elif isinstance(axes.size(whole), int) and integer(axes.call, "step") == 1:
        axes.tie_block(whole, part, slice_start(axes, place))


def slice_start(axes: NodeAxes, place: int) -> int:
    """Where a slice begins, counted from the front."""
    start = bound(axes.call, size(axes.call, "start"), axes.size(axes.operand[place]))
    return start if isinstance(start, int) else 0


def resize_slice(resizing: Resizing) -> dict[str, Any]:
    """The run begins behind what is left before it."""
    axes = resizing.axes
    place = place_of(axes, len(axes.operand))
    whole, part = axes.operand[place], axes.output[place]
    kept = resizing.kept(whole)
    if kept is None or axes.size(whole) == axes.size(part):
        return {}
    start = int((kept < slice_start(axes, place)).sum())
    length = resizing.count(part)
    return {"start": start, "end": start + length}


RULES: Mapping[str, ChannelRule] = {
    "cat": ChannelRule(couple_cat),
    "split": ChannelRule(couple_split, resize_split),
    "chunk": ChannelRule(couple_split, resize_split, ready=as_split),
    "stack": ChannelRule(couple_stack),
    "unbind": ChannelRule(couple_unbind),
    "select": ChannelRule(couple_unbind),
    "index_select": ChannelRule(couple_indexed),
    "slice": ChannelRule(couple_slice, resize_slice),
}

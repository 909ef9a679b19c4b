"""Taking units out of a graph everywhere at once, or setting them to zero where they are."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from nadoo_graphs.channels.axes import Positions
from nadoo_graphs.channels.channel_map import ChannelMap, Mask
from nadoo_graphs.channels.rule import NodeAxes, Resizing
from nadoo_graphs.channels.rules import rule_of
from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.graph import ModelGraph


def remove_channels(graph: ModelGraph, channels: ChannelMap, removed: ArrayLike) -> None:
    """Take units out of every tensor, and let attributes follow; one that is the last of an axis is refused.

    `channels` is the analysis of this graph or of one with the same tensors and nodes.
    """
    kept = channels.keep_mask(removed)
    refuse_other_graph(graph, channels)
    refuse_emptied(channels, kept)
    if kept.all():
        return
    prepare(graph, channels, kept)
    with graph.edit():
        for name, places in shrunken_tensors(channels, kept):
            graph.set_tensor(name, taken(graph.tensor(name), places))
        for axes in channels.nodes.values():
            resize(graph, channels, axes, kept)


def mask_channels(graph: ModelGraph, channels: ChannelMap, removed: ArrayLike) -> None:
    """Set to zero, in every tensor, what `remove_channels` would take out; the shapes stay."""
    kept = channels.keep_mask(removed)
    refuse_other_graph(graph, channels)
    with graph.edit():
        for name, places in shrunken_tensors(channels, kept):
            value = graph.tensor(name).clone()
            for axis, positions in places.items():
                gone = np.setdiff1d(np.arange(value.shape[axis]), positions)
                value.index_fill_(axis, torch.from_numpy(gone), 0)
            graph.set_tensor(name, value)


def shrunken_tensors(channels: ChannelMap, kept: Mask) -> Iterator[tuple[str, dict[int, Positions]]]:
    """The tensors that lose something, and the positions of their axes that stay."""
    for name, axes in channels.space.tensors.items():
        found = {place: channels.kept_positions(axis, kept) for place, axis in enumerate(axes)}
        places = {place: positions for place, positions in found.items() if positions is not None}
        if places:
            yield name, places


def taken(value: torch.Tensor, places: dict[int, Positions]) -> torch.Tensor:
    """The part of a tensor that stays, of its own memory."""
    for axis, positions in places.items():
        value = value.index_select(axis, torch.from_numpy(positions))
    return value.contiguous()


def prepare(graph: ModelGraph, channels: ChannelMap, kept: Mask) -> None:
    """Let nodes that cannot have unequal parts be others with the same result."""
    for axes in channels.nodes.values():
        rule = rule_of(graph.ops[axes.node.op])
        if rule is None or rule.ready is None or not is_touched(channels, axes, kept):
            continue
        other = rule.ready(axes)
        if other is not None and graph[axes.node.name].op == axes.node.op:
            graph.replace(axes.node.name, other[0], **other[1])


def is_touched(channels: ChannelMap, axes: NodeAxes, kept: Mask) -> bool:
    """Whether any axis of a node's operands or outputs loses something."""
    return any(
        channels.kept_size(axis, kept) != axes.size(axis) for value in (*axes.operands, *axes.outputs) for axis in value
    )


def resize(graph: ModelGraph, channels: ChannelMap, axes: NodeAxes, kept: Mask) -> None:
    """Let the attributes of one node follow its sizes."""
    rule = rule_of(graph.ops[axes.node.op])
    if rule is None or rule.resize is None or not is_touched(channels, axes, kept):
        return
    changes = resized(channels, axes, kept)
    node = graph[axes.node.name]
    other = {name: value for name, value in changes.items() if node.attributes[name] != value}
    if other:
        graph.update(node, **other)


def resized(channels: ChannelMap, axes: NodeAxes, kept: Mask) -> dict[str, Any]:
    """The attributes of a node that follow from its sizes."""
    rule = rule_of(channels.space.graph.ops[axes.node.op])
    if rule is None or rule.resize is None:
        return {}
    return rule.resize(
        Resizing(axes, lambda axis: channels.kept_positions(axis, kept), lambda axis: channels.kept_size(axis, kept))
    )


def refuse_other_graph(graph: ModelGraph, channels: ChannelMap) -> None:
    """The analysis must be of a graph with the same tensors."""
    for name, axes in channels.space.tensors.items():
        sizes = tuple(channels.space.sizes[axis] for axis in axes)
        if name not in graph.tensors or tuple(graph.tensors[name].value.shape) != sizes:
            message = f"is not as it was when channels were analysed ({list(sizes)}); analyse this graph"
            raise GraphError(Problem(Code.DATA, f"tensor {name!r}", message))


def refuse_emptied(channels: ChannelMap, kept: Mask) -> None:
    """Every axis keeps at least one channel."""
    problems = [
        Problem(Code.SHAPE, f"node {node!r}", "would lose its last channel; keep at least one of its units")
        for _, node in channels.emptied(kept)
    ]
    if problems:
        raise GraphError(problems)

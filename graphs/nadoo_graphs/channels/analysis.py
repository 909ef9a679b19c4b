"""From the rules of all nodes to units: first whole axes are joined, then the positions of those that remain."""

from collections.abc import Iterable, Mapping

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from nadoo_graphs.channels.axes import AxisSpace, Positions, Split
from nadoo_graphs.channels.channel_map import ChannelMap
from nadoo_graphs.channels.factors import Heads, choose_factors, join_equal_splits
from nadoo_graphs.channels.rule import NodeAxes
from nadoo_graphs.channels.rules import rule_of
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, OUTPUT
from nadoo_graphs.ops.structure import OPAQUE

BORDER = {INPUT: "is an input of the network", OUTPUT: "is what the network returns"}
FIRST_REASON = "no channel of it is free"


def analyse_channels(graph: ModelGraph, heads: Heads = "whole") -> ChannelMap:
    """Which channels of which tensors and values go together.

    Of an attention either whole heads may go or widths of all heads alike. What no rule describes is frozen.
    """
    space = AxisSpace(graph)
    nodes = {node.name: node_axes(space, node.name) for node in graph.nodes()}
    join_equal_splits(space)
    space.settle_reasons()
    chosen = choose_factors(space, heads)
    numbering = number_positions(space, chosen)
    labels = components(numbering, space, chosen)
    return channel_map(space, nodes, chosen, numbering, labels)


def node_axes(space: AxisSpace, name: str) -> NodeAxes:
    """What the rule of a node says, and a frozen axis wherever it says nothing."""
    node = space.graph[name]
    space.add_outputs(node)
    axes = NodeAxes(space, node)
    rule = rule_of(space.graph.ops[node.op])
    if rule is not None:
        rule.couple(axes)
        axes.freeze_unmentioned("works along this axis")
        return axes
    known = node.op in BORDER or node.op == OPAQUE
    reason = BORDER.get(node.op, "is opaque: nobody knows what it does with channels")
    axes.freeze_unmentioned(reason if known else "has no channel rule")
    return axes


@frozen
class Numbering:
    """A number for every position of the axes that matter: where each axis begins, and how many there are."""

    starts: Mapping[int, int]
    total: int


def number_positions(space: AxisSpace, chosen: "Iterable[tuple[Split, int]]") -> Numbering:
    """Number the positions of every axis that is free, or tied to others that may be."""
    tied = {space.root(axis) for tie in space.ties for axis in (tie.one, tie.other)}
    tied |= {space.root(axis) for split, place in chosen for axis in (split.axis, split.factors[place])}
    starts: dict[int, int] = {}
    total = 0
    for axis, parent in enumerate(space.parents):
        size = space.sizes[axis]
        if parent != axis or not isinstance(size, int) or size < 2:
            continue
        if axis in tied or axis not in space.reasons:
            starts[axis] = total
            total += size
    return Numbering(starts, total)


def components(numbering: Numbering, space: AxisSpace, chosen: "list[tuple[Split, int]]") -> Positions:
    """The component of every position: positions in one component go together."""
    ones: list[Positions] = []
    others: list[Positions] = []
    starts = numbering.starts
    for tie in space.ties:
        one, other = space.root(tie.one), space.root(tie.other)
        if one in starts and other in starts:
            ones.append(tie.one_positions + starts[one])
            others.append(tie.other_positions + starts[other])
    for split, place in chosen:
        root = space.root(split.axis)
        if root in starts:
            positions = factor_positions(split, place, space.sizes[root])
            ones.append(np.arange(len(positions), dtype=np.int64) + starts[root])
            others.append(positions + starts[space.root(split.factors[place])])
    first = np.concatenate(ones) if ones else np.empty(0, np.int64)
    second = np.concatenate(others) if others else np.empty(0, np.int64)
    return connected(first, second, numbering.total)


def connected(ones: Positions, others: Positions, total: int) -> Positions:
    """The component of each of so many positions, of which those in pairs are connected; numbered by first position."""
    parents = np.arange(total, dtype=np.int64)
    while True:
        first, second = parents[ones], parents[others]
        if np.array_equal(first, second):
            return np.unique(parents, return_inverse=True)[1].astype(np.int64)
        np.minimum.at(parents, np.maximum(first, second), np.minimum(first, second))
        while not np.array_equal(parents, parents[parents]):
            parents = parents[parents]


def factor_positions(split: Split, place: int, size: object) -> Positions:
    """The position along one factor of every position of a product."""
    inner = 1
    for item in split.sizes[place + 1 :]:
        inner *= item if isinstance(item, int) else 1
    own = split.sizes[place]
    count = size if isinstance(size, int) else 0
    return np.arange(count, dtype=np.int64) // inner % (own if isinstance(own, int) else 1)


def channel_map(
    space: AxisSpace,
    nodes: Mapping[str, NodeAxes],
    chosen: "list[tuple[Split, int]]",
    numbering: Numbering,
    labels: Positions,
) -> ChannelMap:
    """Units are the components that touch nothing frozen, numbered in the order of their first position."""
    count = int(labels.max()) + 1 if len(labels) else 0
    reasons = frozen_components(space, numbering, labels)
    stays = np.zeros(count, np.bool_)
    stays[list(reasons)] = True
    number = np.where(stays, -1, np.cumsum(~stays) - 1)
    units: dict[int, Positions] = {}
    frozen_axes: dict[int, str] = dict(space.reasons)
    for root, start in numbering.starts.items():
        size = space.sizes[root]
        own = labels[start : start + (size if isinstance(size, int) else 0)]
        found: NDArray[np.int64] = number[own]
        if (found >= 0).any():
            units[root] = found
        else:
            frozen_axes.setdefault(root, next((reasons[int(item)] for item in own[:1]), FIRST_REASON))
    open_axes = {space.root(split.axis): split for split, _ in chosen if not isinstance(space.sizes[split.axis], int)}
    return ChannelMap(space, nodes, units, int((~stays).sum()), frozen_axes, open_axes)


def frozen_components(space: AxisSpace, numbering: Numbering, labels: Positions) -> dict[int, str]:
    """The components with a frozen position, and why it is frozen."""
    found: dict[int, str] = {}
    for root, start in numbering.starts.items():
        reason = space.reasons.get(root)
        if reason is not None:
            size = space.sizes[root]
            own = labels[start : start + (size if isinstance(size, int) else 0)]
            for item in np.unique(own).tolist():
                found.setdefault(item, reason)
    return found

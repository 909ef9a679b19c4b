"""What a graph would cost without some units, counted from the rows without making that graph."""

from collections.abc import Mapping

import numpy as np
from attrs import evolve

from nadoo_graphs.channels.channel_map import ChannelMap, Mask
from nadoo_graphs.channels.removal import resized
from nadoo_graphs.channels.rule import NodeAxes
from nadoo_graphs.node import Node
from nadoo_graphs.ops.op import Call
from nadoo_graphs.sizes import Shape, Size, bind, symbols_of
from nadoo_graphs.values import ValueType


class ChannelPreview:
    """Counts of the graph that an analysis describes, for any choice of units; symbols are 1 unless given."""

    def __init__(self, channels: ChannelMap, symbols: "Mapping[str, int] | None" = None) -> None:
        self.channels = channels
        self.graph = channels.space.graph
        self.symbols = dict.fromkeys(self.graph_symbols(), 1) | dict(symbols or {})
        self.before = {axes.node.name: self.node_macs(axes, None) for axes in channels.nodes.values()}
        self.working = [channels.nodes[name] for name, macs in self.before.items() if macs]
        self.roots = list(channels.units)
        self.flat = np.concatenate([channels.units[root] for root in self.roots]) if self.roots else np.empty(0, int)
        lengths = [len(channels.units[root]) for root in self.roots]
        self.starts = np.cumsum([0, *lengths])[:-1]

    def graph_symbols(self) -> set[str]:
        """The symbols in the types of the inputs."""
        return {name for node in self.graph.inputs for size in node.type.shape for name in symbols_of(size)}

    # --- counts ---

    def macs(self, kept: Mask) -> int:
        """All multiply-accumulates of the graph that is left."""
        sizes = self.sizes(kept)
        return sum(self.node_macs(axes, (sizes, kept)) for axes in self.working)

    def parameters(self, kept: Mask) -> int:
        """All elements of the parameters that are left."""
        sizes = self.sizes(kept)
        total = 0
        for name, axes in self.channels.space.tensors.items():
            if self.graph.tensors[name].role == "parameter":
                total += int(np.prod([bind(self.size(axis, sizes), {}) for axis in axes], dtype=np.int64))
        return total

    def sizes(self, kept: Mask) -> dict[int, int]:
        """How many positions of every axis stay."""
        if not self.roots:
            return {}
        stays = kept[self.flat] | (self.flat < 0)
        return dict(zip(self.roots, np.add.reduceat(stays.astype(np.int64), self.starts).tolist(), strict=True))

    def size(self, axis: int, sizes: Mapping[int, int]) -> Size:
        """The size that an axis has then."""
        space = self.channels.space
        root = space.root(axis)
        found = sizes.get(root)
        if found is not None:
            return found
        split = self.channels.open_axes.get(root)
        if split is None:
            return space.sizes[axis]
        size: Size = 1
        for factor in split.factors:
            size = size * self.size(factor, sizes)
        return size

    # --- nodes ---

    def node_macs(self, axes: NodeAxes, left: "tuple[Mapping[int, int], Mask] | None") -> int:
        """The multiply-accumulates of one node, as it is or with what is left of its axes."""
        row = self.graph.ops[axes.node.op]
        if left is None:
            return bind(row.macs(axes.call, axes.node.outputs), self.symbols)
        call, outputs = self.call(axes, *left)
        return bind(row.macs(call, outputs), self.symbols)

    def call(self, axes: NodeAxes, sizes: Mapping[int, int], kept: Mask) -> tuple[Call, tuple[ValueType, ...]]:
        """What inference and counting would see of a node."""
        node: Node = axes.node
        operands = tuple(
            item.with_shape(self.shape(own, sizes)) for item, own in zip(axes.call.operands, axes.operands, strict=True)
        )
        tensors = {
            role: item.with_shape(self.shape(axes.tensors[role], sizes)) for role, item in axes.call.tensors.items()
        }
        outputs = tuple(
            item.with_shape(self.shape(own, sizes)) for item, own in zip(node.outputs, axes.outputs, strict=True)
        )
        attributes = {**node.attributes, **resized(self.channels, axes, kept)}
        return evolve(axes.call, operands=operands, tensors=tensors, attributes=attributes), outputs

    def shape(self, axes: range, sizes: Mapping[int, int]) -> Shape:
        """The shape that axes have then."""
        return tuple(self.size(axis, sizes) for axis in axes)

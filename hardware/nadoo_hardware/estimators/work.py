"""Work: what every node does and moves, as numbers for one example; everything else is estimated from it."""

from collections.abc import Mapping

from attrs import frozen

from nadoo_core.cost.kinds import kind_of
from nadoo_core.cost.precision import precision_of
from nadoo_graphs.counting import BORDER, stored_bytes, value_bytes
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.ops.structure import OPAQUE
from nadoo_graphs.sizes import bind, symbols_of


@frozen
class NodeWork:
    """One node: its multiply-accumulates and other operations, and the bytes that it reads and writes."""

    name: str
    op: str
    kind: str
    weights: str
    """The precision of its weights, which decides the rate; that of its operand where it has none."""
    activations: str
    macs: int
    elementary: int
    weight_bytes: int
    value_bytes: int
    moves_only: bool
    """Whether it is a view or part of the border, which costs nothing anywhere."""
    opaque: bool


@frozen
class GraphWork:
    """The work of all nodes, the sizes that were bound for it, and what it lies in flash as."""

    nodes: tuple[NodeWork, ...]
    sizes: Mapping[str, int]
    flash: Mapping[str, int]
    """Tensor → bytes in flash; a tensor that several nodes use is there once."""

    @property
    def macs(self) -> int:
        """All multiply-accumulates."""
        return sum(node.macs for node in self.nodes)


def sizes_of(graph: ModelGraph) -> dict[str, int]:
    """One example: every size that the graph leaves open is 1."""
    return {name: 1 for node in graph.inputs for size in node.type.shape for name in symbols_of(size)}


def graph_work(graph: ModelGraph, formats: Mapping[str, str] | None = None) -> GraphWork:
    """The work of a graph; `formats` says for some nodes in which format their weights would be."""
    sizes, chosen = sizes_of(graph), formats or {}
    flash: dict[str, int] = {}
    nodes = [node_work(graph, node, sizes, chosen.get(node.name), flash) for node in graph.nodes()]
    return GraphWork(tuple(nodes), sizes, flash)


def node_work(
    graph: ModelGraph, node: Node, sizes: Mapping[str, int], chosen: str | None, flash: dict[str, int]
) -> NodeWork:
    """One node; what its tensors take in flash is noted beside."""
    call, row = graph.call(node), graph.ops[node.op]
    border = node.op in BORDER
    moved = () if border or row.view else (*call.operands, *node.outputs)
    held = stored_bytes(graph, node, chosen)
    for name, count in held.items():
        flash[name] = max(count, flash.get(name, 0))
    operand = precision_of(call.operands[0] if call.operands else node.type)
    return NodeWork(
        name=node.name,
        op=node.op,
        kind=kind_of(graph, node),
        weights=chosen or weight_precision(node, operand),
        activations=operand,
        macs=bind(row.macs(call, node.outputs), sizes),
        elementary=bind(row.elementary(call, node.outputs), sizes),
        weight_bytes=sum(held.values()),
        value_bytes=sum(bind(value_bytes(item, graph.formats), sizes) for item in moved),
        moves_only=border or row.view,
        opaque=node.op == OPAQUE,
    )


def weight_precision(node: Node, operand: str) -> str:
    """The precision that a node's rate goes by: of its weight format, else of what it reads."""
    named = node.attributes.get("weight_format")
    return named if isinstance(named, str) else operand

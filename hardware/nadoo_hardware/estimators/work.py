"""Work: what every node does and moves, as numbers for one example; everything else is estimated from it."""

from collections.abc import Mapping

from attrs import field, frozen

from nadoo_core.cost.kinds import CHANNELS, CONVOLUTION, kind_of
from nadoo_core.cost.precision import precision_of
from nadoo_graphs.counting import BORDER, stored_bytes, value_bytes
from nadoo_graphs.errors import Code, InvalidGraphError, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.ops.op import Call, Op
from nadoo_graphs.ops.structure import OPAQUE
from nadoo_graphs.sizes import bind, symbols_of
from nadoo_graphs.values import ValueType


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
    share: float = 1.0
    """The expected share of executions in which a conditional node does this work."""
    gathered: int = 0
    """The elements that the windows of a convolution gather for one output channel."""


@frozen
class GraphWork:
    """The work of all nodes, the sizes that were bound for it, and what it lies in flash as."""

    nodes: tuple[NodeWork, ...]
    sizes: Mapping[str, int]
    flash: Mapping[str, int]
    """Tensor → bytes in flash; a tensor that several nodes use is there once."""

    @property
    def macs(self) -> int:
        """All multiply-accumulates, those of conditional nodes too."""
        return sum(node.macs for node in self.nodes)

    @property
    def conditional(self) -> bool:
        """Whether a node may do nothing."""
        return any(node.share < 1 for node in self.nodes)


def sizes_of(graph: ModelGraph) -> dict[str, int]:
    """One example: every size that the graph leaves open is 1."""
    return {name: 1 for node in graph.inputs for size in node.type.shape for name in symbols_of(size)}


@frozen
class BoundGraph:
    """A graph with its open sizes bound; each value is bound and measured once, however many nodes read it."""

    graph: ModelGraph
    sizes: Mapping[str, int]
    types: dict[str, tuple[ValueType, ...]] = field(factory=dict[str, tuple[ValueType, ...]])
    moved: dict[ValueType, int] = field(factory=dict[ValueType, int])

    @classmethod
    def of(cls, graph: ModelGraph) -> "BoundGraph":
        """A graph for one example."""
        return cls(graph, sizes_of(graph))

    def outputs(self, node: Node) -> tuple[ValueType, ...]:
        """The types of what a node gives."""
        found = self.types.get(node.name)
        if found is None:
            found = self.types[node.name] = tuple(item.bound(self.sizes) for item in node.outputs)
        return found

    def call(self, node: Node) -> Call:
        """What counting sees of a node."""
        graph = self.graph
        operands = tuple(self.outputs(graph[value.node])[value.output] for value in graph.operands(node))
        tensors = {role: graph.record(name).type for role, name in node.tensors.items()}
        return Call(node.name, node.op, operands, tensors, node.attributes, self.outputs(node), graph.ops)

    def bytes(self, kind: ValueType) -> int:
        """The bytes of a value."""
        found = self.moved.get(kind)
        if found is None:
            found = self.moved[kind] = bind(value_bytes(kind, self.graph.formats), self.sizes)
        return found


def graph_work(graph: ModelGraph, formats: Mapping[str, str] | None = None) -> GraphWork:
    """The work of a graph; `formats` says for some nodes in which format their weights would be."""
    bound, chosen = BoundGraph.of(graph), formats or {}
    flash: dict[str, int] = {}
    nodes = [node_work(bound, node, chosen.get(node.name), flash) for node in graph.nodes()]
    return GraphWork(tuple(nodes), bound.sizes, flash)


def node_work(bound: BoundGraph, node: Node, chosen: str | None, flash: dict[str, int]) -> NodeWork:
    """One node; what its tensors take in flash is noted beside."""
    graph, call, outputs = bound.graph, bound.call(node), bound.outputs(node)
    row, border = graph.ops[node.op], node.op in BORDER
    moved = () if border or row.view else (*call.operands, *outputs)
    held = stored_bytes(graph, node, chosen)
    for name, count in held.items():
        flash[name] = max(count, flash.get(name, 0))
    operand = precision_of((*call.operands, *outputs)[0])
    kind, macs = kind_of(graph, node), bind(row.macs(call, outputs), bound.sizes)
    return NodeWork(
        name=node.name,
        op=node.op,
        kind=kind,
        weights=chosen or weight_precision(node, operand),
        activations=operand,
        macs=macs,
        elementary=bind(row.elementary(call, outputs), bound.sizes),
        weight_bytes=sum(held.values()),
        value_bytes=sum(map(bound.bytes, moved)),
        moves_only=border or row.view,
        opaque=node.op == OPAQUE,
        share=share_of(row, node),
        gathered=macs // max(bind(outputs[0].shape[CHANNELS], bound.sizes), 1) if kind == CONVOLUTION else 0,
    )


def share_of(row: Op, node: Node) -> float:
    """The expected share of executions in which a node works, as its row says; one that is none is refused."""
    share = row.share(node.attributes)
    if 0 <= share <= 1:
        return share
    message = f"is expected to work in {share!r} of executions; give a row whose share is from 0 to 1"
    raise InvalidGraphError(Problem(Code.SCHEMA, f"node {node.name!r} ({node.op})", message))


def weight_precision(node: Node, operand: str) -> str:
    """The precision that a node's rate goes by: of its weight format, else of what it reads."""
    named = node.attributes.get("weight_format")
    return named if isinstance(named, str) else operand

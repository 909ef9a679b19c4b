"""Writing one block: its nodes as items with names of its own, and the nodes that they came from beside them.

Names follow from the operators and not from the nodes, so that two calls of one module give equal blocks.
"""

from collections.abc import Mapping, Sequence

from attrs import frozen

from nadoo_graphs.formats import FormatTable
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.ops.structure import OPAQUE
from nadoo_graphs.plan.data import DataFile
from nadoo_graphs.plan.datatypes import codes_only
from nadoo_graphs.plan.document import (
    Item,
    NodeOrigin,
    PlanBlock,
    PlanLayer,
    PlanOperation,
    PlanTensor,
    Scalar,
    Signature,
    TensorOrigin,
    input_ports,
    output_ports,
)
from nadoo_graphs.plan.fields import as_identifier
from nadoo_graphs.plan.instances import free_name
from nadoo_graphs.plan.library import layer_name, params_of
from nadoo_graphs.plan.opaque_layers import opaque_params
from nadoo_graphs.plan.operations import ALIAS, POWER, sign_of
from nadoo_graphs.values import Value


@frozen
class Source:
    """What blocks are written from: the graph, its place of every node, and the data files of its tensors."""

    graph: ModelGraph
    formats: FormatTable
    files: Mapping[str, DataFile]
    places: Mapping[str, int]

    def origin(self, node: Node) -> NodeOrigin:
        """Where an item comes from."""
        return NodeOrigin(node.name, self.places[node.name], node.origin)

    def constant(self, local: str, name: str, nodes: tuple[NodeOrigin, ...] = ()) -> PlanTensor:
        """A tensor of the graph as a constant of a block."""
        record, file = self.graph.tensors[name], self.files[name]
        quant = None if record.format is None else codes_only(self.formats[record.format])
        origin = TensorOrigin(name, record.role, record.persistent, record.trainable, nodes)
        return PlanTensor(local, record.type, file.name, 0, file.length, file.sha256, quant, origin)


@frozen
class WrittenBlock:
    """A block, and the values of the graph that go in and come out."""

    block: PlanBlock
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


def write_block(
    source: Source, name: str, nodes: Sequence[Node], inputs: Sequence[Value], outputs: Sequence[Value]
) -> WrittenBlock:
    """The block of some nodes."""
    writer = BlockWriter(source, nodes, inputs, outputs)
    writer.write()
    graph = source.graph
    signature = Signature(tuple(map(graph.type, inputs)), tuple(map(graph.type, outputs)))
    block = PlanBlock(name, signature, (*writer.constants, *writer.items))
    return WrittenBlock(block, tuple(inputs), tuple(outputs))


class BlockWriter:
    """One block in the making: the names of its values and constants, and its items."""

    def __init__(
        self, source: Source, nodes: Sequence[Node], inputs: Sequence[Value], outputs: Sequence[Value]
    ) -> None:
        self.source = source
        self.nodes = nodes
        self.outputs = outputs
        self.taken: set[str] = set()
        self.names: dict[Value, str] = dict(zip(inputs, input_ports(len(inputs)), strict=True))
        self.weights: dict[str, str] = {}
        self.constants: list[PlanTensor] = []
        self.items: list[Item] = []

    def write(self) -> None:
        """All nodes, then what goes out under a second name."""
        ports = dict(zip(output_ports(len(self.outputs)), self.outputs, strict=True))
        direct = {value: port for port, value in ports.items() if self.is_direct(value)}
        for node in self.nodes:
            self.write_node(node, direct)
        for port, value in ports.items():
            if direct.get(value) != port:
                self.items.append(PlanOperation(ALIAS, (self.name(value),), port))

    def is_direct(self, value: Value) -> bool:
        """Whether an item can define an output itself: it is made here, given once, and not read here."""
        inside = {node.name for node in self.nodes}
        read = any(reader.name in inside for reader, _ in self.source.graph.consumers(value))
        return value.node in inside and not read and list(self.outputs).count(value) == 1

    def name(self, value: Value) -> str:
        """The name of a value; a tensor that is read becomes a constant here."""
        if value not in self.names:
            node = self.source.graph[value.node]
            name = node.tensors["value"]
            local = self.local_name(name)
            self.names[value] = local
            self.constants.append(self.source.constant(local, name, (self.source.origin(node),)))
        return self.names[value]

    def weight(self, name: str) -> str:
        """The name of a tensor that a layer refers to."""
        if name not in self.weights:
            self.weights[name] = self.local_name(name)
            self.constants.append(self.source.constant(self.weights[name], name))
        return self.weights[name]

    def local_name(self, text: str) -> str:
        """A free name in this block, the last part of a path."""
        return free_name(as_identifier(text.rpartition(".")[2]), self.taken)

    def write_node(self, node: Node, direct: Mapping[Value, str]) -> None:
        """One item."""
        operands = self.source.graph.operands(node)
        inputs = tuple(self.name(value) for value in operands)
        weights = {role: self.weight(name) for role, name in node.tensors.items()}
        outputs = tuple(self.define(Value(node.name, index), node, direct) for index in range(len(node.outputs)))
        item = self.operation(node, inputs, outputs)
        self.items.append(item or self.layer(node, inputs, outputs, weights))

    def define(self, value: Value, node: Node, direct: Mapping[Value, str]) -> str:
        """The name of a new value."""
        base = str(node.attributes["target"]).split(".")[1] if node.op == OPAQUE else node.op
        suffix = f"_{value.output}" if len(node.outputs) > 1 else ""
        self.names[value] = direct.get(value) or free_name(as_identifier(f"{base}{suffix}"), self.taken)
        return self.names[value]

    def operation(self, node: Node, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> PlanOperation | None:
        """A node as arithmetic, where a sign says exactly the same."""
        if node.op == OPAQUE or len(outputs) != 1:
            return None
        graph = self.source.graph
        found = sign_of(node, graph.ops[node.op], [graph.type(value) for value in graph.operands(node)])
        if found is None:
            return None
        sign, number = found
        origins = (self.source.origin(node),)
        if sign == POWER:
            return PlanOperation(sign, inputs, outputs[0], number, origins)
        scalars = () if number is None else (Scalar(number),)
        return PlanOperation(sign, (*inputs, *scalars), outputs[0], None, origins)

    def layer(
        self, node: Node, inputs: tuple[str, ...], outputs: tuple[str, ...], weights: Mapping[str, str]
    ) -> PlanLayer:
        """A node as a layer."""
        origins = (self.source.origin(node),)
        if node.op == OPAQUE:
            return PlanLayer(str(node.attributes["target"]), opaque_params(node), {}, inputs, outputs, origins)
        row = self.source.graph.ops[node.op]
        types = {role: self.source.graph.tensors[name].type for role, name in node.tensors.items()}
        params: Mapping[str, Attribute] = params_of(row, node.attributes, types)
        return PlanLayer(layer_name(row), params, weights, inputs, outputs, origins)

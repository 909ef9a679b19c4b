"""How much work and data a graph is, node by node: counted from the rows, never measured, symbolic where sizes are."""

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from attrs import frozen

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, OUTPUT, TENSOR, Node
from nadoo_graphs.ops.structure import OPAQUE
from nadoo_graphs.sizes import Size, bind
from nadoo_graphs.values import ELEMENT_BITS, ValueType

if TYPE_CHECKING:
    from nadoo_graphs.formats import FormatTable

WEIGHT = "weight"
BORDER = (INPUT, OUTPUT, TENSOR)


@frozen
class NodeCount:
    """One node's multiply-accumulates, elementary operations, parameters, and the bytes that it reads and writes."""

    name: str
    op: str
    macs: Size
    elementary: Size
    parameters: int
    weight_bytes: int
    value_bytes: Size


@frozen
class GraphCount:
    """The counts of all nodes, and their sums with every tensor counted once however often it is used."""

    nodes: tuple[NodeCount, ...]
    parameters: int
    weight_bytes: int
    unmodelled: tuple[str, ...]

    def macs(self, symbols: Mapping[str, int]) -> int:
        """All multiply-accumulates, at given sizes."""
        return sum(bind(node.macs, symbols) for node in self.nodes)

    def elementary(self, symbols: Mapping[str, int]) -> int:
        """All elementary operations, at given sizes."""
        return sum(bind(node.elementary, symbols) for node in self.nodes)

    def value_bytes(self, symbols: Mapping[str, int]) -> int:
        """All bytes of values read and written, at given sizes."""
        return sum(bind(node.value_bytes, symbols) for node in self.nodes)


def count(graph: ModelGraph) -> GraphCount:
    """Count every node; opaque nodes move bytes, but what they compute is listed as unmodelled, never as free."""
    nodes = tuple(count_node(graph, node) for node in graph.nodes())
    used = {name for node in graph.nodes() for name in node.tensors.values()}
    records = [graph.tensors[name] for name in sorted(used)]
    parameters = sum(record.value.numel() for record in records if record.role == "parameter")
    unmodelled = tuple(node.name for node in graph.nodes(op=OPAQUE))
    return GraphCount(nodes, parameters, sum(held_bytes(graph).values()), unmodelled)


def count_node(graph: ModelGraph, node: Node) -> NodeCount:
    """One node by its row; inputs, outputs and tensor nodes do nothing and move nothing themselves."""
    call, row = graph.call(node), graph.ops[node.op]
    records = [graph.tensors[name] for name in sorted(set(node.tensors.values()))]
    parameters = sum(record.value.numel() for record in records if record.role == "parameter")
    moved: Size = 0
    for value in () if node.op in BORDER else (*call.operands, *node.outputs):
        moved = moved + value_bytes(value, graph.formats)
    weights = sum(stored_bytes(graph, node).values())
    macs, elementary = row.macs(call, node.outputs), row.elementary(call, node.outputs)
    return NodeCount(node.name, node.op, macs, elementary, parameters, weights, moved)


def held_bytes(graph: ModelGraph) -> dict[str, int]:
    """The bytes of every tensor where the model is kept, once however many nodes use it."""
    found: dict[str, int] = {}
    for node in graph.nodes():
        for name, size in stored_bytes(graph, node).items():
            found[name] = max(size, found.get(name, 0))
    return found


def stored_bytes(graph: ModelGraph, node: Node, chosen: str | None = None) -> dict[str, int]:
    """The bytes that each tensor of a node takes where the model is kept: packed row by row, or folded away.

    `chosen` is a format that the weight would be in instead of its own.
    """
    stored = graph.ops[node.op].stored(node.attributes)
    found: dict[str, int] = {}
    for role, name in node.tensors.items():
        wanted = chosen if chosen is not None and role == WEIGHT else stored.get(role, "")
        if wanted is not None:
            found[name] = tensor_bytes(graph, name, wanted)
    return found


def tensor_bytes(graph: ModelGraph, name: str, wanted: str) -> int:
    """One tensor in a format, or as its dtype says."""
    record = graph.tensors[name]
    if wanted:
        return graph.formats[wanted].packed_bytes(tuple(record.value.shape))
    return byte_count(record.type, graph.formats)


def value_bytes(value: ValueType, formats: "FormatTable | None" = None) -> Size:
    """The bytes of a value: its bits, rounded up to whole bytes."""
    bits = element_bits(value, formats)
    unit = 8 * bits.denominator
    if bits.numerator % unit == 0:
        return value.elements * (bits.numerator // unit)
    return (value.elements * bits.numerator + unit - 1) // unit


def byte_count(value: ValueType, formats: "FormatTable | None" = None) -> int:
    """The bytes of a tensor, whose shape is always known."""
    return bind(value_bytes(value, formats), {})


def element_bits(value: ValueType, formats: "FormatTable | None" = None) -> Fraction:
    """The bits of one number: the format's width where there is a format, else the dtype's."""
    if value.format is None:
        return dtype_bits(value.dtype)
    if formats is None:
        from nadoo_graphs.formats import standard_formats

        formats = standard_formats()
    return formats[value.format].bits


@cache
def dtype_bits(dtype: str) -> Fraction:
    """The bits of one number of a dtype."""
    return Fraction(ELEMENT_BITS[dtype])

"""The same graph in another floating-point precision, so that rounding can be told from a mistake.

What is exact in real numbers differs by 1e-7 in float32 however careful it is; on a float64 copy the difference shrinks
to 1e-16, and whatever is larger was a mistake. Every floating dtype becomes the wanted one: tensors, types, attributes,
and the texts in which opaque operators keep what they were captured with. Integer codes are the same in either
precision that holds them, but accumulators may need the wider one, so the types around codes are inferred again.
"""

import re
from typing import TYPE_CHECKING

from attrs import evolve

from nadoo_graphs.contract import Contract, InputContract
from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.ops.quantized.codes import CARRIERS
from nadoo_graphs.ops.structure import OPAQUE
from nadoo_graphs.values import FLOATING, ValueType

if TYPE_CHECKING:
    from nadoo_graphs.tensors import TensorRecord

COMPLEX = {"float64": "complex128"}
DTYPE_TEXT = re.compile(rf"(?<![\w.])(torch\.)?({'|'.join(FLOATING)}|complex64|complex128)(?!\w)")


def with_dtype(graph: ModelGraph, dtype: str) -> ModelGraph:
    """A graph of its own with every floating-point number in one dtype, verified."""
    if dtype not in FLOATING:
        message = f"is no floating-point dtype; give one of {', '.join(FLOATING)}"
        raise GraphError(Problem(Code.DTYPE, f"dtype {dtype!r}", message))
    quantized = [node.name for node in graph.nodes() if any(item.format is not None for item in node.outputs)]
    if quantized and dtype not in CARRIERS:
        message = f"does not hold the codes of {quantized[0]!r} exactly; give {' or '.join(CARRIERS)}"
        raise GraphError(Problem(Code.DTYPE, f"dtype {dtype!r}", message))
    records = {name: record_in(record, dtype) for name, record in graph.tensors.items()}
    other = ModelGraph(graph.name, graph.ops)
    other.assemble(
        {name: graph.aliases.get(name) or records[name] for name in graph.state_order},
        [(node_in(graph, node, dtype), graph.operands(node)) for node in graph.nodes()],
    )
    other.contract = contract_in(graph.contract, dtype)
    other.infer_again(quantized)
    other.verify()
    return other


def dtype_in(dtype: str, wanted: str) -> str:
    """What a dtype becomes; integers and booleans stay."""
    if dtype in FLOATING:
        return wanted
    return COMPLEX.get(wanted, "complex64") if dtype.startswith("complex") else dtype


def type_in(declared: ValueType, dtype: str) -> ValueType:
    """A type in the wanted precision; a number format stays."""
    return evolve(declared, dtype=dtype_in(declared.dtype, dtype))


def record_in(record: "TensorRecord", dtype: str) -> "TensorRecord":
    """A tensor in the wanted precision; one that has it already is shared."""
    from nadoo_graphs.tensors import dtype_name, torch_dtype

    now = dtype_name(record.value.dtype)
    wanted = dtype_in(now, dtype)
    return record if wanted == now else record.with_value(record.value.to(torch_dtype(wanted)))


def node_in(graph: ModelGraph, node: Node, dtype: str) -> Node:
    """A node whose types and attributes name the wanted precision."""
    row = graph.ops[node.op]
    attributes = {
        name: text_in(value, dtype) if node.op == OPAQUE or is_dtype(row.known[name].kind) else value
        for name, value in node.attributes.items()
    }
    return evolve(node, attributes=attributes, outputs=tuple(type_in(item, dtype) for item in node.outputs))


def is_dtype(kind: str) -> bool:
    """Whether an attribute of this kind is the name of a dtype."""
    return kind == "dtype"


def text_in(value: Attribute, dtype: str) -> Attribute:
    """An attribute with every dtype that it names replaced, in lists too."""
    if isinstance(value, tuple):
        return tuple(text_in(item, dtype) for item in value)
    if not isinstance(value, str):
        return value
    return DTYPE_TEXT.sub(lambda found: f"{found[1] or ''}{dtype_in(found[2], dtype)}", value)


def contract_in(contract: Contract, dtype: str) -> Contract:
    """The border in the wanted precision, examples too."""
    return evolve(contract, inputs=tuple(input_in(item, dtype) for item in contract.inputs))


def input_in(item: InputContract, dtype: str) -> InputContract:
    """One input in the wanted precision."""
    from nadoo_graphs.tensors import torch_dtype

    declared = type_in(item.type, dtype)
    example = None if item.example is None else item.example.to(torch_dtype(declared.dtype))
    return evolve(item, type=declared, example=example)

"""The one JSON form of nodes: canonical, so that equal graphs give equal bytes, and strict, so that only they do."""

import json
import math
from typing import Any

from nadoo_graphs.contract import Structure
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.sizes import Size, Symbolic
from nadoo_graphs.values import Value, ValueType


def canonical(document: object) -> str:
    """JSON text with sorted keys, no spaces and no NaN: the same document always gives the same bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def encode_size(size: Size) -> int | str:
    """A size as number, or as text where it is symbolic."""
    return str(size) if isinstance(size, Symbolic) else size


def encode_attribute(value: Attribute) -> Any:
    """An attribute; sizes and floats that JSON lacks are tagged, tuples become arrays."""
    if isinstance(value, Symbolic):
        return {"size": str(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return [encode_attribute(item) for item in value] if isinstance(value, tuple) else value


def encode_type(value: ValueType) -> dict[str, Any]:
    """A type; the format stands only where there is one."""
    encoded: dict[str, Any] = {"shape": [encode_size(size) for size in value.shape], "dtype": value.dtype}
    return encoded if value.format is None else {**encoded, "format": value.format}


def encode_node(node: Node, operands: tuple[Value, ...]) -> dict[str, Any]:
    """A node with its operands; what is empty is left out."""
    origin = {
        "module": node.origin.module,
        "module_type": node.origin.module_type,
        "source": node.origin.source,
        "nodes": list(node.origin.nodes),
    }
    encoded = {
        "name": node.name,
        "op": node.op,
        "operands": [[value.node, value.output] for value in operands],
        "attributes": {name: encode_attribute(value) for name, value in node.attributes.items()},
        "tensors": dict(node.tensors),
        "outputs": [encode_type(item) for item in node.outputs],
        "origin": {key: value for key, value in origin.items() if value},
    }
    return {key: value for key, value in encoded.items() if value or key in {"name", "op"}}


def encode_structure(structure: Structure) -> dict[str, Any]:
    """How arguments or results nest; a custom container has no form here and is refused when saving."""
    encoded: dict[str, Any] = {"kind": structure.kind}
    if structure.children:
        encoded["children"] = [encode_structure(child) for child in structure.children]
    if structure.keys:
        encoded["keys"] = list(structure.keys)
    if structure.kind == "constant":
        encoded["constant"] = encode_attribute(structure.constant)
    return {**encoded, "type_name": structure.type_name} if structure.type_name else encoded

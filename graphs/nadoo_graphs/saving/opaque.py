"""Opaque operators from a file: only names on the allow-list, only arguments that are plain values.

A saved graph is data, yet running an opaque node calls the operator it names. An operator such as `aten.from_file`
writes to the disk when it is called, therefore a name is believed only if it is listed.
"""

from collections.abc import Collection, Iterator

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.ops.structure import OPAQUE
from nadoo_graphs.store import where
from nadoo_graphs.values import ELEMENT_BITS

CONSTANTS = frozenset({
    *(f"torch.{name}" for name in ELEMENT_BITS),
    "torch.complex32", "torch.strided", "torch.sparse_coo",
    "torch.contiguous_format", "torch.preserve_format", "torch.channels_last", "torch.channels_last_3d",
    "torch.device:cpu", "device:cpu",
})  # fmt: skip


def opaque_problems(graph: ModelGraph, operators: Collection[str] | None) -> Iterator[Problem]:
    """What is wrong with the opaque nodes of a graph, given the operators that may be called; None for all."""
    for node in graph.nodes(op=OPAQUE):
        if graph.ops[OPAQUE].problems(node.name, node.attributes):
            continue
        target = str(node.attributes["target"])
        if operators is not None and target not in operators:
            message = f"operator {target[:80]!r} is not on the allow-list of operators that a file may call"
            advice = f"if you trust the file, load it with allow_operators=[{target[:80]!r}]"
            yield Problem(Code.UNKNOWN, where(node), f"{message}; {advice}")
        yield from argument_problems(node, len(graph.operands(node)))


def argument_problems(node: Node, operands: int) -> Iterator[Problem]:
    """Arguments that are neither values, operands, constants of torch nor lists of these."""
    attributes = node.attributes
    arguments, keywords, signature = (attributes[key] for key in ("arguments", "keywords", "signature"))
    if not (isinstance(arguments, tuple) and isinstance(keywords, tuple) and isinstance(signature, tuple)):
        yield Problem(Code.SCHEMA, where(node), "arguments, keywords and signature must be arrays")
        return
    pairs = [item for item in keywords if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)]
    if len(pairs) != len(keywords):
        yield Problem(Code.SCHEMA, where(node), "keywords must be pairs of a name and an argument")
    for item in (*arguments, *(value for _, value in pairs)):
        if not is_argument(item, operands):
            message = f"has an argument {str(item)[:80]}, which is no value, operand, dtype or list of these"
            yield Problem(Code.UNKNOWN, where(node), f"{message}; capture the model again")


def is_argument(item: Attribute, operands: int) -> bool:
    """Whether an argument is a plain value, or a tagged pair of a known kind."""
    if not isinstance(item, tuple):
        return True
    if len(item) != 2:
        return False
    tag, value = item
    if tag == "operand":
        return type(value) is int and 0 <= value < operands
    if tag == "torch":
        return value in CONSTANTS
    return tag == "list" and isinstance(value, tuple) and all(is_argument(part, operands) for part in value)

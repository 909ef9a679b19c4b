"""What differs between two graphs, by name: nodes, their parts, tensors and the border.

It names everything that a fingerprint hashes: two graphs differ here exactly when their fingerprints do.
"""

import re
from collections.abc import Iterable, Mapping

from attrs import frozen

from nadoo_graphs.encoding import canonical
from nadoo_graphs.fingerprint import border
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.values import Value, ValueType

PLAIN = re.compile(r"[\w.\-/]+")


@frozen
class PartDifference:
    """A node, tensor or border that both graphs have, and every part that differs: (part, before, after)."""

    name: str
    changes: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        return "\n".join(f"~ {self.name}: {part}: {before} → {after}" for part, before, after in self.changes)


@frozen
class GraphDifference:
    """Everything in which the second graph differs from the first; empty when they are equal."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[PartDifference, ...] = ()
    tensors_added: tuple[str, ...] = ()
    tensors_removed: tuple[str, ...] = ()
    tensors_changed: tuple[PartDifference, ...] = ()
    border_changed: tuple[PartDifference, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines())

    def __str__(self) -> str:
        return "\n".join(self.lines()) or "no difference"

    def lines(self) -> tuple[str, ...]:
        """One line a difference: - removed, + added, ~ changed."""
        return (
            *(f"- {name}" for name in self.removed),
            *(f"+ {name}" for name in self.added),
            *map(str, self.changed),
            *(f"- tensor {name}" for name in self.tensors_removed),
            *(f"+ tensor {name}" for name in self.tensors_added),
            *map(str, self.tensors_changed),
            *map(str, self.border_changed),
        )


def difference(before: ModelGraph, after: ModelGraph) -> GraphDifference:
    """Compare two graphs by the names of their nodes and tensors."""
    nodes = [(name, node_parts(before, before[name]), node_parts(after, after[name])) for name in shared(before, after)]
    tensors = [
        (f"tensor {name}", tensor_parts(before, name), tensor_parts(after, name))
        for name in before.tensors
        if name in after.tensors
    ]
    return GraphDifference(
        added=tuple(name for name in after.order() if name not in before),
        removed=tuple(name for name in before.order() if name not in after),
        changed=compare(nodes),
        tensors_added=tuple(name for name in after.tensors if name not in before.tensors),
        tensors_removed=tuple(name for name in before.tensors if name not in after.tensors),
        tensors_changed=compare(tensors),
        border_changed=compare([("border", border_parts(before), border_parts(after))]),
    )


def shared(before: ModelGraph, after: ModelGraph) -> list[str]:
    """The nodes that both graphs have."""
    return [name for name in before.order() if name in after]


def compare(pairs: Iterable[tuple[str, Mapping[str, str], Mapping[str, str]]]) -> tuple[PartDifference, ...]:
    """What differs in two descriptions of each thing, where anything does."""
    found: list[PartDifference] = []
    for name, before, after in pairs:
        parts = [part for part in dict.fromkeys([*before, *after]) if before.get(part) != after.get(part)]
        changes = tuple((part, before.get(part, "none"), after.get(part, "none")) for part in parts)
        found.extend([PartDifference(name, changes)] if changes else [])
    return tuple(found)


def node_parts(graph: ModelGraph, node: Node) -> dict[str, str]:
    """A node as texts, one a part that can differ."""
    return {
        "op": node.op,
        "operands": ", ".join(map(operand_text, graph.operands(node))) or "none",
        **{f"attribute {name}": exact(value) for name, value in node.attributes.items()},
        **{f"tensor {role}": name for role, name in node.tensors.items()},
        "output": ", ".join(map(exact_type, node.outputs)) or "none",
    }


def tensor_parts(graph: ModelGraph, name: str) -> dict[str, str]:
    """A tensor as texts; equal content has an equal hash."""
    record = graph.tensors[name]
    tied = sorted(alias for alias, holder in graph.aliases.items() if holder == name)
    flags = f"{record.role}, {'trainable' if record.trainable else 'frozen'}"
    return {
        "type": exact_type(record.type),
        "content": record.digest()[:12],
        "role": flags if record.persistent else f"{flags}, not saved",
        "tied names": ", ".join(tied) or "none",
    }


def border_parts(graph: ModelGraph) -> dict[str, str]:
    """What the graph accepts and returns, as texts; the types of inputs are told at their nodes."""
    parts = border(graph)
    return {"inputs": ", ".join(node.name for node in graph.inputs) or "none"} | {
        name: canonical(parts[name]) for name in ("structures", "symbols")
    }


def exact(value: Attribute) -> str:
    """An attribute as text that no other attribute has."""
    if isinstance(value, tuple):
        return f"({', '.join(map(exact, value))})"
    return repr(value) if isinstance(value, str) else str(value)


def operand_text(value: Value) -> str:
    """An operand as text that no other operand has, whatever nodes are called."""
    return str(value) if PLAIN.fullmatch(value.node) else f"{value.node!r}:{value.output}"


def exact_type(value: ValueType) -> str:
    """A type with its dtype, also where a format hides it."""
    return str(value) if value.format is None else f"{value} held as {value.dtype}"

"""How a pattern is found: backtracking from its last nodes to its operands, with a note of everything refused."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import OUTPUT, Node, frozen_mapping
from nadoo_graphs.values import Value, ValueType

if TYPE_CHECKING:
    import torch

MOST_PERMUTED = 4

NodeTest: TypeAlias = Callable[[Node], bool]
TypeTest: TypeAlias = Callable[[ValueType], bool]
TensorTest: TypeAlias = "Callable[[torch.Tensor], bool]"
Binding: TypeAlias = Mapping[str, Value]
Pairs: TypeAlias = tuple[tuple[Value, Value], ...]


@frozen
class ValuePart:
    """Any value at all, or one whose type passes a test; it is not part of what is matched but feeds it."""

    name: str
    where: TypeTest | None = None


@frozen
class NodePart:
    """One node to be found; what is None is not looked at."""

    name: str
    ops: tuple[str, ...] | None = None
    operands: tuple[Value, ...] | None = None
    where: NodeTest | None = None
    tensors: Mapping[str, TensorTest] = field(factory=dict[str, TensorTest], converter=frozen_mapping)
    escapes: bool = False


Part: TypeAlias = ValuePart | NodePart


@frozen
class Match:
    """One place in a graph where a pattern fits: its nodes and the values that feed them, by the pattern's names."""

    nodes: Mapping[str, Node] = field(converter=frozen_mapping)
    values: Mapping[str, Value] = field(converter=frozen_mapping)

    def __getitem__(self, name: str) -> Node | Value:
        return self.nodes[name] if name in self.nodes else self.value(name)

    def node(self, name: str) -> Node:
        """The node that a part of the pattern has found."""
        if name in self.nodes:
            return self.nodes[name]
        raise unknown_part(name, self.nodes)

    def value(self, name: str) -> Value:
        """The value that `any` has found, or the first output of a node."""
        if name in self.values:
            return self.values[name]
        if name in self.nodes:
            return Value(self.nodes[name].name)
        raise unknown_part(name, [*self.nodes, *self.values])


def unknown_part(name: str, known: Mapping[str, object] | Sequence[str]) -> GraphError:
    """The error for a name that the pattern does not have."""
    message = f"the pattern has no such part; it has {', '.join(known) or 'none'}"
    return GraphError(Problem(Code.NAME, f"part {name!r}", message))


class Search:
    """One search of one graph; `reasons` collects why something did not fit."""

    def __init__(self, graph: ModelGraph, parts: Mapping[str, Part], reasons: list[str] | None = None) -> None:
        self.graph = graph
        self.parts = parts
        self.reasons = reasons

    def found_at(self, roots: Sequence[NodePart], node: Node) -> Iterator[Match]:
        """Every way in which the pattern fits with its first root at a node; equal ways once."""
        seen: list[Binding] = []
        for binding in self.rooted(roots[0], node, {}):
            for whole in self.completed(roots[1:], binding):
                if whole not in seen and self.is_closed(whole):
                    seen.append(whole)
                    yield self.match(whole)

    def match(self, binding: Binding) -> Match:
        """The binding as its finder wants it."""
        nodes = {name for name in binding if isinstance(self.parts[name], NodePart)}
        return Match(
            {name: self.graph[binding[name].node] for name in self.parts if name in nodes},
            {name: binding[name] for name in self.parts if name in binding and name not in nodes},
        )

    def rooted(self, root: NodePart, node: Node, binding: Binding) -> Iterator[Binding]:
        """The ways in which one root and all that leads to it fit at a node."""
        return self.solved(((Value(root.name), Value(node.name)),), binding)

    def completed(self, roots: Sequence[NodePart], binding: Binding) -> Iterator[Binding]:
        """The ways in which the further roots fit beside what is bound."""
        if not roots:
            yield binding
            return
        root = roots[0]
        for node in self.candidates(root, binding):
            for extended in self.rooted(root, node, binding):
                yield from self.completed(roots[1:], extended)

    def candidates(self, root: NodePart, binding: Binding) -> Sequence[Node]:
        """The nodes that a further root could be: readers of what is bound, or else all."""
        for operand in root.operands or ():
            bound = binding.get(operand.node)
            if bound is not None:
                readers = dict.fromkeys(reader.name for reader, _ in self.graph.consumers(bound.node))
                return tuple(self.graph[name] for name in readers)
        return self.graph.nodes(op=root.ops)

    def solved(self, pairs: Pairs, binding: Binding) -> Iterator[Binding]:
        """The ways in which each part of the pattern is what it is paired with."""
        if not pairs:
            yield binding
            return
        wanted, found = pairs[0]
        part = self.parts[wanted.node]
        if part.name in binding:
            if self.is_bound_to(part, wanted, found, binding):
                yield from self.solved(pairs[1:], binding)
            return
        bound = {**binding, part.name: found if isinstance(part, ValuePart) else Value(found.node)}
        for more in self.fitting(part, wanted, found, binding):
            yield from self.solved((*more, *pairs[1:]), bound)

    def is_bound_to(self, part: Part, wanted: Value, found: Value, binding: Binding) -> bool:
        """Whether a part that was met before is the same thing here."""
        expected = binding[part.name]
        if isinstance(part, NodePart):
            expected = Value(expected.node, wanted.output)
        if expected == found:
            return True
        return self.refuse(f"{part.name!r} is {str(expected)!r} already, here it would be {str(found)!r}")

    def fitting(self, part: Part, wanted: Value, found: Value, binding: Binding) -> Iterator[Pairs]:
        """What remains to be shown if the part is what was found: nothing, or its operands, in some order."""
        if isinstance(part, ValuePart):
            if part.where is None or part.where(self.graph.type(found)):
                yield ()
            else:
                self.refuse(f"{part.name!r}: value {str(found)!r} is {self.graph.type(found)}, refused by its test")
            return
        if self.admits(part, wanted, found, binding):
            yield from self.orders(part, self.graph[found.node])

    def admits(self, part: NodePart, wanted: Value, found: Value, binding: Binding) -> bool:
        """Whether a node has the right operator and output, passes all tests, and stands for nothing else."""
        node = self.graph[found.node]
        if part.ops is not None and node.op not in part.ops:
            allowed = " or ".join(part.ops)
            return self.refuse(f"{part.name!r}: node {node.name!r} is {node.op}; allowed: {allowed}")
        if wanted.output != found.output:
            message = f"output {wanted.output} is wanted, output {found.output} of {node.name!r} is read"
            return self.refuse(f"{part.name!r}: {message}")
        taken = [name for name, value in binding.items() if self.is_node(name) and value.node == node.name]
        if taken:
            return self.refuse(f"{part.name!r}: node {node.name!r} is {taken[0]!r} already")
        if part.where is not None and not part.where(node):
            return self.refuse(f"{part.name!r}: node {node.name!r} is refused by its test")
        return all(self.admits_tensor(part, node, role) for role in part.tensors)

    def is_node(self, name: str) -> bool:
        """Whether a name of the pattern is that of a node."""
        return isinstance(self.parts[name], NodePart)

    def admits_tensor(self, part: NodePart, node: Node, role: str) -> bool:
        """Whether a node has a tensor of this role and it passes the test."""
        if role not in node.tensors:
            return self.refuse(f"{part.name!r}: node {node.name!r} has no tensor {role!r}")
        name = node.tensors[role]
        if part.tensors[role](self.graph.tensor(name)):
            return True
        return self.refuse(f"{part.name!r}: tensor {name!r} ({role}) of {node.name!r} is refused by its test")

    def orders(self, part: NodePart, node: Node) -> Iterator[Pairs]:
        """The operands of the part with those of the node, in every order that the operator allows."""
        if part.operands is None:
            yield ()
            return
        operands = self.graph.operands(node)
        if len(operands) != len(part.operands):
            message = f"node {node.name!r} has {len(operands)} operands; allowed: {len(part.operands)}"
            self.refuse(f"{part.name!r}: {message}")
            return
        free = self.graph.ops[node.op].commutative and len(operands) <= MOST_PERMUTED
        for order in dict.fromkeys(permutations(operands)) if free else [operands]:
            yield tuple(zip(part.operands, order, strict=True))

    def is_closed(self, binding: Binding) -> bool:
        """Whether nothing inside of the match is read outside of it, so that it can be taken out."""
        inside = {value.node: name for name, value in binding.items() if self.is_node(name)}
        read = {operand.node for part in self.parts.values() for operand in operands_of(part)}
        kept = {node for node, name in inside.items() if name not in read or escapes(self.parts[name])}
        for name, value in binding.items():
            if not self.is_node(name) and value.node in inside and value.node not in kept:
                return self.refuse(f"{name!r}: value {str(value)!r} is made inside of the match")
        return all(self.stays_inside(node, inside) for node in inside if node not in kept)

    def stays_inside(self, node: str, inside: Mapping[str, str]) -> bool:
        """Whether all readers of a node belong to the match."""
        for reader, _ in self.graph.consumers(node):
            if reader.op == OUTPUT and reader.name not in inside:
                return self.refuse(f"{inside[node]!r}: node {node!r} is also returned by the graph")
            if reader.name not in inside:
                return self.refuse(f"{inside[node]!r}: node {node!r} is also read by {reader.name!r}")
        return True

    def refuse(self, reason: str) -> bool:
        """Note why something does not fit, once."""
        if self.reasons is not None and reason not in self.reasons:
            self.reasons.append(reason)
        return False


def operands_of(part: Part) -> tuple[Value, ...]:
    """What a part reads."""
    return part.operands or () if isinstance(part, NodePart) else ()


def escapes(part: Part) -> bool:
    """Whether a part may be read from outside of the match."""
    return isinstance(part, NodePart) and part.escapes

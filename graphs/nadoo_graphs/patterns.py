"""Patterns: small graphs that are looked for in a large one, so that a pass says what it rewrites, not how to find it.

What a pattern matches may be taken out as a whole: a value inside of it that anybody else reads is a refusal,
unless its part says `escapes=True`. `explain` tells why a place that looks right is none.
"""

from collections.abc import Iterable, Mapping, Sequence

import networkx as nx

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.matching import (
    Match,
    NodePart,
    NodeTest,
    Part,
    Search,
    TensorTest,
    TypeTest,
    ValuePart,
    operands_of,
    unknown_part,
)
from nadoo_graphs.node import Node
from nadoo_graphs.values import Value


class Pattern:
    """A graph of parts: `any` for values that come from outside, `node` for what is to be found."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts in the order in which they were given."""
        return tuple(self._parts.values())

    @property
    def nx(self) -> "nx.MultiDiGraph[str]":
        """The pattern as a networkx graph, frozen, with the same edges as a model's."""
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for part in self.parts:
            graph.add_node(part.name, part=part)
            for index, value in enumerate(operands_of(part)):
                graph.add_edge(value.node, part.name, key=index, output=value.output, operand=index)
        return nx.freeze(graph)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    def any(self, name: str, where: TypeTest | None = None) -> Value:
        """A value from outside, whoever makes it; `where` may look at its type."""
        return self._add(ValuePart(name, where))

    def node(
        self,
        name: str,
        op: str | Iterable[str] | None = None,
        operands: Sequence[Value] | None = None,
        *,
        where: NodeTest | None = None,
        tensors: Mapping[str, TensorTest] | None = None,
        escapes: bool = False,
    ) -> Value:
        """A node of one of several operators that reads exactly these operands, or any where they are not given.

        `tensors` holds tests by role; with `escapes` the node stays in the graph, so that others may read it too.
        """
        ops = (op,) if isinstance(op, str) else None if op is None else tuple(op)
        read = None if operands is None else tuple(operands)
        for value in read or ():
            if value.node not in self._parts:
                raise unknown_part(value.node, list(self._parts))
        return self._add(NodePart(name, ops, read, where, tensors or {}, escapes))

    def matches(self, graph: ModelGraph, *, overlapping: bool = False) -> tuple[Match, ...]:
        """Where the pattern fits, in order of execution; no node that may be taken out belongs to two matches.

        With `overlapping` every way in which it fits, also those that share nodes.
        """
        roots = self._checked_roots(graph)
        search, taken = Search(graph, self._parts), set[str]()
        found: list[Match] = []
        for node in graph.nodes(op=roots[0].ops):
            for match in search.found_at(roots, node):
                own = self._taken_out(match)
                if overlapping or not own & taken:
                    found.append(match)
                    taken |= own
        return tuple(found)

    def explain(self, graph: ModelGraph, node: Node | str) -> tuple[str, ...]:
        """Why the pattern does not end at this node, everything that was refused; nothing where it does."""
        roots = self._checked_roots(graph)
        reasons: list[str] = []
        place = graph[node if isinstance(node, str) else node.name]
        found = list(Search(graph, self._parts, reasons).found_at(roots, place))
        return () if found else tuple(reasons) or (f"no node fits {roots[-1].name!r}",)

    def _add(self, part: Part) -> Value:
        if part.name in self._parts:
            message = "the pattern has a part of this name; choose another"
            raise GraphError(Problem(Code.NAME, f"part {part.name!r}", message))
        self._parts[part.name] = part
        return Value(part.name)

    def _checked_roots(self, graph: ModelGraph) -> tuple[NodePart, ...]:
        """The nodes that no other part reads; an operator that no row describes is a refusal, it matches nothing."""
        nodes = [part for part in self.parts if isinstance(part, NodePart)]
        if not nodes:
            raise GraphError(Problem(Code.SCHEMA, "pattern", "has no node to look for; add one with node()"))
        for op in dict.fromkeys(op for part in nodes for op in part.ops or ()):
            _ = graph.ops[op]
        read = {value.node for part in nodes for value in operands_of(part)}
        return tuple(part for part in nodes if part.name not in read)

    def _taken_out(self, match: Match) -> set[str]:
        """The nodes of a match that do not have to stay."""
        parts = (self._parts[name] for name in match.nodes)
        return {match.nodes[part.name].name for part in parts if isinstance(part, NodePart) and not part.escapes}

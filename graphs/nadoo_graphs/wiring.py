"""The bare structure of a model as networkx sees it: nodes at the vertices, operands on the edges.

Here is the one place that reaches into networkx's dictionaries: its own views would take most of the time
that a large graph costs.
"""

import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import networkx as nx

from nadoo_graphs.errors import Code, InvalidGraphError, Problem
from nadoo_graphs.node import Node
from nadoo_graphs.values import Value

OrderKey: TypeAlias = tuple[int, ...]
LAST_KEY: OrderKey = (2**62,)

if TYPE_CHECKING:
    MultiDiGraph: TypeAlias = nx.MultiDiGraph[str]
else:
    MultiDiGraph = nx.MultiDiGraph


class Wiring(MultiDiGraph):
    """A vertex holds "node" and "key", its place in a choice; an edge "output" and "operand"."""

    _node: dict[str, dict[str, Any]]
    _succ: dict[str, dict[str, dict[Any, dict[str, Any]]]]
    _pred: dict[str, dict[str, dict[Any, dict[str, Any]]]]

    def node_at(self, name: str) -> Node:
        """The node of a vertex."""
        return self._node[name]["node"]

    def key_of(self, name: str) -> OrderKey:
        """The place of a node where the wiring leaves a choice."""
        return self._node[name].get("key", LAST_KEY)

    def place(self, node: Node, key: OrderKey) -> None:
        """Add a node that nothing is connected to."""
        self.add_node(node.name, node=node, key=key)

    def exchange(self, node: Node) -> None:
        """Put a node in the place of the one of its name."""
        self._node[node.name]["node"] = node

    def connect(self, value: Value, reader: str, operand: int) -> None:
        """Let an operand of a reader be a value; two edges between the same nodes differ by their operand."""
        self.add_edge(value.node, reader, key=operand, output=value.output, operand=operand)

    def disconnect(self, value: Value, reader: str, operand: int) -> None:
        """Undo `connect`."""
        self.remove_edge(value.node, reader, key=operand)

    def operands_of(self, reader: str) -> list[tuple[int, Value]]:
        """The operands of a node and their indices, in order."""
        found = [
            (data["operand"], Value(source, data["output"]))
            for source, edges in self._pred[reader].items()
            for data in edges.values()
        ]
        return sorted(found, key=lambda item: item[0])

    def readers_of(self, name: str) -> list[tuple[str, int, int]]:
        """Reader, operand and output of every edge that leaves a node, in order of execution keys."""
        found = [
            (reader, data["operand"], data["output"])
            for reader, edges in self._succ[name].items()
            for data in edges.values()
        ]
        return sorted(found, key=lambda edge: (self.key_of(edge[0]), edge))

    def count_operands(self, name: str) -> int:
        """How many edges lead to a node."""
        return sum(len(edges) for edges in self._pred[name].values())

    def ancestors(self, names: Iterable[str]) -> set[str]:
        """Some nodes and all that they depend on."""
        found = set(names)
        waiting = list(found)
        while waiting:
            sources = [source for source in self._pred[waiting.pop()] if source not in found]
            found.update(sources)
            waiting.extend(sources)
        return found

    def sorted_names(self) -> tuple[str, ...]:
        """All names in topological order; where several could be next, the one with the smallest key."""
        waiting = {name: self.count_operands(name) for name in self._node}
        ready = [(self.key_of(name), name) for name, count in waiting.items() if not count]
        heapq.heapify(ready)
        done: list[str] = []
        while ready:
            _, name = heapq.heappop(ready)
            done.append(name)
            for reader, edges in self._succ[name].items():
                waiting[reader] -= len(edges)
                if not waiting[reader]:
                    heapq.heappush(ready, (self.key_of(reader), reader))
        if len(done) != len(waiting):
            raise InvalidGraphError(self.cycles())
        return tuple(done)

    def cycles(self) -> list[Problem]:
        """One cycle of each knot of nodes that depend on each other, named in order."""
        knots = [knot for knot in nx.strongly_connected_components(self) if self.is_knot(knot)]
        return [cycle_problem(self.cycle_in(knot)) for knot in sorted(knots, key=min)]

    def is_knot(self, names: set[str]) -> bool:
        """Whether the nodes of a strongly connected component depend on themselves."""
        return len(names) > 1 or any(name in self._succ[name] for name in names)

    def cycle_in(self, knot: set[str]) -> list[str]:
        """A shortest cycle through the first name of a knot."""
        first = min(knot)
        before = dict.fromkeys(sorted(self._succ[first]), first)
        waiting = list(before)
        for name in waiting:
            new = [reader for reader in sorted(self._succ[name]) if reader not in before]
            before.update(dict.fromkeys(new, name))
            waiting.extend(new)
        cycle = [before[first]]
        while cycle[-1] != first:
            cycle.append(before[cycle[-1]])
        return cycle[::-1]

    def twin(self) -> "Wiring":
        """A structure of its own with the same nodes."""
        other = Wiring()
        other._node.update((name, dict(data)) for name, data in self._node.items())
        other._pred.update((name, {}) for name in self._node)
        for name, readers in self._succ.items():
            own = {reader: {key: dict(data) for key, data in edges.items()} for reader, edges in readers.items()}
            other._succ[name] = own
            for reader, edges in own.items():
                other._pred[reader][name] = edges
        return other

    def frozen_view(self) -> MultiDiGraph:
        """What every networkx algorithm can read, always up to date, and nobody can write."""
        whole: Any = self
        view: MultiDiGraph = nx.graphviews.generic_graph_view(whole)
        return nx.freeze(view)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def cycle_problem(names: Iterable[str]) -> Problem:
    """What is said of a cycle."""
    path = list(names)
    message = f"{' → '.join([*path, path[0]])} depends on itself; remove one of these edges"
    return Problem(Code.CYCLE, "graph", message)

"""Cutting a graph into blocks: the largest modules with one way in and one way out, and the code between them.

What a module's own `forward` computes between its children becomes a block of its own, so that every node is in
exactly one block and blocks depend on each other without a circle. Where that fails the whole graph is one block.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve, frozen

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, OUTPUT, TENSOR, Node
from nadoo_graphs.values import Value

CODE = "forward"
UNNAMED = "model"
CALL = "@"


@frozen
class Group:
    """The nodes of one block, in order; `loose` are those that stand between modules."""

    path: str
    nodes: tuple[Node, ...]
    loose: bool = False

    @property
    def name(self) -> str:
        """The module's path; of the code between modules, the path of the function that it stands in."""
        return ".".join(part for part in (self.path, CODE if self.loose else "") if part)


def partition(graph: ModelGraph) -> tuple[Group, ...]:
    """The groups in an order in which each reads only from those before it."""
    body = tuple(node for node in graph.nodes() if node.op not in {INPUT, OUTPUT, TENSOR})
    whole = (Group(printable(graph.name), body),)
    if not body or not has_plain_outputs(graph):
        return whole
    ordered = in_order(graph, list(Partition(graph).groups("", body)))
    groups = tuple(joined(ordered))
    return whole if len(groups) <= 1 and not any(group.path for group in groups) else groups


def printable(name: str) -> str:
    """A graph's name as the name of a block."""
    return name if name and name.isprintable() else UNNAMED


def has_plain_outputs(graph: ModelGraph) -> bool:
    """Whether the graph returns different values, none of which is an input or a tensor as it is."""
    outputs = graph.outputs
    return len(set(outputs)) == len(outputs) and all(graph[value.node].op not in {INPUT, TENSOR} for value in outputs)


class Partition:
    """The search for modules that can be blocks."""

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph

    def groups(self, path: str, nodes: Sequence[Node]) -> Iterator[Group]:
        """The modules below a path that can be blocks, what is below those that cannot, and the nodes between."""
        below: dict[str, list[Node]] = defaultdict(list)
        for node in nodes:
            child = child_of(path, node.origin.module)
            if child is None:
                yield Group(path, (node,), loose=True)
            else:
                below[child].append(node)
        for child, members in below.items():
            for piece in self.calls(members):
                if self.is_block(piece):
                    yield Group(child, piece)
                else:
                    yield from self.groups(child, piece)

    def calls(self, nodes: Sequence[Node]) -> list[tuple[Node, ...]]:
        """The calls of a module, where names tell them apart and each can be a block; else what is connected."""
        numbered: dict[str, list[Node]] = defaultdict(list)
        for node in nodes:
            numbered[call_of(node)].append(node)
        found = [piece for members in numbered.values() for piece in self.pieces(members)]
        return found if all(map(self.is_block, found)) else list(self.pieces(nodes))

    def pieces(self, nodes: Sequence[Node]) -> Iterator[tuple[Node, ...]]:
        """Nodes that are connected with each other without leaving a set."""
        waiting = {node.name: node for node in nodes}
        while waiting:
            found = self.connected(next(iter(waiting)), waiting)
            yield tuple(node for node in nodes if node.name in found)
            for name in found:
                del waiting[name]

    def connected(self, first: str, among: Iterable[str]) -> set[str]:
        """The nodes that can be reached from one within a set, in either direction."""
        allowed, found, waiting = frozenset(among), {first}, [first]
        while waiting:
            name = waiting.pop()
            near = {value.node for value in self.graph.operands(name)}
            near |= {reader.name for reader, _ in self.graph.consumers(name)}
            new = near & allowed - found
            found |= new
            waiting.extend(new)
        return found

    def is_block(self, nodes: Sequence[Node]) -> bool:
        """Whether at most one value goes in and exactly one comes out."""
        return len(entries(self.graph, nodes)) <= 1 and len(exits(self.graph, nodes)) == 1


def call_of(node: Node) -> str:
    """Which call of its module a node belongs to, as capture writes it behind the name: `block.0@2`."""
    call = node.name.rpartition(CALL)[2]
    return call if CALL in node.name and call.isdigit() else ""


def child_of(path: str, module: str) -> str | None:
    """The child of a module that a path leads through; None where it ends."""
    rest = module[len(path) :].lstrip(".") if path else module
    first = rest.split(".")[0]
    return ".".join(part for part in (path, first) if part) if first else None


def entries(graph: ModelGraph, nodes: Iterable[Node]) -> tuple[Value, ...]:
    """The different values that nodes read from outside, in order of their first use; tensors do not count."""
    nodes = tuple(nodes)
    inside = {node.name for node in nodes}
    found = (value for node in nodes for value in graph.operands(node) if value.node not in inside)
    return tuple(dict.fromkeys(value for value in found if graph[value.node].op != TENSOR))


def exits(graph: ModelGraph, nodes: Iterable[Node]) -> tuple[Value, ...]:
    """The values of nodes that something outside reads, in order."""
    nodes = tuple(nodes)
    inside = {node.name for node in nodes}
    values = (Value(node.name, index) for node in nodes for index in range(len(node.outputs)))
    return tuple(value for value in values if any(reader.name not in inside for reader, _ in graph.consumers(value)))


def in_order(graph: ModelGraph, groups: Sequence[Group]) -> list[Group]:
    """The groups in order of execution; none where they depend on each other in a circle."""
    home = {node.name: index for index, group in enumerate(groups) for node in group.nodes}
    sources = [{home[value.node] for value in entries(graph, group.nodes) if value.node in home} for group in groups]
    readers: dict[int, list[int]] = defaultdict(list)
    for index, needed in enumerate(sources):
        for source in needed:
            readers[source].append(index)
    places = {name: place for place, name in enumerate(graph.order())}
    keys = [places[group.nodes[0].name] for group in groups]
    waiting = [len(needed) for needed in sources]
    ready = [(keys[index], index) for index, count in enumerate(waiting) if not count]
    heapq.heapify(ready)
    done: list[Group] = []
    while ready:
        _, index = heapq.heappop(ready)
        done.append(groups[index])
        for reader in readers[index]:
            waiting[reader] -= 1
            if not waiting[reader]:
                heapq.heappush(ready, (keys[reader], reader))
    return done if len(done) == len(groups) else []


def joined(groups: Iterable[Group]) -> Iterator[Group]:
    """Neighbours between the same modules as one group."""
    last: Group | None = None
    for group in groups:
        if last is not None and last.loose and group.loose and last.path == group.path:
            last = evolve(last, nodes=(*last.nodes, *group.nodes))
            continue
        if last is not None:
            yield last
        last = group
    if last is not None:
        yield last

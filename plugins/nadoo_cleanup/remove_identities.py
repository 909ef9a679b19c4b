"""Removing what does nothing: nodes that hand on their operand bit for bit, and pairs that undo each other."""

from collections.abc import Callable, Mapping

from attrs import frozen

from nadoo_core.passes import Context, Exact, Pass, Property, Selector, option
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.values import Value

RESHAPING = ("reshape", "flatten", "squeeze", "unsqueeze")
"""Rows that keep the elements in their order, so that the shape tells everything."""
REORDERING = ("permute", "transpose")
COPYING = frozenset({"clone", "pad", "roll", "flip", "repeat", "cat"})
"""Rows that hand on a copy, which matters where the operand is the caller's own tensor or a buffer that is written."""
LENDING = frozenset(
    {*RESHAPING, *REORDERING, "identity", "detach", "cast", "expand", "slice", "select", "chunk", "split"}
)
"""Rows whose result may share memory with their operand."""


def always(graph: ModelGraph, node: Node) -> bool:
    """The row does nothing as soon as its type is that of its operand."""
    return True


def moves_nothing(attribute: str) -> "Callable[[ModelGraph, Node], bool]":
    """The row does nothing if an attribute holds only zeros, or nothing at all."""

    def test(graph: ModelGraph, node: Node) -> bool:
        moved = node.attributes[attribute]
        return isinstance(moved, tuple) and all(item == 0 for item in moved)

    return test


def keeps_axes(graph: ModelGraph, node: Node) -> bool:
    """Axes stay in their order."""
    order = permutation(node)
    return order == tuple(range(len(order)))


def flips_nothing(graph: ModelGraph, node: Node) -> bool:
    """No axis is named."""
    return node.attributes["dims"] == ()


def drops_nothing(graph: ModelGraph, node: Node) -> bool:
    """A dropout with probability zero, in training too."""
    return node.attributes.get("p") == 0


def reads_one(graph: ModelGraph, node: Node) -> bool:
    """There is nothing to join."""
    return len(graph.operands(node)) == 1


IDENTICAL: "Mapping[str, Callable[[ModelGraph, Node], bool]]" = {
    **dict.fromkeys(("identity", "clone", "cast", "slice", "expand", "repeat", *RESHAPING), always),
    **dict.fromkeys(REORDERING, keeps_axes),
    "pad": moves_nothing("pad"),
    "roll": moves_nothing("shifts"),
    "flip": flips_nothing,
    "dropout": drops_nothing,
    "cat": reads_one,
}
"""When a node hands on its operand, provided that the types are equal."""


def permutation(node: Node) -> tuple[int, ...]:
    """The order of axes that a reordering node gives."""
    rank = node.type.rank
    if node.op == "permute":
        dims = node.attributes["dims"]
        return tuple(int(str(dim)) % rank for dim in dims) if isinstance(dims, tuple) else ()
    first, second = (int(str(node.attributes[name])) % max(rank, 1) for name in ("dim0", "dim1"))
    order = list(range(rank))
    if order:
        order[first], order[second] = order[second], order[first]
    return tuple(order)


def undone(graph: ModelGraph, node: Node) -> Value | None:
    """The value that a node and the one before it hand on together, if they undo each other."""
    before = graph.producer(node)
    if node.op in RESHAPING and before.op in RESHAPING and graph.type(graph.operand(before)) == node.type:
        return graph.operand(before)
    if node.op in REORDERING and before.op in REORDERING:
        first, second = permutation(before), permutation(node)
        return graph.operand(before) if tuple(first[axis] for axis in second) == tuple(range(len(first))) else None
    return None


def handed_on(graph: ModelGraph, node: Node) -> Value | None:
    """The value that a node gives unchanged; None where it computes something."""
    if node.op not in IDENTICAL or len(node.outputs) != 1:
        return None
    operand = graph.operand(node)
    if node.op in COPYING and is_borrowed(graph, operand):
        return None
    if graph.type(operand) == node.type and IDENTICAL[node.op](graph, node):
        return operand
    return undone(graph, node)


def is_borrowed(graph: ModelGraph, value: Value) -> bool:
    """Whether a value may share memory with an input, a parameter or a buffer."""
    node = graph[value.node]
    while node.op in LENDING:
        node = graph.producer(node)
    return node.op in {"input", "tensor"}


def nothing_is_handed_on(graph: ModelGraph) -> bool:
    """Whether every node computes something."""
    return all(handed_on(graph, node) is None for node in graph.nodes())


IDENTITIES_REMOVED = Property("identities removed", "every node computes something", nothing_is_handed_on)


@frozen(kw_only=True)
class RemoveIdentities(Pass):
    """Remove nodes that change nothing: identities, casts to the same dtype, slices of everything, double transposes.

    A dropout goes only where its probability is zero, because in training it does something.
    """

    name = "remove-identities"
    effect = Exact()
    establishes = (IDENTITIES_REMOVED,)
    where: Selector = option(default=Selector(), help="which nodes to look at")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Let everybody read past such nodes, until there are none; a removal may bring two others together."""
        chosen = [node.name for node in self.where.matches(graph)]
        while sum(remove(graph, name) for name in chosen):
            pass
        if self.where != Selector():
            for name in chosen:
                if name in graph:
                    context.refuse(name, f"{graph[name].op!r} changes its operand, or copies what others may write to")


def remove(graph: ModelGraph, name: str) -> bool:
    """Take a node out if it hands on its operand, and the one that it undid unless somebody else reads that."""
    value = handed_on(graph, graph[name]) if name in graph else None
    if value is None:
        return False
    before = graph.producer(name)
    for reader, operand in graph.consumers(name):
        graph.rewire(reader, operand, value)
    graph.remove(name)
    if before.name != value.node and not graph.consumers(before):
        graph.remove(before)
    return True

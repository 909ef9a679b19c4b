"""Whether in-place operators may simply be read as functional ones.

The tracer already leads later uses of a written tensor to the writing call, so `relu_` may be read as `relu` unless
another name of the same memory is read afterwards. Where that happens the program must be rewritten by torch.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import fx

from nadoo_graphs.torch_private import functional_overload, schema_of

ALIAS_IN_EVALUATION = ("aten.dropout.default", "aten.feature_dropout.default", "aten.alpha_dropout.default")


class Aliases:
    """Classes of fx nodes that may share memory."""

    def __init__(self) -> None:
        self.parents: dict[fx.Node, fx.Node] = {}
        self.members: dict[fx.Node, list[fx.Node]] = {}

    def find(self, node: fx.Node) -> fx.Node:
        """The representative of a node's class."""
        while self.parents.get(node, node) is not node:
            node = self.parents[node]
        return node

    def union(self, left: fx.Node, right: fx.Node) -> None:
        """Say that two nodes may share memory."""
        first, second = self.find(left), self.find(right)
        if first is second:
            return
        self.members[first] = [*self.group(first), *self.group(second)]
        self.parents[second] = first

    def group(self, node: fx.Node) -> list[fx.Node]:
        """All nodes that may share memory with a node, itself included."""
        return self.members.get(self.find(node), [self.find(node)])


def hazards(graph: fx.Graph, written_elsewhere: Iterable[str]) -> list[str]:
    """The in-place calls that cannot be read as functional ones, as texts; `written_elsewhere` names model tensors."""
    positions = {node: index for index, node in enumerate(graph.nodes)}
    guarded = set(written_elsewhere)
    aliases, found = Aliases(), list[str]()
    for node in graph.nodes:
        for target in written(node):
            if is_hazard(node, target, aliases, positions, guarded):
                found.append(f"{node.target} writes memory that {target} shares")
        for source in shared(node):
            aliases.union(source, node)
    return found


def is_hazard(
    node: fx.Node, target: fx.Node, aliases: Aliases, positions: Mapping[fx.Node, int], guarded: set[str]
) -> bool:
    """Whether somebody reads another name of the written memory later, or the memory is a tensor of the model."""
    if functional_overload(node.target) is None:
        return True
    position = positions[node]
    return any(
        other.name in guarded or any(positions[user] > position for user in other.users)
        for other in aliases.group(target)
    )


def written(node: fx.Node) -> list[fx.Node]:
    """The nodes whose memory a call writes."""
    if schema_of(node.target) is None:
        return []
    return [value for argument, value in pairs(node) if argument.alias_info and argument.alias_info.is_write]


def shared(node: fx.Node) -> list[fx.Node]:
    """The nodes whose memory a call's result may share."""
    if node.op == "call_function" and getattr(node.target, "__name__", "") == "getitem":
        return [value for value in node.args[:1] if isinstance(value, fx.Node)]
    if schema_of(node.target) is None:
        return []
    every = str(node.target) in ALIAS_IN_EVALUATION
    return [value for argument, value in pairs(node) if argument.alias_info or every]


def pairs(node: fx.Node) -> list[tuple[Any, fx.Node]]:
    """The tensor arguments of a call with their schema entries, lists taken apart."""
    arguments = schema_of(node.target).arguments
    found: list[tuple[Any, fx.Node]] = []
    for index, argument in enumerate(arguments):
        value = node.args[index] if index < len(node.args) else node.kwargs.get(argument.name)
        values = value if isinstance(value, list | tuple) else [value]
        found.extend((argument, item) for item in values if isinstance(item, fx.Node))
    return found

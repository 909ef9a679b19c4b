"""Merging: two linear layers with nothing between them are one, W = W₂W₁ and b = W₂b₁ + b₂."""

from attrs import frozen
from torch import Tensor

from nadoo_cleanup.obstacles import layer_in_use, tensors_in_use
from nadoo_core.passes import Context, Exact, Pass, Selector, option
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node, NodeSpec


@frozen(kw_only=True)
class MergeLinear(Pass):
    """Merge linear layers that follow each other into one, where that leaves fewer numbers.

    A layer that narrows and one that widens again are together smaller than their product, and stay unless forced.
    """

    name = "merge-linear"
    effect = Exact()
    where: Selector = option(default=Selector(op="linear"), help="which linear layers to merge with each other")
    force: bool = option(default=False, help="merge also where the merged layer has more numbers than the two")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Merge pairs until none is left, for a merged layer may merge again; say why the others stay."""
        chosen = {node.name for node in self.where.matches(graph) if node.op == "linear"}
        while pair := self.next_pair(graph, chosen):
            merge(graph, *pair)
        for first, second in pairs(graph, chosen):
            context.refuse(second, str(self.obstacle(graph, first, second)))

    def next_pair(self, graph: ModelGraph, chosen: set[str]) -> tuple[Node, Node] | None:
        """The first two layers that can be merged."""
        return next((pair for pair in pairs(graph, chosen) if self.obstacle(graph, *pair) is None), None)

    def obstacle(self, graph: ModelGraph, first: Node, second: Node) -> str | None:
        """Why two layers stay as they are, or None where they can be merged."""
        before = parameters(graph, first) + parameters(graph, second)
        after = merged_parameters(graph, first, second)
        if after >= before and not self.force:
            return f"merged with {first.name!r} it would have {after} numbers, the two have {before}; force merges them"
        return layer_in_use(graph, first) or tensors_in_use(graph, second)


def pairs(graph: ModelGraph, chosen: set[str]) -> list[tuple[Node, Node]]:
    """Chosen layers that read a chosen layer, in order of execution."""
    layers = [node for node in graph.nodes(op="linear") if node.name in chosen]
    found = [(graph.producer(node), node) for node in layers]
    return [(first, second) for first, second in found if first.op == "linear" and first.name in chosen]


def parameters(graph: ModelGraph, layer: Node) -> int:
    """How many numbers a layer has."""
    return sum(graph.tensor(name).numel() for name in layer.tensors.values())


def merged_parameters(graph: ModelGraph, first: Node, second: Node) -> int:
    """How many numbers the product of two layers has."""
    inputs = graph.tensor(first.tensors["weight"]).shape[1]
    outputs = graph.tensor(second.tensors["weight"]).shape[0]
    return outputs * (inputs + ("bias" in first.tensors or "bias" in second.tensors))


def merge(graph: ModelGraph, first: Node, second: Node) -> None:
    """Put the product in the place of two layers."""
    weight, after = graph.tensor(first.tensors["weight"]), graph.tensor(second.tensors["weight"])
    tensors: dict[str, object] = {"weight": (after.double() @ weight.double()).to(after.dtype)}
    bias = merged_bias(graph, first, second)
    if bias is not None:
        tensors["bias"] = bias.to(after.dtype)
    graph.merge([first, second], NodeSpec("linear", tensors=tensors))


def merged_bias(graph: ModelGraph, first: Node, second: Node) -> Tensor | None:
    """The first bias through the second layer, and the second's own; None where there is neither."""
    own = graph.tensor(second.tensors["bias"]).double() if "bias" in second.tensors else None
    if "bias" not in first.tensors:
        return own
    through = graph.tensor(second.tensors["weight"]).double() @ graph.tensor(first.tensors["bias"]).double()
    return through if own is None else through + own

"""A new activation brought to the size of the old: γ = E[f·g]/E[g²], folded into the layers that read it."""

from collections.abc import Iterator

from torch import Tensor

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node

LAYERS = frozenset({"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
NORMS = frozenset({"batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm"})
HOMOGENEOUS = frozenset({
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool1d", "avg_pool2d", "dropout", "flatten", "identity",
    "max_pool1d", "max_pool2d", "mean", "permute", "reshape", "squeeze", "transpose", "unsqueeze",
})  # fmt: skip
"""What hands a positive factor on unchanged."""


def least_squares_factor(wanted: Tensor, given: Tensor) -> float | None:
    """The γ with which γ·g is nearest to f; None where g is zero everywhere or points the other way.

    Law: Σ(f - γg)² is the least; 1 for g = f.
    """
    size = float(given.double().square().sum())
    factor = float((wanted.double() * given.double()).sum()) / size if size else 0.0
    return factor if factor > 0 else None


def readers(graph: ModelGraph, node: Node) -> Iterator[Node]:
    """Who reads a node, through whatever hands a factor on."""
    for reader, _ in graph.consumers(node):
        if reader.op in HOMOGENEOUS:
            yield from readers(graph, reader)
        else:
            yield reader


def fold_factor(graph: ModelGraph, node: Node, factor: float) -> str | None:
    """Multiply the weights of the layers that read a node; why not, where that is not the same as scaling the node."""
    found = list(dict.fromkeys(reader.name for reader in readers(graph, node)))
    kinds = {graph[name].op for name in found}
    if kinds and kinds <= NORMS:
        return "a norm follows, which takes any factor out again"
    if not kinds or not kinds <= LAYERS:
        return f"it is read by {', '.join(sorted(kinds - LAYERS)) or 'nobody'}, which cannot take a factor"
    for name in found:
        weight = graph[name].tensors["weight"]
        if len(graph.tensor_users(weight)) > 1:
            return f"the layer {name!r} shares its weight"
    for name in found:
        weight = graph[name].tensors["weight"]
        graph.set_tensor(weight, graph.tensor(weight) * factor)
    return None

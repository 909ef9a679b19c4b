"""Cross-layer equalization: what one layer's channel has too much of, the next layer's inputs take over.

relu(s·x) = s·relu(x) for s > 0, so a channel may be divided by any s and the next layer's inputs multiplied by it. The
choice s = √(r₁ / r₂), for the largest magnitudes r₁ of the channel's weights and r₂ of those that read it, gives both
the same range; layers and the results of the model stay the same.
"""

import torch

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node

LAYERS = ("linear", "conv1d", "conv2d")
BETWEEN = ("relu", "max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool2d", "dropout", "identity")
"""Operators that commute with a positive factor of a channel and leave channels where they are."""
SMALLEST, LARGEST = 1e-4, 1e4
SWEEPS = 10
"""A layer between two others is in two pairs, which come to agree after a few times."""


def equalize(graph: ModelGraph) -> int:
    """Even out every pair of layers of which only the second reads the first; give the number of pairs."""
    pairs = [(first, second) for first in graph.nodes(op=LAYERS) if (second := reader_of(graph, first)) is not None]
    done = 0
    for _ in range(SWEEPS):
        done = sum(equalize_pair(graph, graph[first.name], graph[second.name]) for first, second in pairs)
    return done


def reader_of(graph: ModelGraph, layer: Node) -> Node | None:
    """The one layer that reads a layer through operators that a factor passes; None where there is none."""
    readers = graph.consumers(layer)
    while len(readers) == 1:
        node = readers[0][0]
        if node.op in LAYERS:
            return node
        if node.op not in BETWEEN or len(graph.operands(node)) != 1:
            return None
        readers = graph.consumers(node)
    return None


def equalize_pair(graph: ModelGraph, first: Node, second: Node) -> bool:
    """Scale the outputs of one layer and the inputs of the next; False where their channels do not meet."""
    names = [first.tensors["weight"], second.tensors["weight"]]
    if any(len(graph.tensor_users(name)) > 1 for name in names):
        return False
    one, other = (graph.tensor(name) for name in names)
    groups = int(second.attributes.get("groups", 1))  # type: ignore[arg-type]
    if other.shape[1] * groups != one.shape[0] or (first.op == "linear") != (second.op == "linear"):
        return False
    inputs = other.reshape(groups, -1, *other.shape[1:]).transpose(1, 2).flatten(0, 1)
    ranges = one.abs().flatten(1).amax(1).double(), inputs.abs().flatten(1).amax(1).double()
    factor = factors(*ranges).to(one.dtype)
    graph.set_tensor(names[0], one / factor.reshape(-1, *(1,) * (one.ndim - 1)))
    if "bias" in first.tensors:
        graph.set_tensor(first.tensors["bias"], graph.tensor(first.tensors["bias"]) / factor)
    along = factor.reshape(groups, 1, -1, *(1,) * (other.ndim - 2))
    graph.set_tensor(names[1], (other.reshape(groups, -1, *other.shape[1:]) * along).reshape(other.shape))
    return True


def factors(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """√(r₁ / r₂), and 1 for channels that do nothing."""
    alive = (first > 0) & (second > 0)
    ratio = torch.where(alive, first, 1.0) / torch.where(alive, second, 1.0)
    return ratio.sqrt().clamp(SMALLEST, LARGEST)

"""Two linear layers one after the other, with nothing or only an element-wise activation between them."""

from collections.abc import Iterator

import torch
from attrs import frozen
from torch import Tensor

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.ops import activation as of_torch
from nadoo_graphs.ops import rectifier as of_nadoo

BY_FEATURES = frozenset({"glu", "log_softmax", "prelu", "relu_topk", "relu_topq", "softmax"})
"""These look at all features, or have a slope for each."""
BETWEEN = frozenset(row.name for row in (*of_torch.ROWS, *of_nadoo.ROWS)) - BY_FEATURES | {"dropout", "identity"}
NOTHING = frozenset({"dropout", "identity"})


@frozen
class Pair:
    """A layer, the activation behind it if there is one, and the layer that reads that."""

    first: str
    between: tuple[str, ...]
    second: str

    @property
    def read(self) -> str:
        """The node that the second layer reads."""
        return self.between[0] if self.between else self.first


def pairs(graph: ModelGraph, chosen: set[str]) -> Iterator[Pair]:
    """Chosen layers that are fed by a linear layer which nobody else reads; the graph may change on the way."""
    for name in [node.name for node in graph.nodes(op="linear") if node.name in chosen]:
        found = pair_at(graph, name) if name in graph else None
        if found is not None:
            yield found


def pair_at(graph: ModelGraph, second: str) -> Pair | None:
    """A layer with the linear layer that feeds it, if nobody else reads that."""
    between: list[str] = []
    node = graph.producer(graph[second])
    while node.op in BETWEEN and len(graph.consumers(node)) == 1:
        between.append(node.name)
        node = graph.producer(node)
    if node.op != "linear" or len(graph.consumers(node)) != 1:
        return None
    return Pair(node.name, tuple(between), second)


def is_linear(graph: ModelGraph, pair: Pair) -> bool:
    """Whether nothing happens between two layers, so that they are one matrix."""
    return all(graph[name].op in NOTHING for name in pair.between)


def obstacle(graph: ModelGraph, pair: Pair) -> str | None:
    """Why a pair stays as it is: a tensor that others use too."""
    for name in (pair.first, pair.second):
        for tensor in graph[name].tensors.values():
            users = [user for user in graph.tensor_users(tensor) if user != name]
            if users:
                return f"its tensor {tensor!r} is also used by {', '.join(users)}"
    return None


def weight_of(graph: ModelGraph, node: Node) -> Tensor:
    """A layer's weight in float64."""
    return graph.tensor(node.tensors["weight"]).detach().double()


def bias_of(graph: ModelGraph, node: Node) -> Tensor:
    """A layer's bias in float64, zeros where it has none."""
    if "bias" in node.tensors:
        return graph.tensor(node.tensors["bias"]).detach().double()
    return torch.zeros(graph.tensor(node.tensors["weight"]).shape[0], dtype=torch.float64)


def numbers_of(graph: ModelGraph, pair: Pair) -> int:
    """The numbers of both layers."""
    names = [name for node in (pair.first, pair.second) for name in graph[node].tensors.values()]
    return sum(graph.tensor(name).numel() for name in names)

"""How fast learned steps learn: LSQ divides the gradient of a scale by the root of the elements that share it.

The factor belongs to the tensor, wherever it is read, so it is applied once, where a module fetches it.
"""

from math import sqrt
from typing import TYPE_CHECKING, Any, cast

import torch

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.node import Node

LEARNED = ("scale", "output_scale", "weight_scale")


class ScaleGradient(torch.autograd.Function):
    """The value itself, its gradient times a number."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        context: Any, value: torch.Tensor, number: float
    ) -> torch.Tensor:
        """The value."""
        context.number = number
        return value.view_as(value)

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The scaled gradient."""
        return gradients[0] * context.number, None


def scaled_gradient(value: torch.Tensor, number: float) -> torch.Tensor:
    """A tensor whose gradient is multiplied by a number."""
    return cast(torch.Tensor, ScaleGradient.apply(value, number))


def gradient_factors(graph: "ModelGraph") -> dict[str, float]:
    """1/sqrt(elements * largest code) for each scale that is learned by LSQ's rule, by the name of its tensor."""
    return {
        node.tensors[role]: 1.0 / sqrt(shared_elements(graph, node, role) * largest_code(graph, node, role))
        for node in graph.nodes()
        if node.attributes.get("step_gradient") == "lsq"
        for role in LEARNED
        if role in node.tensors and graph.record(node.tensors[role]).trainable
    }


def shared_elements(graph: "ModelGraph", node: "Node", role: str) -> int:
    """The elements of a weight that share a scale, or the features of one sample."""
    if role == "weight_scale":
        return max(1, graph.tensor(node.tensors["weight"]).numel() // graph.tensor(node.tensors[role]).numel())
    features = 1
    for size in node.type.shape[1:]:
        features *= size if isinstance(size, int) else 1
    return max(1, features)


def largest_code(graph: "ModelGraph", node: "Node", role: str) -> int:
    """The largest integer of a weight's or a value's format."""
    if role == "weight_scale":
        return graph.formats[str(node.attributes["weight_format"])].largest_integer
    return max(1, int(graph.formats[str(node.type.format)].maximum))

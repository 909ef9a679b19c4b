"""Folding: in evaluation a batch norm is a scale and a shift, which the layer before it can do with its own weights.

W' = γ / √(σ² + ε) · W and b' = β + γ / √(σ² + ε) · (b - μ), channel by channel.
"""

import torch
from attrs import frozen
from torch import Tensor

from nadoo_cleanup.obstacles import layer_in_use
from nadoo_core.passes import Context, Exact, Pass, Property, Selector, option
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
FOLDABLE = ("linear", *CONVOLUTIONS, *TRANSPOSED)


def obstacle(graph: ModelGraph, norm: Node) -> str | None:
    """Why a batch norm cannot be folded, or None where it can."""
    layer = graph.producer(norm)
    if layer.op not in FOLDABLE:
        return f"its input comes from {layer.op!r}, which cannot absorb a scale"
    if "running_mean" not in norm.tensors:
        return "it keeps no running statistics, so its scale differs from batch to batch"
    weight = graph.tensor(layer.tensors["weight"])
    rank = layer.type.rank
    if rank != (2 if layer.op == "linear" else weight.ndim):
        return f"its channels are axis 1 of {layer.type}, which is not the axis of {layer.name!r}'s outputs"
    return layer_in_use(graph, layer)


def every_norm_is_folded(graph: ModelGraph) -> bool:
    """Whether no batch norm is left that a layer could absorb."""
    return all(obstacle(graph, norm) is not None for norm in graph.nodes(op="batch_norm"))


BATCH_NORMS_FOLDED = Property(
    "batch norms folded", "no batch norm follows a layer that could absorb it", every_norm_is_folded
)


@frozen(kw_only=True)
class FoldBatchNorm(Pass):
    """Fold every batch norm into the convolution or linear layer before it."""

    name = "fold-batch-norm"
    effect = Exact()
    establishes = (BATCH_NORMS_FOLDED,)
    where: Selector = option(default=Selector(op="batch_norm"), help="which batch norms to fold")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Scale and shift the layer before each norm, and take the norm out."""
        for norm in self.where.matches(graph):
            reason = "it is no batch norm" if norm.op != "batch_norm" else obstacle(graph, norm)
            if reason is not None:
                context.refuse(norm, reason)
                continue
            fold(graph, graph.producer(norm), norm)


def fold(graph: ModelGraph, layer: Node, norm: Node) -> None:
    """Let a layer do what the norm behind it does."""
    weight = graph.tensor(layer.tensors["weight"])
    scale, shift = scale_and_shift(graph, norm)
    bias = graph.tensor(layer.tensors["bias"]).double() if "bias" in layer.tensors else 0.0
    groups = layer.attributes.get("groups", 1)
    factors = spread(scale, weight, groups if layer.op in TRANSPOSED and isinstance(groups, int) else None)
    tensors = {
        "weight": (weight.double() * factors).to(weight.dtype),
        "bias": (bias * scale + shift).to(weight.dtype),
    }
    graph.replace(layer, layer.op, tensors=tensors, **layer.attributes)
    graph.bypass(norm)


def scale_and_shift(graph: ModelGraph, norm: Node) -> tuple[Tensor, Tensor]:
    """What the norm multiplies each channel by, and what it adds then, in float64."""
    held = {role: graph.tensor(name).double() for role, name in norm.tensors.items() if role != "num_batches_tracked"}
    eps = norm.attributes["eps"]
    scale = torch.rsqrt(held["running_var"] + torch.tensor(eps, dtype=torch.float64))
    if "weight" in held:
        scale = scale * held["weight"]
    shift = -held["running_mean"] * scale
    return scale, shift + held["bias"] if "bias" in held else shift


def spread(scale: Tensor, weight: Tensor, transposed_groups: int | None) -> Tensor:
    """The scales in a shape that multiplies a weight by output channel.

    A transposed convolution's weight is [in, out / groups, …]: its rows belong to the groups, one after the other.
    """
    kernel = (1,) * (weight.ndim - 2)
    if transposed_groups is None:
        return scale.reshape(-1, 1, *kernel)
    by_group = scale.reshape(transposed_groups, -1)
    return by_group.repeat_interleave(weight.shape[0] // transposed_groups, 0).reshape(*weight.shape[:2], *kernel)

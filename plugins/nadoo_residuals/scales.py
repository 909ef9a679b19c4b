"""The scale of a skip path: the tensor that holds it, the nodes that apply it, and the numbers that it may be."""

from math import isfinite, log2

import torch
from torch import Tensor

from nadoo_core.training.hooks import Moment, TrainingHook
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.values import Value, ValueType

SUFFIX = "res_scale"
SMALLEST_POWER = -8
"""A smaller scale counts as none."""


def scale_value(kind: ValueType, scale: float, axis: int | None) -> Tensor:
    """A scale for a value: one number, or one a channel laid along its axis."""
    dtype: torch.dtype = getattr(torch, kind.dtype)
    if axis is None:
        return torch.full((), scale, dtype=dtype)
    size = kind.shape[axis]
    shape = [size if place == axis else 1 for place in range(axis, kind.rank)]
    return torch.full(tuple(int(str(length)) for length in shape), scale, dtype=dtype)


def scaled(graph: ModelGraph, site: str, skip: Value, value: Tensor, *, learned: bool) -> Value:
    """The skip path times a new scale."""
    role = "parameter" if learned else "buffer"
    name = graph.add_tensor(f"{site}.{SUFFIX}", value, role)
    held = graph.add("tensor", name=f"{site}.{SUFFIX}", tensors={"value": name})
    return graph.add("mul", [skip, held], name=f"{site}.scaled")


def is_scale(graph: ModelGraph, node: Node) -> bool:
    """Whether a node applies a scale that `scale-residual` made."""
    if node.op != "mul" or len(graph.operands(node)) != len(("skip", "scale")):
        return False
    held = graph.producer(node, 1)
    return held.op == "tensor" and held.tensors["value"].endswith(f".{SUFFIX}")


def to_power(scale: float) -> float:
    """The nearest power of two by exponent, the sign kept; 0 for what is below 2⁻⁸.

    Law: a shift; idempotent; |log₂ of the ratio| ≤ ½.
    """
    if not isfinite(scale) or abs(scale) < 2.0**SMALLEST_POWER:
        return 0.0
    return (1.0 if scale > 0 else -1.0) * 2.0 ** round(log2(abs(scale)))


def to_fixed(scale: float, bits: int) -> float:
    """The nearest multiple of 2⁻ⁿ, which is an integer multiplier and a shift.

    Law: |error| ≤ 2⁻⁽ⁿ⁺¹⁾; idempotent.
    """
    return round(scale * 2.0**bits) / 2.0**bits


class Bounded(TrainingHook):
    """Holds scales within bounds after every step."""

    def __init__(self, names: list[str], bounds: tuple[float, float]) -> None:
        self.names, self.bounds = names, bounds

    def on_step(self, moment: Moment) -> None:
        """Take back what went too far."""
        held = dict(moment.model.named_parameters())
        with torch.no_grad():
            for name in self.names:
                held[name].clamp_(*self.bounds)


class OnlyScales(TrainingHook):
    """Lets a training move the scales and nothing else: parameters and buffers are put back after every step."""

    def __init__(self, graph: ModelGraph, names: list[str]) -> None:
        self.others = {name: record.value for name, record in graph.tensors.items() if name not in names}

    def on_step(self, moment: Moment) -> None:
        """Put everything else back."""
        held = dict(moment.model.named_parameters()) | dict(moment.model.named_buffers())
        with torch.no_grad():
            for name, value in self.others.items():
                if name in held:
                    held[name].copy_(value)

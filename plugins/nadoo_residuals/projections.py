"""A 1×1 layer on a skip path whose ends have different shapes: other channels, and every so many-th place."""

from typing import Any

import torch
from torch import Tensor

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.sizes import Size
from nadoo_graphs.values import Value, ValueType

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")


def is_projectable(graph: ModelGraph, layer: Node, skip: Value) -> bool:
    """Whether a 1×1 layer with a layer's stride makes a value of the layer's shape from what the layer reads."""
    given, made = graph.type(skip), layer.type
    if given.rank != made.rank or given.dtype != made.dtype:
        return False
    if layer.op == "linear":
        return given.shape[:-1] == made.shape[:-1]
    if layer.op not in CONVOLUTIONS or given.shape[0] != made.shape[0] or given.rank != len(strides(layer)) + 2:
        return False
    sides = zip(given.shape[2:], strides(layer), made.shape[2:], strict=True)
    return all(every(side, stride) == wanted for side, stride, wanted in sides)


def strides(layer: Node) -> tuple[int, ...]:
    """The strides of a convolution."""
    found: Any = layer.attributes["stride"]
    return tuple(found)


def every(side: Size, stride: int) -> Size | None:
    """How many places are left of an axis when each stride-th is taken; None where nobody knows."""
    if stride == 1:
        return side
    return (side - 1) // stride + 1 if isinstance(side, int) else None


def project(graph: ModelGraph, site: str, layer: Node, skip: Value, *, learned: bool) -> Value:
    """The skip path through a layer that copies channels, or the means of some where there are too many."""
    axis = -1 if layer.op == "linear" else 1
    weight = copying(layer.type, graph.type(skip), axis)
    attributes: dict[str, Any] = {}
    if layer.op != "linear":
        weight = weight.reshape(*weight.shape, *[1] * (layer.type.rank - 2))
        attributes["stride"] = layer.attributes["stride"]
    name = graph.add_tensor(f"{site}.projection", weight, "parameter" if learned else "buffer")
    return graph.add(layer.op, [skip], name=f"{site}.projection", tensors={"weight": name}, **attributes)


def copying(made: ValueType, given: ValueType, axis: int) -> Tensor:
    """A matrix [outputs, inputs] whose rows sum to 1: output c is the mean of the inputs that are c modulo outputs.

    Where there are more outputs, they begin again with the first input.
    """
    outputs, inputs = int(str(made.shape[axis])), int(str(given.shape[axis]))
    place = torch.arange(max(outputs, inputs))
    found = torch.zeros(outputs, inputs, dtype=getattr(torch, made.dtype))
    found[place % outputs, place % inputs] = 1.0
    return found / found.sum(1, keepdim=True)

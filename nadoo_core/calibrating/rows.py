"""The inputs of layers as rows that the weight multiplies: some of them, for second moments and least squares."""

from typing import Any, TypeAlias, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from nadoo_graphs.node import Node

Sizes: TypeAlias = tuple[int, ...]
PLANAR = {"conv1d": 1, "conv2d": 2}
ROWS_A_COLUMN = 32
LEAST_ROWS = 16_384


def is_refittable(node: Node) -> bool:
    """Whether a layer is a matrix that multiplies rows: linear, or a convolution in one group."""
    return node.op == "linear" or (node.op in PLANAR and node.attributes["groups"] == 1)


def output_axis(node: Node, value: Tensor) -> int:
    """The axis of a layer's outputs."""
    return value.ndim - 1 if node.op == "linear" else 1


def draw_places(value: Tensor, columns: int, total: int, generator: torch.Generator) -> Tensor:
    """For each example some places of a layer's output, enough for so many columns from so many examples in all."""
    places = value[0].numel() // max(value.shape[1], 1)
    wanted = max(LEAST_ROWS, ROWS_A_COLUMN * columns)
    each = min(places, max(1, -(-wanted // max(total, 1))))
    return torch.rand((len(value), places), generator=generator).argsort(1)[:, :each]


def output_rows(node: Node, value: Tensor, places: Tensor) -> Tensor:
    """What a layer gives at some places: [rows, outputs], in float64."""
    flat = value.movedim(output_axis(node, value), -1).reshape(len(value), -1, value.shape[output_axis(node, value)])
    return picked(flat, places)


def picked(flat: Tensor, places: Tensor) -> Tensor:
    """Rows of [examples, places, columns] at the places of each example."""
    index = places.unsqueeze(-1).expand(-1, -1, flat.shape[-1])
    return flat.gather(1, index).reshape(-1, flat.shape[-1]).double()


def input_rows(node: Node, value: Tensor, kernel: Sizes, places: Tensor) -> Tensor:
    """What a layer's weight, as [out, channels · kernel], multiplies there, and a one for the bias; in float64."""
    if node.op == "linear":
        rows = picked(value.reshape(len(value), -1, value.shape[-1]), places)
    else:
        rows = patches(node, value, kernel, places)
    return torch.cat([rows, torch.ones(len(rows), 1, dtype=torch.float64)], 1)


def patches(node: Node, value: Tensor, kernel: Sizes, places: Tensor) -> Tensor:
    """The patches of a convolution's input below some places of its output."""
    line = node.op == "conv1d"
    attributes: dict[str, Any] = dict(node.attributes)
    stride, dilation = ((1, *attributes[name]) if line else attributes[name] for name in ("stride", "dilation"))
    size = (1, *kernel) if line else kernel
    flat = F.pad(value.unsqueeze(-2) if line else value, edges(attributes["padding"], size, dilation, line=line))
    height, width = flat.shape[-2:]
    across = (width - dilation[1] * (size[1] - 1) - 1) // stride[1] + 1
    corners = (places // across) * stride[0] * width + (places % across) * stride[1]
    down, along = torch.arange(size[0]) * dilation[0] * width, torch.arange(size[1]) * dilation[1]
    offsets = (down.unsqueeze(1) + along).reshape(-1)
    index = (corners.unsqueeze(-1) + offsets).reshape(len(flat), 1, -1).expand(-1, flat.shape[1], -1)
    found = flat.reshape(*flat.shape[:2], height * width).gather(2, index)
    found = found.reshape(len(flat), flat.shape[1], places.shape[1], len(offsets)).transpose(1, 2)
    return found.reshape(-1, flat.shape[1] * len(offsets)).double()


def edges(padding: Any, size: Sizes, dilation: Sizes, *, line: bool) -> list[int]:
    """The margins left, right, top and bottom."""
    if padding == "valid":
        return [0, 0, 0, 0]
    if padding == "same":
        total = [reach * (length - 1) for reach, length in zip(dilation, size, strict=True)]
        return [total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2]
    down, along = (0, padding[0]) if line else padding
    return [along, along, down, down]


def solve_rows(moments: Tensor, targets: Tensor, ridge: float) -> Tensor:
    """The X of X · M = T for symmetric second moments M, with a little of their mean diagonal added."""
    scale = float(moments.diagonal().mean()) or 1.0
    steadied = moments + ridge * scale * torch.eye(len(moments), dtype=moments.dtype)
    solution = cast(Tensor, torch.linalg.solve(steadied, targets.T))
    return solution.T

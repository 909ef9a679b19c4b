"""A 1×1 layer in the place of a block whose ends have different shapes, fit to what the block gave."""

import torch
from attrs import frozen
from torch import Tensor

from nadoo_core.calibrating.rows import solve_rows
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.sizes import Size
from nadoo_graphs.values import Value, ValueType

RIDGE = 1e-6
MOST_ROWS = 1 << 16
CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
BATCH_AND_CHANNELS = 2


@frozen
class Projection:
    """The operator that leads from one shape to another, and its strides."""

    op: str
    strides: tuple[int, ...] = ()

    @classmethod
    def between(cls, start: ValueType, end: ValueType, last: Node) -> "Projection | None":
        """The one that fits two types, of which the second comes from a layer; None where none does."""
        if start.rank != end.rank or start.rank < BATCH_AND_CHANNELS or start.dtype != end.dtype:
            return None
        if start.format is not None or end.format is not None:
            return None
        spatial = start.rank - BATCH_AND_CHANNELS
        if last.op == "linear" or not spatial:
            return cls("linear") if start.shape[:-1] == end.shape[:-1] else None
        strides = [stride_of(*sizes) for sizes in zip(start.shape[2:], end.shape[2:], strict=True)]
        known = tuple(stride for stride in strides if stride is not None)
        if spatial > len(CONVOLUTIONS) or start.shape[0] != end.shape[0] or len(known) < spatial:
            return None
        return cls(CONVOLUTIONS[spatial - 1], known)

    def rows(self, value: Tensor, strides: tuple[int, ...]) -> Tensor:
        """What lies at the places of the result: [rows, channels], in float64."""
        if self.op != "linear":
            places = tuple(slice(None, None, stride) for stride in strides)
            value = value[:, :, *places].movedim(1, -1)
        return value.reshape(-1, value.shape[-1]).double()

    def work(self, start: ValueType, elements: int) -> int:
        """The multiply-accumulates that it takes to make so many elements."""
        channels = start.shape[-1 if self.op == "linear" else 1]
        return elements * int(str(channels))

    def put(self, graph: ModelGraph, start: Value, end: Value, name: str, inputs: Tensor) -> Value:
        """Add the layer, with the weights whose results are nearest to what comes out at the end."""
        values = graph.run(inputs, keep=[start.node, end.node]).values
        given = self.rows(values[start.node], self.strides)
        wanted = self.rows(values[end.node], tuple(1 for _ in self.strides))
        every = max(1, len(given) // MOST_ROWS)
        given, wanted = given[::every], wanted[::every]
        given = torch.cat([given, torch.ones(len(given), 1, dtype=given.dtype)], 1)
        solution = solve_rows(given.T @ given, wanted.T @ given, RIDGE)
        dtype: torch.dtype = getattr(torch, graph.type(end).dtype)
        weight, bias = solution[:, :-1].to(dtype), solution[:, -1].to(dtype)
        if self.op == "linear":
            return graph.add("linear", [start], name=name, tensors={"weight": weight, "bias": bias})
        weight = weight.reshape(*weight.shape, *[1] * len(self.strides))
        return graph.add(self.op, [start], name=name, tensors={"weight": weight, "bias": bias}, stride=self.strides)


def stride_of(before: Size, after: Size) -> int | None:
    """The stride that leaves so many places of an axis; None where there is none."""
    if before == after:
        return 1
    if not isinstance(before, int) or not isinstance(after, int) or not 0 < after < before:
        return None
    stride = -(-before // after)
    return stride if (before - 1) // stride + 1 == after else None

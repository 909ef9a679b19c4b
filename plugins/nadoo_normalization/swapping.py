"""How a norm becomes another one in the graph."""

from typing import TYPE_CHECKING, Any

import torch
from attrs import frozen

from nadoo_core.errors import ContextError
from nadoo_core.passes import Context
from nadoo_core.quantizing import Walk, examples_that_fit
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node, Origin
from nadoo_graphs.sizes import Size
from nadoo_graphs.tensors import torch_dtype
from nadoo_graphs.values import Value

if TYPE_CHECKING:
    from nadoo_normalization.swap_norm import SwapNorm

TARGETS = {"rms": "rms_norm", "layer": "layer_norm", "batch": "batch_norm"}
MATRIX = 2


@frozen
class Place:
    """Which axes a norm normalizes over, counted from the end, and their sizes."""

    axes: tuple[int, ...]
    shape: tuple[Size, ...]


class Swapping:
    """Swaps norms of one graph."""

    def __init__(self, graph: ModelGraph, context: Context, step: "SwapNorm") -> None:
        self.graph = graph
        self.context = context
        self.step = step

    def swap(self, node: Node) -> None:
        """One norm, or the reason why not."""
        reason = self.obstacle(node)
        if reason is not None:
            self.context.refuse(node, reason)
            return
        place = place_of(self.graph, node)
        affine = affine_of(self.graph, node)
        if self.step.to == "mean-absolute":
            value = self.mean_absolute(node, place)
        elif self.step.to == "batch":
            self.batch(node)
            return
        else:
            value = self.over_features(node, place)
        self.scale_and_shift(value, node, affine)

    def obstacle(self, node: Node) -> str | None:
        """Why a norm cannot become the other one."""
        if node.op not in {"layer_norm", "rms_norm", "batch_norm"}:
            return f"{node.op!r} is no normalization that this step knows"
        if TARGETS.get(self.step.to) == node.op:
            return f"it is a {self.step.to} norm already"
        source = self.graph.type(self.graph.operand(node))
        place = place_of(self.graph, node)
        if not all(isinstance(size, int) for size in place.shape):
            return f"it normalizes over {place.shape} of {source}, whose size is not known"
        if self.step.to == "batch" and (source.rank != MATRIX or len(place.shape) != 1):
            return f"a batch norm has its channels on axis 1, and this one reads {source}"
        return None

    def over_features(self, node: Node, place: Place) -> Value:
        """A layer or RMS norm without a scale and shift of its own."""
        made = self.graph.replace(node, TARGETS[self.step.to], normalized_shape=place.shape, eps=self.step.eps)
        return Value(made.name)

    def mean_absolute(self, node: Node, place: Place) -> Value:
        """x / (mean|x| + ε), in four nodes of which the last has the norm's name."""
        source, name, axes = self.graph.operand(node), node.name, place.axes
        origin = Origin(nodes=(name,))
        size = self.graph.add("abs", [source], name=self.fresh(f"{name}.abs"), origin=origin)
        mean = self.graph.add("mean", [size], name=self.fresh(f"{name}.mean"), dim=axes, keepdim=True, origin=origin)
        above = self.graph.add("add", [mean], name=self.fresh(f"{name}.floor"), other=self.step.eps, origin=origin)
        readers = self.graph.consumers(node)
        made = self.graph.add("div", [source, above], name=self.fresh(f"{name}.div"), origin=origin)
        for reader, operand in readers:
            self.graph.rewire(reader, operand, made)
        self.graph.remove(node)
        return Value(self.graph.rename(made.node, name).name)

    def scale_and_shift(self, value: Value, node: Node, affine: dict[str, torch.Tensor]) -> None:
        """The learned scale and shift of the old norm, as a product and a sum behind the new one."""
        for role, op in (("weight", "mul"), ("bias", "add")):
            if role not in affine:
                continue
            holder = self.fresh(f"{node.name}.{op}_{role}")
            held = self.graph.add("tensor", name=holder, tensors={"value": affine[role]})
            value = self.graph.insert_after(value, op, held, name=self.fresh(f"{node.name}.{op}"))

    def batch(self, node: Node) -> None:
        """A batch norm that begins with the statistics of calibration data, where there are any."""
        channels = int(self.graph.type(self.graph.operand(node)).shape[1])  # type: ignore[arg-type]
        dtype = torch_dtype(node.type.dtype)
        mean, variance = self.statistics(node) or (torch.zeros(channels), torch.ones(channels))
        tensors: dict[str, Any] = {key: item for key, item in node.tensors.items() if key in {"weight", "bias"}}
        for role, value in (("running_mean", mean), ("running_var", variance)):
            name = self.free_tensor(f"{node.name}.{role}")
            tensors[role] = self.graph.add_tensor(name, value.to(dtype), "buffer")
        self.graph.replace(node, "batch_norm", tensors=tensors, eps=self.step.eps)

    def statistics(self, node: Node) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Mean and variance of every channel that the norm reads, on calibration data."""
        try:
            examples = self.context.data("calibration")
        except ContextError:
            return None
        if len(self.graph.inputs) != 1 or not len(examples):
            return None
        count = examples_that_fit(self.graph, self.step.samples)
        walk = Walk(self.graph, examples.inputs[:count].to(torch_dtype(self.graph.inputs[0].type.dtype)))
        walk.run_until_before(node.name)
        value = walk.operands(node)[0].double()
        return value.mean(0), value.var(0, unbiased=False)

    def fresh(self, name: str) -> str:
        """A node name that is free."""
        free = (name if not index else f"{name}_{index}" for index in range(len(self.graph) + 2))
        return next(item for item in free if item not in self.graph)

    def free_tensor(self, name: str) -> str:
        """A tensor name that is free."""
        taken = {*self.graph.state_order}
        free = (name if not index else f"{name}_{index}" for index in range(len(taken) + 2))
        return next(item for item in free if item not in taken)


def place_of(graph: ModelGraph, node: Node) -> Place:
    """The axes of a norm; a batch norm's are the features of a vector, or the positions of an image's channel."""
    source = graph.type(graph.operand(node))
    if node.op == "batch_norm":
        axes = tuple(range(-1, 0)) if source.rank == MATRIX else tuple(range(2 - source.rank, 0))
    else:
        shape: Any = node.attributes["normalized_shape"]
        axes = tuple(range(-len(shape), 0))
    sizes: Any = tuple(source.shape[axis] for axis in axes)
    return Place(axes, sizes)


def affine_of(graph: ModelGraph, node: Node) -> dict[str, torch.Tensor]:
    """The scale and shift of a norm in a shape that lies along its input."""
    found = {role: graph.tensor(node.tensors[role]) for role in ("weight", "bias") if role in node.tensors}
    if node.op != "batch_norm":
        return found
    axes = graph.type(graph.operand(node)).rank - MATRIX
    return {role: value.reshape(-1, *(1,) * axes) for role, value in found.items()}

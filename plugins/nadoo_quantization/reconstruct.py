"""Reconstruction: layer by layer in order of execution, make the quantized layer's outputs those of the float model.

Both models run side by side on calibration data. What a layer reads is already quantized, so its new weights also make
up for the errors of all layers before it; its bias then gives every channel the mean that it should have.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import torch
from attrs import frozen

from nadoo_core.passes import Context
from nadoo_core.quantizing import (
    Book,
    Moments,
    MomentSums,
    Walk,
    adaptive_rounding,
    corrected_bias,
    damped,
)
from nadoo_graphs.formats import Format
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.values import Value
from nadoo_quantization.masters import master_within
from nadoo_quantization.recurrent import CELLS
from nadoo_quantization.recurrent_rounding import round_recurrent
from nadoo_quantization.weights import is_whole, laid_along

if TYPE_CHECKING:
    from nadoo_quantization.quantize import Quantize

PORTION_BYTES = 1 << 26
MOST_WORK = 4 * 10**10
"""Multiplications for the Gram matrices of one layer; beyond that fewer examples are looked at."""
LAYERS = {"linear": 0, "conv1d": 1, "conv2d": 2}


@frozen
class Pair:
    """The graph before and after, and where a layer stands in both; the names are the same."""

    before: ModelGraph
    after: ModelGraph
    step: "Quantize"
    layers: Mapping[str, Format]

    def run(self, inputs: torch.Tensor, context: Context) -> None:
        """Go through both graphs on the same examples, and set right every layer before it runs."""
        float_walk, walk = Walk(self.before, inputs), Walk(self.after, inputs)
        known = (*LAYERS, *CELLS)
        names = [name for name in self.after.order() if name in self.layers and self.before[name].op in known]
        for done, name in enumerate(names, 1):
            walk.run_until_before(name)
            float_walk.run_until_before(name)
            if self.before[name].op in CELLS:
                round_recurrent(self, name, walk, float_walk)
            else:
                float_walk.step()
                self.set_right(name, walk, float_walk.value(Value(name)))
            context.progress(done, len(names), f"rounding of {name}")

    def set_right(self, name: str, walk: Walk, wanted: torch.Tensor) -> None:
        """New weights and a new bias for one layer."""
        node = self.after[name]
        numbers = real_operand(self.after, node, walk)
        layer = Layer(self.before[name], self.after.tensor(node.tensors["weight"]))
        if "bias" not in node.tensors:
            wanted = without_bias(self.before, self.before[name], wanted)
        groups = layer.moments(numbers.float(), wanted.float(), centred="bias" in node.tensors)
        row = self.layers[name]
        held = groups
        if self.step.rounds_adaptively(row) and not self.shared(node):
            held = [damped(item, part) for item, part in zip(groups, layer.group_weights(), strict=True)]
            self.round(node, layer, held, row)
        if "bias" in node.tensors and self.step.bias_correction and not self.is_shared(node.tensors["bias"], node):
            self.correct_bias(node, layer, groups)

    def shared(self, node: Node) -> bool:
        """Whether another layer uses the weight, which then cannot be made for one of them."""
        return self.is_shared(node.tensors["weight"], node) or is_whole(self.layers[node.name])

    def is_shared(self, tensor: str, node: Node) -> bool:
        """Whether a tensor has other users."""
        return any(user != node.name for user in self.after.tensor_users(tensor))

    def round(self, node: Node, layer: "Layer", groups: list[Moments], row: Format) -> None:
        """Choose levels and scales by the data, where that keeps what codes mean."""
        scale_name = node.tensors["weight_scale"]
        scale = self.after.tensor(scale_name)
        per_output = scale.ndim == 1
        scales = scale.double().expand(layer.outputs).reshape(layer.groups, -1, 1)
        book = Book.of(row)
        found = [
            adaptive_rounding(part, moments, book, first, fit_scale=per_output)
            for part, moments, first in zip(layer.group_weights(), groups, scales, strict=True)
        ]
        if per_output:
            scale = torch.cat([item.scale for item in found]).reshape(-1).to(scale.dtype)
            self.after.set_tensor(scale_name, scale)
        levels = torch.cat([item.levels for item in found]).reshape(layer.weight.shape)
        steps = laid_along(scale.double(), levels)
        original = self.before.tensor(self.before[node.name].tensors["weight"])
        self.after.set_tensor(node.tensors["weight"], master_within(levels, steps, original, row, book))

    def correct_bias(self, node: Node, layer: "Layer", groups: list[Moments]) -> None:
        """The bias with which the mean of every channel is that of the float model, for the weights as they decode."""
        weight = decoded(self.after, node, self.layers[node.name])
        parts = weight.double().reshape(layer.groups, -1, layer.inputs)
        bias = [corrected_bias(moments, part) for moments, part in zip(groups, parts, strict=True)]
        name = node.tensors["bias"]
        self.after.set_tensor(name, torch.cat(bias).to(self.after.tensor(name).dtype))


def decoded(graph: ModelGraph, node: Node, row: Format) -> torch.Tensor:
    """The weight that a layer computes with."""
    weight = graph.tensor(node.tensors["weight"])
    scale = graph.tensor(node.tensors["weight_scale"]) if "weight_scale" in node.tensors else torch.ones(())
    steps = laid_along(scale.double(), weight) if scale.ndim else scale.double()
    codes = row.encode(weight, steps, where=node.tensors["weight"], allow_degenerate=True)
    if node.op.startswith("quantized_"):
        return row.integers(codes).double() * steps / row.unit
    return row.decode(codes, steps, dtype=torch.float64)


def without_bias(graph: ModelGraph, node: Node, wanted: torch.Tensor) -> torch.Tensor:
    """What a layer gives before its bias, which is added behind it where scales are found at run time."""
    bias = node.tensors.get("bias")
    return wanted if bias is None else wanted - graph.tensor(bias).reshape(-1, *(1,) * LAYERS[node.op])


def real_operand(graph: ModelGraph, node: Node, walk: Walk) -> torch.Tensor:
    """What a layer reads, as numbers."""
    codes = walk.operands(node)[0]
    if graph.type(graph.operand(node)).format is None:
        return codes
    zero = graph.tensor(node.tensors["input_zero_point"]) if "input_zero_point" in node.tensors else 0
    scale: Any = graph.tensor(node.tensors["input_scale"])
    if len(graph.operands(node)) == 1 and is_dynamic(graph, node):
        scale = walk.value(Value(graph.producer(node).name, 1))
    return (codes.double() - zero) * scale


def is_dynamic(graph: ModelGraph, node: Node) -> bool:
    """Whether the scale of a layer's operand is found at run time."""
    maker = graph.producer(node)
    return maker.op == "quantize" and maker.attributes["granularity"] != "static"


class Layer:
    """A layer as a matrix: one weight matrix a group, and the rows of inputs that it multiplies."""

    def __init__(self, node: Node, weight: torch.Tensor) -> None:
        self.node = node
        self.weight = weight
        self.groups = int(node.attributes.get("groups", 1))  # type: ignore[arg-type]
        self.outputs = weight.shape[0]
        self.inputs = weight[0].numel()

    def group_weights(self) -> tuple[torch.Tensor, ...]:
        """The weights of every group, [outputs, inputs], in float64."""
        return self.weight.double().reshape(self.groups, -1, self.inputs).unbind()

    def moments(self, numbers: torch.Tensor, wanted: torch.Tensor, *, centred: bool) -> list[Moments]:
        """The second moments of what every group reads with what it should give."""
        sums = [MomentSums(self.inputs, self.outputs // self.groups) for _ in range(self.groups)]
        for read, given, examples in self.portions(numbers, wanted):
            for group, (rows, outputs) in enumerate(zip(read, given, strict=True)):
                sums[group].add(rows, outputs, examples)
        return [item.moments(centred=centred) for item in sums]

    def portions(self, numbers: torch.Tensor, wanted: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor, int]]:
        """Rows [group, row, input] and [group, row, output] for some examples at a time."""
        if self.node.op == "linear":
            rows, outputs = numbers.reshape(1, -1, self.inputs), wanted.reshape(1, -1, self.outputs)
            yield rows, outputs, len(numbers)
            return
        batch, positions = len(numbers), wanted[0, 0].numel()
        work = positions * self.inputs**2 * self.groups
        count = min(batch, max(8, MOST_WORK // max(work, 1)))
        size = max(1, PORTION_BYTES // (4 * positions * self.inputs * self.groups))
        for start in range(0, count, size):
            part = slice(start, min(start + size, count))
            yield self.patches(numbers[part]), self.outputs_of(wanted[part]), part.stop - part.start

    def patches(self, numbers: torch.Tensor) -> torch.Tensor:
        """What the windows of a convolution see, [group, row, input]."""
        kernel = self.weight.shape[2:]
        padding, window = explicit_padding(self.node, tuple(kernel)), tuple(kernel)
        stride, dilation = (integers_of(self.node, key) for key in ("stride", "dilation"))
        if len(window) == 1:
            numbers, window = numbers.unsqueeze(-2), (1, *window)
            stride, dilation = (1, *stride), (1, *dilation)
        images = torch.nn.functional.pad(numbers, padding)
        unfolded = torch.nn.functional.unfold(images, window, dilation=dilation, stride=stride)
        batch, _, positions = unfolded.shape
        split = unfolded.reshape(batch, self.groups, self.inputs, positions)
        return split.permute(1, 0, 3, 2).reshape(self.groups, batch * positions, self.inputs)

    def outputs_of(self, wanted: torch.Tensor) -> torch.Tensor:
        """The outputs of a convolution, [group, row, output]."""
        split = wanted.reshape(len(wanted), self.groups, self.outputs // self.groups, -1)
        return split.permute(1, 0, 3, 2).reshape(self.groups, -1, self.outputs // self.groups)


def integers_of(node: Node, name: str) -> tuple[int, ...]:
    """An attribute of one integer an axis."""
    return cast("tuple[int, ...]", node.attributes[name])


def explicit_padding(node: Node, kernel: tuple[int, ...]) -> list[int]:
    """The padding of a convolution for torch's pad: the last axis first, before and after."""
    padding, found = node.attributes["padding"], list[int]()
    for axis in reversed(range(len(kernel))):
        if padding == "same":
            total = integers_of(node, "dilation")[axis] * (kernel[axis] - 1)
            found += [total // 2, total - total // 2]
        else:
            edge = 0 if padding == "valid" else integers_of(node, "padding")[axis]
            found += [edge, edge]
    return found

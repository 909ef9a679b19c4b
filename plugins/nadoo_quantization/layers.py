"""Layers with weights: over codes, over numbers with encoded weights, or over codes of a scale found at run time."""

from collections.abc import Mapping

import torch

from nadoo_core.quantizing import room_for_bias
from nadoo_graphs.formats import Format
from nadoo_graphs.node import Attribute, Node, Origin
from nadoo_graphs.values import Value
from nadoo_quantization.clamps import finish, output_of
from nadoo_quantization.grids import Grid
from nadoo_quantization.names import tensor_name
from nadoo_quantization.rewriter import Handler, Rewriter
from nadoo_quantization.weights import is_whole

ACCUMULATOR = "int32"
SPATIAL = {"linear": 0, "conv1d": 1, "conv2d": 2}


class LayerRewriter:
    """Rewrites layers with the scales that were found for their weights."""

    def __init__(self, scales: Mapping[tuple[str, str], torch.Tensor | None], learned: frozenset[str]) -> None:
        self.scales = scales
        self.learned = learned
        self.held: dict[tuple[str, str], str] = {}

    def handler(self) -> Handler:
        """One handler for all layers; which of them are rewritten is the step's choice."""
        return Handler(lambda rewriter, node: node.name in rewriter.layers, self.rewrite)

    def rewrite(self, rewriter: Rewriter, node: Node) -> None:
        """A layer, by its format and by what its activations are to be."""
        row = rewriter.layers[node.name]
        if row.kind == "float" or rewriter.step.only_weights or node.op == "embedding":
            self.encode(rewriter, node, row)
        elif rewriter.step.activation_scale != "static":
            self.rewrite_dynamic(rewriter, node, row)
        else:
            self.rewrite_static(rewriter, node, row)

    def weight_scale(self, rewriter: Rewriter, node: Node) -> str | None:
        """The tensor of a weight's scale, one for all layers that share the weight."""
        scale, weight = self.scales[node.name, "weight"], node.tensors["weight"]
        if scale is None:
            return None
        key = (weight, str(tuple(scale.shape)))
        if key not in self.held:
            role = "parameter" if node.name in self.learned else "buffer"
            name = tensor_name(rewriter.graph, node.name, "weight_scale")
            self.held[key] = rewriter.graph.add_tensor(name, scale, role)
        return self.held[key]

    def tensors(self, rewriter: Rewriter, node: Node) -> dict[str, object]:
        """Weight, bias and the weight's scale."""
        scale = self.weight_scale(rewriter, node)
        return {**node.tensors, **({} if scale is None else {"weight_scale": scale})}

    def attributes(self, node: Node, row: Format) -> dict[str, Attribute]:
        """What a layer over codes has beside the attributes of the float row."""
        gradient: dict[str, Attribute] = {"step_gradient": "lsq"} if node.name in self.learned else {}
        return {**node.attributes, "weight_format": row.name, **gradient}

    def encode(self, rewriter: Rewriter, node: Node, row: Format) -> None:
        """A layer that computes on numbers and keeps its weight in a format."""
        for index in range(len(rewriter.graph.operands(node))):
            rewriter.read_numbers(node, index)
        op, tensors = f"encoded_{node.op}", self.tensors(rewriter, node)
        known = rewriter.graph.ops[op].known
        held = {key: value for key, value in self.attributes(node, row).items() if key in known}
        rewriter.graph.replace(node, op, tensors=tensors, **held)

    # --- static scales ------------------------------------------------------------------------------------------------

    def rewrite_static(self, rewriter: Rewriter, node: Node, row: Format) -> None:
        """A layer over codes that gives codes, or where nobody reads those, accumulators that are turned to numbers."""
        source = rewriter.read_codes(node)
        tensors = {**self.tensors(rewriter, node), **source.roles("input")}
        self.make_room(rewriter, node, row, source)
        if not rewriter.wants_codes(Value(node.name)):
            self.rewrite_last(rewriter, node, row, source)
            return
        grid, bounds, clamp = output_of(rewriter, node)
        chosen = {**self.attributes(node, row), **bounds}
        made = rewriter.become(node, f"quantized_{node.op}", grid, tensors, **chosen)
        finish(rewriter, made, clamp)

    def make_room(self, rewriter: Rewriter, node: Node, row: Format, source: Grid) -> None:
        """Raise the weight's scale where the bias would not fit into the accumulator, in the units that it gives."""
        name, bias = self.weight_scale(rewriter, node), node.tensors.get("bias")
        if name is None or bias is None or is_whole(row):
            return
        scale = rewriter.graph.tensor(name)
        raised = room_for_bias(scale, rewriter.graph.tensor(bias), source.scale, row.unit)
        if torch.equal(raised, scale):
            return
        rewriter.graph.set_tensor(name, raised)
        message = f"{node.name}: its bias needs a larger weight scale in {int((raised > scale).sum())} channels"
        rewriter.context.log(f"{message}, whose weights are next to nothing beside it")

    def rewrite_last(self, rewriter: Rewriter, node: Node, row: Format, source: Grid) -> None:
        """Accumulators, and the numbers that they stand for."""
        tensors = {**self.tensors(rewriter, node), **source.roles("input")}
        made = self.accumulating(rewriter, node, row, tensors)
        scale: str | torch.Tensor = source.scale_name
        if row.unit != 1.0:
            scale = torch.tensor(source.scale / row.unit, dtype=rewriter.dtype)
        self.dequantize_all(rewriter, made, node, {"scale": scale})

    def accumulating(self, rewriter: Rewriter, node: Node, row: Format, tensors: dict[str, object]) -> Node:
        """The layer over codes whose outputs are its accumulators."""
        chosen = {**self.attributes(node, row), "output_format": ACCUMULATOR, "requantize": "none"}
        return rewriter.graph.replace(node, f"quantized_{node.op}", tensors=tensors, **chosen)

    def dequantize_all(
        self, rewriter: Rewriter, made: Node, node: Node, tensors: dict[str, str | torch.Tensor]
    ) -> Value:
        """The numbers of accumulators, for all who read the layer."""
        graph, readers = rewriter.graph, rewriter.graph.consumers(made)
        scale = made.tensors["weight_scale"]
        held = self.with_buffers(rewriter, made, tensors)
        real = rewriter.dequantized(Value(made.name), {**held, "weight_scale": scale}, axis=channel_axis(node))
        for reader, operand in readers:
            graph.rewire(reader, operand, real)
        return real

    def with_buffers(
        self, rewriter: Rewriter, made: Node, tensors: dict[str, str | torch.Tensor]
    ) -> dict[str, str | torch.Tensor]:
        """New tensors as buffers of the graph, because a scale is not trained unless somebody asks for it."""
        return {
            role: item if isinstance(item, str) else rewriter.graph.add_tensor(
                tensor_name(rewriter.graph, made.name, "output_scale"), item, "buffer")
            for role, item in tensors.items()
        }  # fmt: skip

    # --- scales found at run time -------------------------------------------------------------------------------------

    def rewrite_dynamic(self, rewriter: Rewriter, node: Node, row: Format) -> None:
        """Quantize with the largest magnitude of each token, sample or tensor; the bias is added to the numbers."""
        graph, step = rewriter.graph, rewriter.step
        rewriter.read_numbers(node)
        name = rewriter.fresh(f"{node.name}.quantize")
        codes = graph.add("quantize", [graph.operand(node)], name=name, format=step.activations_of(node.name),
                          granularity=self.granularity(rewriter, node), origin=Origin(nodes=(node.name,)))  # fmt: skip
        one = graph.add_tensor(
            tensor_name(graph, node.name, "unit_scale"), torch.ones((), dtype=rewriter.dtype) / row.unit, "buffer"
        )
        graph.rewire(node, 0, codes)
        held = self.held_bias(rewriter, node)
        tensors = {**self.tensors(rewriter, node), "input_scale": one}
        tensors.pop("bias", None)
        made = self.accumulating(rewriter, node, row, tensors)
        scales = {"weight_scale": made.tensors["weight_scale"], **({} if row.unit == 1.0 else {"scale": one})}
        self.add_dynamic(rewriter, node, [Value(made.name), Value(name, 1)], scales, held)

    def granularity(self, rewriter: Rewriter, node: Node) -> str:
        """What shares a scale that is found at run time; a convolution mixes places, so its tokens share one."""
        if rewriter.step.activation_scale != "token" or not SPATIAL[node.op]:
            return rewriter.step.activation_scale
        rewriter.context.log(f"{node.name} reads several tokens at once, so they share a scale by sample")
        return "sample"

    def held_bias(self, rewriter: Rewriter, node: Node) -> Value | None:
        """The bias of a layer as a value of its own, which keeps its tensor in the graph."""
        bias = node.tensors.get("bias")
        if bias is None:
            return None
        along = {"value": shaped(rewriter, node, bias)}
        return rewriter.graph.add("tensor", [], name=rewriter.fresh(f"{node.name}.bias"), tensors=along)

    def add_dynamic(
        self, rewriter: Rewriter, node: Node, operands: list[Value], scales: dict[str, str], bias: Value | None
    ) -> None:
        """The numbers: accumulators times the scale of the operand and that of the weight's integers, and the bias."""
        graph, readers = rewriter.graph, rewriter.graph.consumers(operands[0])
        name = rewriter.fresh(f"{node.name}.dequantize")
        real = graph.add("dequantize", operands, name=name, axis=channel_axis(node), tensors=scales,
                         origin=Origin(nodes=(node.name,)))  # fmt: skip
        if bias is not None:
            real = graph.add("add", [real, bias], name=rewriter.fresh(f"{node.name}.biased"))
        for reader, operand in readers:
            graph.rewire(reader, operand, real)


def shaped(rewriter: Rewriter, node: Node, bias: str) -> str:
    """The tensor of a bias that adds along the channels of a layer's output."""
    axes = SPATIAL[node.op]
    if not axes:
        return bias
    value = rewriter.graph.tensor(bias).reshape(-1, *(1,) * axes)
    return rewriter.graph.add_tensor(tensor_name(rewriter.graph, node.name, "channel_bias"), value)


def channel_axis(node: Node) -> int:
    """Where the output channels of a layer are, counted from the end."""
    return -1 - SPATIAL[node.op]

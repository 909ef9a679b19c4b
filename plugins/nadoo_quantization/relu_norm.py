"""Networks without activation scales: integer layers, and between them a relu that shifts until everything fits a byte.

The scale of a layer's outputs is lost at every relu, which costs nothing where only the largest logit counts and no
layer further on adds a bias; ahead of a bias the shift is fixed by examples, and the scale is kept. Such a network is
made before it is trained: weights learn what the shifts do.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.passes import Context
from nadoo_core.quantizing import Codes, Range, Walk, scale_and_zero_point
from nadoo_graphs.formats import Format
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, OUTPUT, Node, Origin
from nadoo_graphs.ops.op import Codes as CodeUse
from nadoo_graphs.tensors import torch_dtype
from nadoo_graphs.values import Value
from nadoo_quantization.asking import asked
from nadoo_quantization.calibration import calibration_inputs, no_data
from nadoo_quantization.names import tensor_name
from nadoo_quantization.weights import rule_of, scale_of

if TYPE_CHECKING:
    from nadoo_quantization.quantize import Quantize

BYTE = Codes(-127, 127, symmetric=True)
LOGITS = 3.0
"""The standard deviation of logits that a training begins with: neither sure of everything nor of nothing."""
TYPICAL_CODE = 45.0
"""The root mean square of codes behind a relu that fills a byte."""
ACCUMULATOR = "int32"


def rewrite_relu_norm(step: "Quantize", graph: ModelGraph, context: Context, layers: Mapping[str, Format]) -> None:
    """Make a network of integer layers and shifting relus, with logits at its end."""
    before = graph.copy()
    problems = [*unfit(graph, layers)]
    if problems:
        raise PassError(problems, f"step {context.step!r} cannot make a network of relu-norms:")
    inputs = calibration_inputs(graph, context, step.samples)
    with asked(context):
        rules = {name: rule_of(step, context, name) for name in layers}
        scales = {
            name: scale_of(graph.tensor(graph[name].tensors["weight"]), row, rules[name], "tensor")
            for name, row in layers.items()
        }
    made = ReluNormRewriter(graph, layers, scales, input_span(step, context, inputs))
    learned = frozenset(name for name, rule in rules.items() if rule.learns)
    made.rewrite(learned)
    if inputs is not None:
        made.fix_scales(before, inputs)
        made.set_logit_scales(inputs)


def input_span(step: "Quantize", context: Context, inputs: torch.Tensor | None) -> Range:
    """The range of the input: as it was said, or as the calibration data have it."""
    if step.input_range is not None:
        return Range.holding_zero(*step.input_range)
    if inputs is None:
        raise no_data(context, "the range of the input (or give input_range, such as [0, 1])")
    return Range.holding_zero(float(inputs.min()), float(inputs.max()))


def unfit(graph: ModelGraph, layers: Mapping[str, Format]) -> list[Problem]:
    """Every node that such a network cannot have, and every layer that would read raw accumulators."""
    found: list[Problem] = []
    for node in graph.nodes():
        if node.name in layers or node.op in {INPUT, OUTPUT, "relu"}:
            continue
        if graph.ops[node.op].codes is not CodeUse.KEPT:
            message = "has no place between integer layers and relus; take it out, or use activations = 'int8'"
            found.append(Problem(CoreCode.NEED, f"node {node.name!r} ({node.op})", message))
    for name in layers:
        source = behind_moves(graph, name)
        if source in layers:
            message = f"reads {source!r} without a relu between them; put one there, or merge the layers"
            found.append(Problem(CoreCode.NEED, f"layer {name!r}", message))
    return found


def behind_moves(graph: ModelGraph, name: str) -> str:
    """The node that computes what a layer reads."""
    node = graph.producer(name)
    while node.op not in {INPUT, OUTPUT} and graph.ops[node.op].codes is CodeUse.KEPT and graph.operands(node):
        node = graph.producer(node)
    return node.name


class ReluNormRewriter:
    """Rewrites one graph in order."""

    def __init__(
        self, graph: ModelGraph, layers: Mapping[str, Format], scales: Mapping[str, torch.Tensor], span: Range
    ) -> None:
        self.graph = graph
        self.layers = layers
        self.scales = scales
        self.dtype = torch_dtype(graph.inputs[0].type.dtype)
        scale, _ = scale_and_zero_point(span, BYTE)
        self.input_scale = torch.tensor(scale, dtype=self.dtype)
        self.unit = ""
        self.bias_units: dict[str, str] = {}
        self.logits: list[str] = []

    def rewrite(self, learned: frozenset[str]) -> None:
        """Every node; what only moves is set anew, so that its type follows."""
        order = self.graph.order()
        with self.graph.edit():
            entry = self.quantize_input()
            self.unit = self.graph.add_tensor(
                tensor_name(self.graph, self.graph.inputs[0].name, "unit_scale"),
                torch.ones((), dtype=self.dtype),
                "buffer",
            )
            for name in order:
                self.rewrite_node(self.graph[name], entry, learned)
        if not self.graph.tensor_users(self.unit):
            self.graph.remove_tensor(self.unit)

    def quantize_input(self) -> str:
        """Codes in the place of the input; give the tensor of their scale."""
        source = self.graph.inputs[0]
        scale = self.graph.add_tensor(
            tensor_name(self.graph, f"{source.name}.quantize", "scale"), self.input_scale, "buffer"
        )
        readers = self.graph.consumers(source)
        made = self.graph.add("quantize", [source], name=f"{source.name}.quantize", tensors={"scale": scale},
                              format="int8", origin=Origin(nodes=(source.name,)))  # fmt: skip
        for reader, operand in readers:
            self.graph.rewire(reader, operand, made)
        return scale

    def rewrite_node(self, node: Node, entry: str, learned: frozenset[str]) -> None:
        """A layer, a relu, or a node that moves codes."""
        if node.op in {INPUT, OUTPUT}:
            return
        if node.name in self.layers:
            first = self.graph[behind_moves(self.graph, node.name)].op == "quantize"
            self.rewrite_layer(node, entry if first else self.unit_of(node), learned)
        elif node.op == "relu":
            self.graph.replace(node, "relu_norm", format="int8", dtype=self.graph.inputs[0].type.dtype)
        else:
            self.graph.replace(node, node.op, tensors=dict(node.tensors), **node.attributes)

    def unit_of(self, node: Node) -> str:
        """What a code counts for where a relu-norm gave it: 1, unless a layer has a bias to add to its sums."""
        if "bias" not in node.tensors:
            return self.unit
        name = tensor_name(self.graph, node.name, "input_scale")
        self.bias_units[node.name] = self.graph.add_tensor(name, torch.ones((), dtype=self.dtype), "buffer")
        return self.bias_units[node.name]

    def rewrite_layer(self, node: Node, scale: str, learned: frozenset[str]) -> None:
        """A layer that gives accumulators; where nobody normalizes them, they become logits."""
        role = "parameter" if node.name in learned else "buffer"
        held = self.graph.add_tensor(tensor_name(self.graph, node.name, "weight_scale"), self.scales[node.name], role)
        tensors = {**node.tensors, "weight_scale": held, "input_scale": scale}
        gradient = {"step_gradient": "lsq"} if node.name in learned else {}
        made = self.graph.replace(
            node, f"quantized_{node.op}", tensors=tensors,
            **{**node.attributes, **gradient, "weight_format": self.layers[node.name].name,
               "output_format": ACCUMULATOR, "requantize": "none"},
        )  # fmt: skip
        if not self.reaches_relu(Value(made.name)):
            self.add_logits(made)

    def reaches_relu(self, value: Value) -> bool:
        """Whether a relu reads a value, directly or after it was moved."""
        return any(
            reader.op == "relu" or (reader.op != OUTPUT and self.reaches_relu(Value(reader.name)))
            for reader, _ in self.graph.consumers(value)
        )

    def add_logits(self, layer: Node) -> None:
        """Numbers again, by a scale that is trained with the rest."""
        row, weight = self.layers[layer.name], self.graph.tensor(layer.tensors["weight"])
        steps = self.scales[layer.name].double()
        integers = row.integers(
            row.encode(weight, steps, where=layer.tensors["weight"], allow_degenerate=True)
        ).double()
        deviation = float(integers.square().mean().sqrt()) * weight[0].numel() ** 0.5 * TYPICAL_CODE
        scale = torch.tensor(LOGITS / max(deviation, 1.0), dtype=self.dtype)
        name = self.graph.add_tensor(tensor_name(self.graph, f"{layer.name}.logits", "scale"), scale, "parameter")
        readers = self.graph.consumers(layer)
        made = self.graph.add("dequantize", [layer], name=f"{layer.name}.logits", tensors={"scale": name},
                              origin=Origin(nodes=(layer.name,)))  # fmt: skip
        self.logits.append(layer.name)
        for reader, operand in readers:
            self.graph.rewire(reader, operand, made)

    def fix_scales(self, before: ModelGraph, inputs: torch.Tensor) -> None:
        """Shifts that stay ahead of every bias, and what a code then counts for, both on examples.

        A shift that followed each sample would change what the codes of that sample count for, but not the bias that is
        added to them; and so a bias stays the number that it was, and learns as one.
        """
        numbers, codes = Walk(before, inputs), Walk(self.graph, inputs)
        fixed = ahead_of(self.graph, self.bias_units)
        for name in self.graph.order():
            node = self.graph[name]
            if node.op == "relu_norm" and name in fixed:
                codes.run_until_before(name)
                self.fix_shift(node, codes.operands(node)[0])
            elif name in self.bias_units:
                for walk in (numbers, codes):
                    walk.run_until_before(name)
                ratio = codes_of_one(numbers.operands(before[name])[0], codes.operands(node)[0])
                self.graph.set_tensor(self.bias_units[name], torch.tensor(1 / ratio, dtype=self.dtype))

    def fix_shift(self, node: Node, sums: torch.Tensor) -> None:
        """The shift at which the largest of these sums just fits, for all that come."""
        most = int(self.graph.formats[str(node.attributes["format"])].maximum).bit_length()
        shift = max(int(sums.max()).bit_length() - most, 0) if float(sums.max()) > 0 else 0
        self.graph.replace(node, "relu_norm", **{**node.attributes, "shift": shift})

    def set_logit_scales(self, inputs: torch.Tensor) -> None:
        """The scales at which the logits of calibration examples have their wanted deviation."""
        walk = Walk(self.graph, inputs)
        for layer in self.logits:
            walk.run_until_before(layer)
            walk.step()
            deviation = float(walk.value(Value(layer)).double().std()) if len(inputs) > 1 else 0.0
            if deviation > 0:
                scale = torch.tensor(LOGITS / deviation, dtype=self.dtype)
                self.graph.set_tensor(self.graph[f"{layer}.logits"].tensors["scale"], scale)


def ahead_of(graph: ModelGraph, names: Iterable[str]) -> set[str]:
    """The nodes by which others are computed."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        new = {value.node for value in graph.operands(graph[waiting.pop()])} - found
        found |= new
        waiting += new
    return found


def codes_of_one(numbers: torch.Tensor, codes: torch.Tensor) -> float:
    """How many codes a number of 1 is, by least squares; 1 where all are zero."""
    size, product = (float((numbers.double() * other.double()).sum()) for other in (numbers, codes))
    return product / size if product > 0 else 1.0

"""One application of `quantize`: what is checked before, the order of the parts, what is said afterwards."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from attrs import evolve

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.passes import Context
from nadoo_core.quantizing import Range, make_estimator
from nadoo_graphs.errors import GraphError
from nadoo_graphs.formats import Format
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.values import Value
from nadoo_quantization.asking import asked
from nadoo_quantization.calibration import calibration_inputs, drop_ranges, kept_ranges, measured_ranges, no_data
from nadoo_quantization.grids import activation_format, codes_of
from nadoo_quantization.handlers import all_handlers
from nadoo_quantization.layers import LayerRewriter
from nadoo_quantization.quantize import NONE, RELU_NORM
from nadoo_quantization.reconstruct import Pair
from nadoo_quantization.recurrent import CELLS, RecurrentRewriter, complaint
from nadoo_quantization.rewriter import Rewriter
from nadoo_quantization.weights import norm_problems, shared_problems, weight_problems, weight_scales

if TYPE_CHECKING:
    from nadoo_quantization.quantize import Quantize

CARRIERS = ("float32", "float64")


class Quantizing:
    """Quantizes one graph in place."""

    def __init__(self, step: "Quantize", graph: ModelGraph, context: Context) -> None:
        self.step = step
        self.graph = graph
        self.context = context

    def run(self) -> None:
        """All of it; nothing is changed before everything has been checked."""
        layers = self.chosen_layers()
        self.refuse(list(self.problems(layers)))
        if self.step.equalize:
            from nadoo_quantization.equalize import equalize

            self.context.log(f"equalized {equalize(self.graph)} pairs of layers")
        ranges = kept_ranges(self.graph, self.context)
        drop_ranges(self.graph)
        before = self.graph.copy()
        if self.step.relu_norm:
            from nadoo_quantization.relu_norm import rewrite_relu_norm

            rewrite_relu_norm(self.step, self.graph, self.context, layers)
        else:
            self.quantize(before, layers, ranges)
        self.report(before, layers)

    def quantize(self, before: ModelGraph, layers: Mapping[str, Format], kept: dict[Value, Range]) -> None:
        """Scales for weights, grids for values, then rounding by the data."""
        step, context = self.step, self.context
        inputs = self.calibration_inputs()
        with asked(context):
            weights = weight_scales(self.graph, step, context, layers)
            ranges = self.ranges(before, kept, inputs)
        learned = frozenset(name for name, rule in weights.rules.items() if rule.learns)
        handlers = {
            **all_handlers(),
            **dict.fromkeys(LAYER_OPS, LayerRewriter(weights.scales, learned).handler()),
            **dict.fromkeys(CELLS, RecurrentRewriter(weights.scales).handler()),
        }
        with asked(context):
            Rewriter(self.graph, step, context, layers, ranges, handlers).rewrite()
            self.say_what_stays(before, layers)
            if inputs is not None:
                Pair(before, self.graph, step, layers).run(inputs, context)
            elif step.rounding == "adaptive":
                raise no_data(context, "rounding = 'adaptive'")

    def calibration_inputs(self) -> torch.Tensor | None:
        """Calibration examples; a graph of several inputs has none, and needs them for static scales only."""
        if not self.step.calibrates and len(self.graph.inputs) != 1:
            self.context.log("the graph has several inputs, so weights are rounded without calibration data")
            return None
        return calibration_inputs(self.graph, self.context, self.step.samples)

    def ranges(self, before: ModelGraph, kept: dict[Value, Range], inputs: torch.Tensor | None) -> dict[Value, Range]:
        """The ranges of all values: kept from a calibration, or measured now; none are needed for weights alone."""
        step = self.step
        if not step.calibrates:
            return {}
        if not kept and inputs is None:
            raise no_data(self.context, "the range of activations")
        if not kept and inputs is not None:
            estimator = make_estimator(step.ranges, step.range_options)
            codes = codes_of(before.formats[step.activations_of("")], symmetric=step.symmetric)
            kept = measured_ranges(before, inputs, estimator, codes, self.context.progress)
        if step.input_range is not None:
            kept |= {Value(node.name): Range.holding_zero(*step.input_range) for node in before.inputs}
        return kept

    # --- before -------------------------------------------------------------------------------------------------------

    def refuse(self, problems: list[Problem]) -> None:
        """Stop with everything that is wrong."""
        if problems:
            raise PassError(problems, f"step {self.context.step!r} cannot quantize {self.graph.name!r}:")

    def chosen_layers(self) -> dict[str, Format]:
        """The layers whose weights are quantized, with their formats, in order."""
        step, problems, found = self.step, list[Problem](), dict[str, Format]()
        for node in step.where.matches(self.graph):
            if node.op not in (*LAYER_OPS, *CELLS):
                self.context.refuse(node, f"{node.op!r} has no row with quantized weights")
                continue
            try:
                found[node.name] = self.graph.formats[step.weights_of(node)]
            except GraphError as error:
                problems += error.problems
                continue
            reason = self.stays(node, found[node.name])
            if reason is not None:
                del found[node.name]
                self.context.refuse(node, reason)
        names = list(found)
        for place, chosen in ((0, step.first), (-1, step.last)):
            if chosen is not None and names:
                try:
                    found[names[place]] = self.graph.formats[chosen]
                except GraphError as error:
                    problems += error.problems
        self.refuse(list(dict.fromkeys(problems)))
        return found

    def stays(self, node: Node, row: Format) -> str | None:
        """Why a recurrent layer keeps its floating-point weights; other layers have a row for everything."""
        if node.op not in CELLS:
            return None
        integers = self.step.activation_scale == "static" and not (self.step.only_weights or self.step.relu_norm)
        return complaint(node, row, integers=integers)

    def problems(self, layers: Mapping[str, Format]) -> list[Problem]:
        """Everything that keeps the graph from being quantized as asked."""
        found = [*norm_problems(self.graph, layers), *shared_problems(self.graph, layers)]
        found += weight_problems(self.graph, layers, allow_degenerate=self.step.allow_degenerate)
        found += self.format_problems(layers)
        floating = {node.type.dtype for node in self.graph.inputs if node.outputs and node.type.is_floating}
        if not self.step.only_weights and floating - {*CARRIERS}:
            message = f"computes in {', '.join(sorted(floating))}, which does not hold codes exactly"
            found.append(Problem(CoreCode.NEED, f"graph {self.graph.name!r}", f"{message}; convert it to float32"))
        return found

    def format_problems(self, layers: Mapping[str, Format]) -> list[Problem]:
        """Formats that weights or activations cannot have."""
        found: list[Problem] = []
        for name, row in layers.items():
            if row.codec is None:
                message = f"has the format {row.name!r}, which encodes no numbers; give one that does, such as int8"
                found.append(Problem(CoreCode.OPTION, f"layer {name!r}", message))
        for glob, name in self.step.activations.entries.items():
            if name in {NONE, RELU_NORM}:
                continue
            try:
                activation_format(self.graph, name)
            except GraphError as error:
                found += [evolve(item, where=f"activations[{glob!r}], {item.where}") for item in error.problems]
        return found

    # --- afterwards ---------------------------------------------------------------------------------------------------

    def say_what_stays(self, before: ModelGraph, layers: Mapping[str, Format]) -> None:
        """Name the operators that have no integer definition, or lie where no codes come from."""
        if self.step.only_weights:
            return
        left = [node for node in self.graph.nodes() if stays_float(self.graph, before, node.name)]
        if left:
            names = ", ".join(f"{node.name} ({node.op})" for node in left)
            self.context.log(f"in floating point stay {names}")

    def report(self, before: ModelGraph, layers: Mapping[str, Format]) -> None:
        """The table by layer."""
        from nadoo_quantization.report import layer_table

        self.context.table("layers", layer_table(self.step, before, self.graph, layers, self.context))


LAYER_OPS = ("linear", "conv1d", "conv2d", "embedding")


def stays_float(graph: ModelGraph, before: ModelGraph, name: str) -> bool:
    """Whether a node that was there before still computes on numbers; constants compute nothing."""
    if name not in before or before[name].op == "output" or not before.operands(name):
        return False
    node = graph[name]
    return node.op == before[name].op and any(item.is_floating and item.format is None for item in node.outputs)


def only_layer(step: "Quantize", name: str) -> "Quantize":
    """The same step for one layer alone."""
    from nadoo_core.passes import Selector

    return evolve(step, where=Selector(name=name), report="weights", first=None, last=None)

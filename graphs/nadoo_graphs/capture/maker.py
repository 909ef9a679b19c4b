"""From an exported program to the finished graph: names, tensors, nodes, the contract and the report."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import torch
from attrs import evolve
from torch import nn

from nadoo_graphs.capture.drafts import finished, living
from nadoo_graphs.capture.exporting import Exported
from nadoo_graphs.capture.importers.importer import Importer, TensorName
from nadoo_graphs.capture.model_tensors import model_tensors, state_order
from nadoo_graphs.capture.torch_export import Example, SizeReader, tensor_leaves
from nadoo_graphs.capture.train_only import train_only
from nadoo_graphs.capture.translate import Source, Translator
from nadoo_graphs.contract import CaptureReport, Contract, InputContract, Structure
from nadoo_graphs.errors import CaptureError, Code, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import OUTPUT, Node
from nadoo_graphs.ops import OpTable
from nadoo_graphs.trees import structure_from, structure_of
from nadoo_graphs.values import Value


class GraphMaker:
    """From an exported program to the finished graph."""

    def __init__(self, model: nn.Module, exported: Exported, ops: OpTable, importers: Mapping[str, Importer]) -> None:
        self.model = model
        self.exported = exported
        self.program = exported.program
        self.ops = ops
        self.records, self.holders = model_tensors(model, self.program)
        types = {name: record.type for name, record in self.records.items()}
        self.sizes = SizeReader()
        self.translator = Translator(Source(model, types, self.holders, ops, importers), self.sizes)

    def make(self, name: str | None) -> ModelGraph:
        """Translate, leave out what is dead, give names, and fill the graph."""
        self.name_symbols()
        inputs = self.translate()
        values = self.output_values()
        alive = living(self.translator.drafts, values)
        graph = ModelGraph(name or type(self.model).__name__, self.ops)
        self.fill(graph, alive, values)
        graph.contract = self.contract(graph, inputs)
        graph.verify()
        return graph

    def name_symbols(self) -> None:
        """Call torch's symbols as the user, or the convention, calls the axes."""
        axes = self.exported.example.axes
        taken: set[str] = set()
        for node in self.program.graph.nodes:
            if node.op != "placeholder" or not isinstance(node.meta.get("val"), torch.Tensor):
                continue
            for axis, size in enumerate(node.meta["val"].shape):
                if (
                    isinstance(size, torch.SymInt)
                    and size.node.expr.is_Symbol
                    and size.node.expr not in self.sizes.known
                ):
                    wanted = axes.get(node.name, {}).get(axis, f"{node.name}_{axis}")
                    chosen = wanted if wanted not in taken else f"{node.name}_{axis}"
                    taken.add(chosen)
                    self.sizes.name(size.node.expr, chosen)

    def translate(self) -> list[str]:
        """Draft every call; give the names of the inputs."""
        signature = self.program.graph_signature
        tensors = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        inputs: list[str] = []
        for node in self.program.graph.nodes:
            if node.op == "placeholder" and node.name in tensors:
                self.translator.results[node] = TensorName(tensors[node.name])
            elif node.op == "placeholder" and isinstance(node.meta.get("val"), torch.Tensor):
                inputs.append(node.name)
                self.translator.add_input(node, node.name)
            elif node.op == "placeholder":
                self.translator.results[node] = node.meta.get("val")
            elif node.op == "call_function":
                self.translator.translate(node)
        return inputs

    def output_values(self) -> list[Value]:
        """The values that the model returns; writes to buffers become nodes on the way."""
        output = next(node for node in self.program.graph.nodes if node.op == "output")
        specs = self.program.graph_signature.output_specs
        values: list[Value] = []
        for spec, item in zip(specs, output.args[0], strict=True):
            if spec.kind.name == "BUFFER_MUTATION":
                self.translator.add_write(spec.target, item)
            elif spec.kind.name == "USER_OUTPUT" and isinstance(item, torch.fx.Node):
                values.append(self.returned(self.translator.results[item]))
        return values

    def returned(self, result: Any) -> Value:
        """A returned value; a size is no tensor and cannot be one of the graph's outputs."""
        if isinstance(result, Value | TensorName):
            return self.translator.as_value(result)
        message = f"the model returns the number {result}, not a tensor; return torch.tensor(…) or leave it out"
        raise CaptureError(Problem(Code.CAPTURE, "output", message))

    def fill(self, graph: ModelGraph, alive: set[int], values: Sequence[Value]) -> None:
        """Put tensors and nodes into the graph; inference has already agreed with torch."""
        nodes = finished(self.translator.drafts, alive)
        given = dict(zip(sorted(alive), (node.name for node, _ in nodes), strict=True))
        output = next(name for name in output_names() if name not in given.values())
        returned = tuple(Value(given[int(value.node)], value.output) for value in values)
        order = state_order(self.model, self.holders)
        tensors = {name: self.records.get(name, self.holders[name]) for name in order}
        graph.assemble(tensors, [*nodes, (Node(output, OUTPUT), returned)])

    def contract(self, graph: ModelGraph, inputs: Sequence[str]) -> Contract:
        """The border: names, types, ranges and examples of the inputs, nesting, symbols, and the report."""
        example = self.exported.example
        leaves = iter(tensor_leaves(example.bound(self.model)).values())
        translator = self.translator
        report = CaptureReport(
            train_only(self.model, frozenset(translator.kept_attention)),
            tuple(sorted(set(translator.opaque))),
            self.exported.notes,
            self.exported.fallback,
        )
        return Contract(
            inputs=tuple(input_contract(graph[name], next(leaves)) for name in inputs),
            outputs=tuple(str(value) for value in graph.outputs),
            arguments=argument_structure(self.model, example),
            keywords=structure_of(dict(example.keywords)),
            results=self.result_structure(),
            symbols={
                str(size): (1, None) for node in graph.inputs for size in node.type.shape if not isinstance(size, int)
            },
            report=report,
        )

    def result_structure(self) -> Structure:
        """How the model nests what it returns."""
        specs = self.program.graph_signature.output_specs
        user = [spec.arg for spec in specs if spec.kind.name == "USER_OUTPUT"]
        placeholder = torch.empty(0)
        leaves = [placeholder if type(item).__name__ == "TensorArgument" else item.value for item in user]
        return structure_from(self.program.call_spec.out_spec, iter(leaves))


def output_names() -> Iterator[str]:
    """Names for the output node, of which a part of the model may have the first."""
    yield OUTPUT
    yield from (f"{OUTPUT}_{index}" for index in count(1))


def argument_structure(model: nn.Module, example: Example) -> Structure:
    """How positional arguments nest, with the names that the model's signature gives them."""
    structure = structure_of(example.arguments)
    parameters = list(inspect.signature(model.forward).parameters.values())
    plain = [item.name for item in parameters if item.kind in {item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD}]
    rest = [f"argument_{index}" for index in range(len(plain), len(example.arguments))]
    return evolve(structure, keys=tuple([*plain, *rest][: len(example.arguments)]))


def input_contract(node: Node, example: torch.Tensor) -> InputContract:
    """One input with the range of its example, which is copied so that nobody can change it."""
    kept = example.detach().cpu().clone()
    if not kept.numel() or kept.is_complex():
        return InputContract(node.name, node.type, example=kept)
    return InputContract(node.name, node.type, float(kept.min()), float(kept.max()), kept)

"""capture: any module that torch can export becomes a graph, with nothing lost that the graph could keep."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import torch
from attrs import evolve, frozen
from torch import nn

from nadoo_graphs.capture.drafts import finished, living
from nadoo_graphs.capture.functional import hazards, written
from nadoo_graphs.capture.importers.importer import Importer, TensorName
from nadoo_graphs.capture.importers.table import standard_importers
from nadoo_graphs.capture.torch_export import (
    Axes,
    Example,
    SizeReader,
    export,
    map_tensors,
    refusal,
    tensor_leaves,
)
from nadoo_graphs.capture.train_only import train_only
from nadoo_graphs.capture.translate import Source, Translator
from nadoo_graphs.contract import CaptureReport, Contract, InputContract, Structure
from nadoo_graphs.errors import CaptureError, Code, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import OUTPUT, Node
from nadoo_graphs.ops import OpTable, standard_ops
from nadoo_graphs.tensors import TensorRecord
from nadoo_graphs.torch_private import is_mutable
from nadoo_graphs.trees import structure_from, structure_of
from nadoo_graphs.values import Value
from nadoo_graphs.wiring import LAST_KEY

Dynamic: TypeAlias = Literal["batch"] | Mapping[str, Axes] | None
BATCH = "N"


def capture(
    model: nn.Module,
    example_inputs: Any,
    example_keywords: Mapping[str, Any] | None = None,
    *,
    dynamic: Dynamic = "batch",
    name: str | None = None,
    ops: OpTable | None = None,
    importers: Mapping[str, Importer] | None = None,
) -> ModelGraph:
    """The graph of a model, traced in evaluation with example inputs: a tensor, or a tuple of positional arguments.

    The first axis of all inputs that share it is the symbolic batch N, unless the model fixes it or `dynamic` says
    otherwise: None fixes every size, a mapping such as {"x": {0: "N", 1: "T"}} names the open axes of each input.
    """
    arguments = tuple(example_inputs) if isinstance(example_inputs, tuple | list) else (example_inputs,)
    example = prepare(model, Example(arguments, dict(example_keywords or {}), {}), dynamic)
    exported = export_with_fallback(model, example, fixed_allowed=dynamic == "batch")
    table = standard_importers() if importers is None else {**standard_importers(), **importers}
    return GraphMaker(model, exported, standard_ops() if ops is None else ops, table).make(name)


@frozen
class Exported:
    """torch's program, the example that it stands for, and what had to be done to get it."""

    program: Any
    example: Example
    notes: tuple[str, ...] = ()
    fallback: bool = False


def prepare(model: nn.Module, example: Example, dynamic: Dynamic) -> Example:
    """The example with the names of its open axes; a bad one is refused before torch sees it."""
    if not isinstance(model, nn.Module):
        message = f"a torch.nn.Module is expected, not {type(model).__name__}; wrap functions in a module"
        raise CaptureError(Problem(Code.CAPTURE, "model", message))
    try:
        leaves = tensor_leaves(example.bound(model))
    except TypeError as error:
        message = f"the example inputs do not fit {type(model).__name__}.forward: {error}"
        raise CaptureError(Problem(Code.CAPTURE, "example_inputs", message)) from error
    if dynamic is None:
        return example
    if dynamic == "batch":
        return evolve(example, axes=batch_axes(leaves))
    return evolve(example, axes=checked_axes(dynamic, leaves))


def batch_axes(leaves: Mapping[str, torch.Tensor]) -> dict[str, Axes]:
    """The first axis of every input that has the same first size as the first one."""
    ranked = {name: leaf for name, leaf in leaves.items() if leaf.ndim}
    size = next((leaf.shape[0] for leaf in ranked.values()), 0)
    return {name: {0: BATCH} for name, leaf in ranked.items() if leaf.shape[0] == size and size}


def checked_axes(dynamic: Mapping[str, Axes], leaves: Mapping[str, torch.Tensor]) -> dict[str, Axes]:
    """The axes that the user named, each of which must exist."""
    problems = [
        Problem(Code.NAME, f"dynamic[{name!r}]", f"no input has this name; inputs: {', '.join(leaves)}")
        for name in dynamic
        if name not in leaves
    ]
    for name, axes in dynamic.items():
        rank = leaves[name].ndim if name in leaves else 0
        wrong = [axis for axis in axes if name in leaves and not 0 <= axis < rank]
        problems.extend(
            Problem(Code.SHAPE, f"dynamic[{name!r}]", f"axis {axis} is not one of 0 to {rank - 1}")
            for axis in wrong
        )
    if problems:
        raise CaptureError(problems)
    return {name: dict(axes) for name, axes in dynamic.items()}


def widened(example: Example, model: nn.Module) -> Example:
    """The example with open axes of size one repeated, because torch would freeze them."""
    single = {
        (name, axis)
        for name, leaf in tensor_leaves(example.bound(model)).items()
        for axis in example.axes.get(name, {})
        if leaf.shape[axis] == 1
    }
    if not single:
        return example
    axes = {axis for _, axis in single}

    def repeat(leaf: torch.Tensor) -> torch.Tensor:
        grown = [2 if axis in axes and size == 1 else 1 for axis, size in enumerate(leaf.shape)]
        return leaf.repeat(grown) if leaf.ndim else leaf

    arguments = tuple(map_tensors(repeat, item) for item in example.arguments)
    return evolve(example, arguments=arguments, keywords=map_tensors(repeat, dict(example.keywords)))


def export_with_fallback(model: nn.Module, example: Example, *, fixed_allowed: bool) -> Exported:
    """The program with an open batch, else with fixed sizes, rewritten by torch where writes in place demand it."""
    notes: tuple[str, ...] = ()
    try:
        program = export(model, widened(example, model))
    except Exception as error:  # torch raises whatever the model and its own internals raise
        if not (fixed_allowed and example.axes):
            raise CaptureError(refusal(model, error)) from error
        program, notes = export_fixed(model, example)
    signature = program.graph_signature
    tensors = [
        *signature.inputs_to_parameters,
        *signature.inputs_to_buffers,
        *signature.inputs_to_lifted_tensor_constants,
    ]
    if not needs_rewriting(program, tensors):
        return Exported(program, example, (*notes, *input_writes(program, signature.user_inputs)))
    try:
        return Exported(program.run_decompositions({}), example, notes, fallback=True)
    except Exception as error:
        raise CaptureError(refusal(model, error)) from error


def export_fixed(model: nn.Module, example: Example) -> tuple[Any, tuple[str, ...]]:
    """The program with every size as in the example, and the remark that this is so."""
    fixed = evolve(example, axes={})
    try:
        program = export(model, fixed)
    except Exception as error:
        raise CaptureError(refusal(model, error)) from error
    sizes = sorted({leaf.shape[0] for leaf in tensor_leaves(example.bound(model)).values() if leaf.ndim})
    text = ", ".join(map(str, sizes))
    return program, (
        f"the batch is fixed ({text}): torch cannot keep it open for this model; name open axes with dynamic=",
    )


def needs_rewriting(program: Any, tensors: Sequence[str]) -> bool:
    """Whether writes in place, in the program or in a block inside it, cannot be read as functional calls."""
    bodies = [module for module in program.graph_module.modules() if isinstance(module, torch.fx.GraphModule)]
    inner = any(
        is_mutable(node.target)
        for body in bodies
        if body is not program.graph_module
        for node in body.graph.nodes
    )
    return inner or bool(hazards(program.graph, tensors))


def input_writes(program: Any, inputs: Sequence[str]) -> tuple[str, ...]:
    """A remark for each input that the model writes to and the graph does not."""
    return tuple(
        f"the model writes to its input {node.name!r} in place; the graph leaves its inputs alone"
        for node in program.graph.nodes
        if node.op == "placeholder"
        and node.name in inputs
        and any(node in written(user) for user in node.users)
    )


class GraphMaker:
    """From an exported program to the finished graph."""

    def __init__(
        self, model: nn.Module, exported: Exported, ops: OpTable, importers: Mapping[str, Importer]
    ) -> None:
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
        message = (
            f"the model returns the number {result}, not a tensor; return torch.tensor(…) or leave it out"
        )
        raise CaptureError(Problem(Code.CAPTURE, "output", message))

    def fill(self, graph: ModelGraph, alive: set[int], values: Sequence[Value]) -> None:
        """Put tensors and nodes into the graph, by its own primitives: inference has already agreed."""
        for name in state_order(self.model, self.records, self.holders):
            if self.holders[name] == name:
                graph._put_tensor(name, self.records[name])
            else:
                graph.tie_tensor(name, self.holders[name])
        nodes = finished(self.translator.drafts, alive)
        given = dict(zip(sorted(alive), (node.name for node, _ in nodes), strict=True))
        for node, _ in nodes:
            graph._put_node(node, graph._new_key())
        for node, operands in nodes:
            for index, value in enumerate(operands):
                graph._connect(value, node.name, index)
        output = graph._free_name(OUTPUT)
        graph._put_node(Node(output, OUTPUT), LAST_KEY)
        for index, value in enumerate(values):
            graph._connect(Value(given[int(value.node)], value.output), output, index)
        graph._dirty.clear()

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
                str(size): (1, None)
                for node in graph.inputs
                for size in node.type.shape
                if not isinstance(size, int)
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


def argument_structure(model: nn.Module, example: Example) -> Structure:
    """How positional arguments nest, with the names that the model's signature gives them."""
    import inspect

    structure = structure_of(example.arguments)
    parameters = list(inspect.signature(model.forward).parameters.values())
    plain = [
        item.name for item in parameters if item.kind in {item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD}
    ]
    rest = [f"argument_{index}" for index in range(len(plain), len(example.arguments))]
    return evolve(structure, keys=tuple([*plain, *rest][: len(example.arguments)]))


def input_contract(node: Node, example: torch.Tensor) -> InputContract:
    """One input with the range of its example, which is copied so that nobody can change it."""
    kept = example.detach().cpu().clone()
    if not kept.numel() or kept.is_complex():
        return InputContract(node.name, node.type, example=kept)
    return InputContract(node.name, node.type, float(kept.min()), float(kept.max()), kept)


def model_tensors(model: nn.Module, program: Any) -> tuple[dict[str, TensorRecord], dict[str, str]]:
    """Copies of all tensors of a model, tied ones once, and for every name the one that holds it."""
    records: dict[str, TensorRecord] = {}
    holders: dict[str, str] = {}
    seen: dict[int, str] = {}
    persistent = set(model.state_dict(keep_vars=True))
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, value in {**parameters, **dict(model.named_buffers(remove_duplicate=False))}.items():
        holders[name] = seen.setdefault(id(value), name)
        if holders[name] == name:
            role = "parameter" if name in parameters else "buffer"
            kept = value.detach().cpu().clone()
            records[name] = TensorRecord(
                kept, role, name in persistent, role == "parameter" and value.requires_grad
            )
    for name, value in program.constants.items():
        if isinstance(value, torch.Tensor) and name not in holders:
            holders[name] = name
            records[name] = TensorRecord(
                value.detach().cpu().clone(), "constant", persistent=False, trainable=False
            )
    return records, holders


def state_order(
    model: nn.Module, records: Mapping[str, TensorRecord], holders: Mapping[str, str]
) -> list[str]:
    """All names, first in the order of the model's state dict, then what that does not list; holders before names tied to them."""
    listed = [name for name in model.state_dict(keep_vars=True) if name in holders]
    return list(dict.fromkeys([*listed, *holders]))


__all__ = ["Dynamic", "capture"]

"""Running a graph before and after a pass on the same inputs, and how far the results lie apart."""

import math
from collections.abc import Callable, Mapping

import torch
from attrs import evolve, frozen
from torch import Tensor

from nadoo_core.passes.effects import Effect, Measured
from nadoo_graphs.contract import InputContract
from nadoo_graphs.errors import GraphError
from nadoo_graphs.execution.interpreter import Interpreter
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.precision import with_dtype
from nadoo_graphs.sizes import Symbolic, bind, symbols_of
from nadoo_graphs.tensors import dtype_name, torch_dtype
from nadoo_graphs.values import FLOATING

Inputs = Mapping[str, Tensor]
Rewrite = Callable[[ModelGraph], ModelGraph]
OPEN_SIZE = 2
"""What a symbolic size is in made inputs: not 1, which broadcasts where it should not."""


@frozen
class Reference:
    """What a graph gives for some inputs before a pass has touched it."""

    inputs: tuple[Inputs, ...]
    outputs: tuple[tuple[Tensor, ...], ...]


def compare_runs(effect: Effect, before: ModelGraph, after: ModelGraph, rewrite: Rewrite) -> Measured:
    """The errors of a pass: of its result, and where the effect asks for it of the pass on a float64 copy."""
    inputs = runnable_inputs(before)
    if not inputs:
        return Measured(unchecked="the graph cannot be run on its examples, nor on made inputs, before the pass either")
    error32 = largest_error(reference(before, inputs), after, whole_numbers=effect.double is None)
    if effect.double is None:
        return Measured(error32=error32)
    measured = Measured(error32=error32, rounding=coarseness(before))
    try:
        wide = with_dtype(before, "float64")
        expected = reference(wide, [widened(item) for item in inputs])
    except (GraphError, RuntimeError, NotImplementedError) as error:
        return evolve(measured, unchecked=f"the graph cannot be run in float64: {error}")
    return evolve(measured, error64=largest_error(expected, rewrite(wide)))


def coarseness(graph: ModelGraph) -> float:
    """How much coarser than float32 the least precise floating-point numbers of a graph are."""
    dtypes = {item.dtype for node in graph.nodes() for item in node.outputs if item.dtype in FLOATING}
    steps = [torch.finfo(torch_dtype(dtype)).eps for dtype in dtypes]
    return max([1.0, *(step / torch.finfo(torch.float32).eps for step in steps)])


def reference(graph: ModelGraph, inputs: "list[Inputs]") -> Reference:
    """The results of a graph for several inputs."""
    return Reference(tuple(inputs), tuple(run(graph, item) for item in inputs))


def run(graph: ModelGraph, inputs: Inputs) -> tuple[Tensor, ...]:
    """One run, with the same random numbers each time should an operator draw any."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return Interpreter(graph, []).compute([inputs[node.name] for node in graph.inputs])


def largest_error(expected: Reference, graph: ModelGraph, *, whole_numbers: bool = True) -> float:
    """The largest relative error over all inputs and outputs; whole numbers may be left out, as rounding tips them."""
    errors = [0.0]
    for inputs, results in zip(expected.inputs, expected.outputs, strict=True):
        for one, other in zip(results, run(graph, inputs), strict=True):
            if whole_numbers or one.is_floating_point() or one.is_complex():
                errors.append(relative_error(one, other))
    return max(errors)


def relative_error(expected: Tensor, actual: Tensor) -> float:
    """max|Δ| / max|expected|; infinite where shapes or non-finite values differ, absolute where zero is expected."""
    if expected.shape != actual.shape:
        return math.inf
    one, other = real_numbers(expected), real_numbers(actual)
    finite, infinite = torch.isfinite(one), torch.isinf(one)
    same_kinds = torch.equal(finite, torch.isfinite(other)) and torch.equal(torch.isnan(one), torch.isnan(other))
    if not same_kinds or not torch.equal(one[infinite], other[infinite]):
        return math.inf
    one, other = one[finite], other[finite]
    if not one.numel():
        return 0.0
    size = float(one.abs().max())
    return float((one - other).abs().max()) / (size or 1.0)


def real_numbers(value: Tensor) -> Tensor:
    """All numbers of a tensor in float64, complex ones as two."""
    return (torch.view_as_real(value) if value.is_complex() else value).double().reshape(-1)


# --- inputs -----------------------------------------------------------------------------------------------------------


def runnable_inputs(graph: ModelGraph) -> "list[Inputs]":
    """The contract's examples and made inputs, of both what the graph can be run on."""
    return [inputs for inputs in (examples(graph), made_inputs(graph)) if inputs is not None and runs(graph, inputs)]


def runs(graph: ModelGraph, inputs: Inputs) -> bool:
    """Whether a graph takes these inputs; made indices may be out of every range."""
    try:
        run(graph, inputs)
    except (GraphError, RuntimeError, IndexError, ValueError):
        return False
    return True


def examples(graph: ModelGraph) -> Inputs | None:
    """The example of every input, where the contract has them all."""
    found = {item.name: item.example for item in graph.contract.inputs}
    held = {node.name: found.get(node.name) for node in graph.inputs}
    return {name: item for name, item in held.items() if item is not None} if None not in held.values() else None


def made_inputs(graph: ModelGraph) -> Inputs:
    """Inputs drawn from the ranges that the contract knows, the same ones every time."""
    generator = torch.Generator().manual_seed(0)
    contracts = {item.name: item for item in graph.contract.inputs}
    sizes = symbol_values(graph)
    return {node.name: made_input(node, contracts.get(node.name), sizes, generator) for node in graph.inputs}


def symbol_values(graph: ModelGraph) -> dict[str, int]:
    """A small value for every symbol, within the contract's limits."""
    names = {
        name
        for node in graph.inputs
        for size in node.type.shape
        if isinstance(size, Symbolic)
        for name in symbols_of(size)
    }
    limits = graph.contract.symbols
    return {name: symbol_value(*limits.get(name, (1, None))) for name in sorted(names)}


def symbol_value(least: int, most: int | None) -> int:
    """A size that a symbol may have, two where it can."""
    return max(least, OPEN_SIZE if most is None else min(OPEN_SIZE, most))


def made_input(
    node: Node, contract: InputContract | None, sizes: Mapping[str, int], generator: torch.Generator
) -> Tensor:
    """One input, uniform in its range; without a range normal, and whole numbers 0 or 1."""
    shape = [int(bind(size, sizes)) for size in node.type.shape]
    lowest, highest = (None, None) if contract is None else (contract.minimum, contract.maximum)
    dtype = torch_dtype(node.type.dtype)
    if node.type.dtype in FLOATING and (lowest is None or highest is None or lowest == highest):
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    low, high = (0.0, 1.0) if lowest is None or highest is None else (lowest, highest)
    if node.type.dtype in FLOATING:
        drawn = torch.rand(shape, generator=generator, dtype=torch.float64)
        return (drawn * (high - low) + low).to(dtype)
    return torch.randint(int(low), int(high) + 1, shape, generator=generator).to(dtype)


def widened(inputs: Inputs) -> Inputs:
    """The same inputs in float64."""
    return {name: value.double() if is_float(value) else value for name, value in inputs.items()}


def is_float(value: Tensor) -> bool:
    """Whether a tensor holds real floating-point numbers."""
    return dtype_name(value.dtype) in FLOATING

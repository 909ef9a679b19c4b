"""What an exported model is verified on: samples of the data or drawn ones, and extremes that data rarely holds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from attrs import frozen

from nadoo_c.printing.model import Unit
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import Buffer, Kind
from nadoo_graphs.tensors import torch_dtype

Array = np.ndarray[Any, Any]
RANDOM_SAMPLES = 4
FLOAT_EXTREMES = 4.0


@frozen(eq=False)
class Vectors:
    """Inputs of a program, a row for each sample, and what the graph says of them where it was asked."""

    inputs: tuple[Array, ...]
    expected: tuple[Array, ...]
    """What the graph gives for the first samples; it has no say where programs are given what no graph is."""

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.inputs[0]) if self.inputs else 1


def vectors_for(graph: ModelGraph, unit: Unit, samples: Sequence[torch.Tensor], seed: int = 0) -> Vectors:
    """The data's samples with the graph's answers, then extremes in the program's own numbers."""
    given, expected = graph_values(graph, unit, samples)
    ranges = [range_of(graph, buffer) for buffer in unit.inputs]
    rows = zip(unit.inputs, ranges, strict=True)
    extremes = [extreme_rows(buffer, ends, seed + index) for index, (buffer, ends) in enumerate(rows)]
    inputs = tuple(np.concatenate([one, other]) for one, other in zip(given, extremes, strict=True))
    return Vectors(inputs, expected)


def drawn_samples(graph: ModelGraph, unit: Unit, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Random inputs, so that a program is compared with its graph where nobody gave data.

    None where an input holds indices, which a graph may refuse, or is no row a sample.
    """
    shapes = [node.type.shape for node in graph.inputs]
    whole = all(isinstance(size, int) for shape in shapes for size in shape[1:])
    rows = all(shape and shape[0] != 0 and (not isinstance(shape[0], int) or shape[0] == 1) for shape in shapes)
    numbers = all(buffer.kind is Kind.F32 or buffer.scale is not None for buffer in unit.inputs)
    if not (shapes and whole and rows and numbers):
        return ()
    random = np.random.default_rng(seed)
    pairs = zip(graph.inputs, unit.inputs, strict=True)
    return tuple(
        drawn(graph, node.type.shape[1:], buffer, random).to(torch_dtype(node.type.dtype)) for node, buffer in pairs
    )


def drawn(graph: ModelGraph, shape: Sequence[Any], buffer: Buffer, random: np.random.Generator) -> torch.Tensor:
    """Numbers that every code of an input stands for, or of a normal distribution where it has no codes."""
    size = (RANDOM_SAMPLES, *map(int, shape))
    if buffer.scale is None:
        return torch.from_numpy(random.standard_normal(size, np.float32))
    low, high = range_of(graph, buffer)
    codes = random.integers(int(low), int(high), size, endpoint=True)
    return torch.from_numpy(((codes - buffer.zero_point) * buffer.scale).astype(np.float32))


def extreme_rows(buffer: Buffer, ends_of: tuple[float, float], seed: int) -> Array:
    """The minimum, the maximum, zeros, alternating ends, and random numbers, each as a whole sample."""
    low, high = ends_of
    shape = (buffer.length,)
    random = np.random.default_rng(seed)
    if buffer.kind is Kind.F32:
        drawn = random.uniform(low, high, (RANDOM_SAMPLES, *shape))
    else:
        drawn = random.integers(int(low), int(high), (RANDOM_SAMPLES, *shape), endpoint=True)
    ends = np.where(np.arange(buffer.length) % 2, low, high)
    zero = min(max(0, low), high)
    rows = [np.full(shape, low), np.full(shape, high), np.full(shape, zero), ends, *drawn]
    return np.stack(rows).astype(buffer.kind.numpy)


def range_of(graph: ModelGraph, buffer: Buffer) -> tuple[float, float]:
    """The least and the largest number that an input may hold; indices stay small, since they are bounded anyway."""
    if buffer.kind is Kind.F32:
        return -FLOAT_EXTREMES, FLOAT_EXTREMES
    if buffer.format is not None:
        form = graph.formats[buffer.format]
        return form.minimum, form.maximum
    return (0, 127) if buffer.kind in (Kind.I32, Kind.I64) else buffer.kind.bounds


def graph_values(
    graph: ModelGraph, unit: Unit, samples: Sequence[torch.Tensor]
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """What the program is given and should give for samples of the data."""
    if not samples or not len(samples[0]):
        return tuple(np.zeros((0, buffer.length), buffer.kind.numpy) for buffer in unit.inputs), ()
    quantizers = [quantizer(graph, index, unit) for index in range(len(unit.inputs))]
    taken = [unwrapped(graph, index, unit) for index in range(len(unit.outputs))]
    runs = [run_once(graph, [each[place] for each in samples], quantizers, taken) for place in batches(graph, samples)]
    inputs = [laid([given[index] for given, _ in runs], buffer) for index, buffer in enumerate(unit.inputs)]
    outputs = [laid([taken[index] for _, taken in runs], buffer) for index, buffer in enumerate(unit.outputs)]
    return tuple(inputs), tuple(outputs)


def batches(graph: ModelGraph, samples: Sequence[torch.Tensor]) -> list[slice]:
    """All samples at once where the batch is the first axis and open, else one after the other.

    States of recurrent layers have the batch elsewhere; rows of several samples would be mixed.
    """
    count = len(samples[0])
    types = [*(node.type for node in graph.inputs), *map(graph.type, graph.outputs)]
    together = all(kind.shape and not isinstance(kind.shape[0], int) for kind in types)
    return [slice(0, count)] if together else [slice(place, place + 1) for place in range(count)]


def run_once(
    graph: ModelGraph,
    arguments: Sequence[torch.Tensor],
    quantizers: Sequence[str | None],
    unwrapped: Sequence[str | None],
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """One run of the graph: what the program is given, and what the graph gives."""
    from nadoo_graphs.execution.interpreter import Interpreter

    with torch.no_grad():
        interpreter = Interpreter(graph, [name.partition(":")[0] for name in (*quantizers, *unwrapped) if name])
        outputs = interpreter.compute(arguments)
    given = [interpreter.kept[name] if name else argument for name, argument in zip(quantizers, arguments, strict=True)]
    pairs = zip(unwrapped, outputs, strict=True)
    return given, [interpreter.kept[name] if name else output for name, output in pairs]


def quantizer(graph: ModelGraph, index: int, unit: Unit) -> str | None:
    """The node that gives an input its codes, where the program takes codes."""
    if unit.inputs[index].format is None:
        return None
    return graph.consumers(graph.inputs[index])[0][0].name


def unwrapped(graph: ModelGraph, index: int, unit: Unit) -> str | None:
    """The value whose codes an output is, where the program does not turn them into numbers."""
    value, buffer = graph.outputs[index], unit.outputs[index]
    node = graph[value.node]
    return str(graph.operand(node)) if buffer.format is not None and node.op == "dequantize" else None


def laid(parts: Sequence[torch.Tensor], buffer: Buffer) -> Array:
    """Values as rows in the buffer's own kind."""
    rows = [part.detach().reshape(-1, buffer.length).cpu().numpy() for part in parts]
    return np.concatenate(rows).astype(buffer.kind.numpy)

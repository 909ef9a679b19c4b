"""Calibration: the ranges that values have on calibration data, measured, and kept in the graph between two steps."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from attrs import evolve

from nadoo_core.errors import ContextError, CoreCode, PassError, Problem
from nadoo_core.passes import CALIBRATED, Context
from nadoo_core.quantizing import Codes, Range, RangeEstimator, Walk, examples_that_fit
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, OUTPUT, Node
from nadoo_graphs.ops.op import Codes as CodeUse
from nadoo_graphs.tensors import torch_dtype
from nadoo_graphs.values import Value
from nadoo_quantization.names import tensor_name

ROLE = "range"
PAIR = 2


def calibration_inputs(graph: ModelGraph, context: Context, samples: int) -> torch.Tensor | None:
    """The inputs of calibration examples, of training examples where there are none; None where the run has no data."""
    for role in ("calibration", "train"):
        try:
            found = context.data(role)
        except ContextError:
            continue
        if len(found):
            require_one_input(graph, context)
            return fitting(graph, found.inputs, samples)
    return None


def fitting(graph: ModelGraph, inputs: torch.Tensor, samples: int) -> torch.Tensor:
    """As many examples as are wanted, as can be held and as the graph takes at once, in its precision."""
    declared = graph.inputs[0].type
    batch = declared.shape[0] if declared.shape else None
    count = batch if isinstance(batch, int) else examples_that_fit(graph, samples)
    chosen = inputs[:count]
    return chosen.to(torch_dtype(declared.dtype)) if declared.is_floating and chosen.is_floating_point() else chosen


def require_one_input(graph: ModelGraph, context: Context) -> None:
    """Examples are one tensor, so that a model of several inputs cannot be run on them."""
    if len(graph.inputs) != 1:
        names = ", ".join(node.name for node in graph.inputs) or "none"
        message = f"the graph has the inputs {names}; calibration data are examples for exactly one input"
        message += "; quantize with activation_scale = 'tensor', or weights alone, which need none"
        raise PassError(Problem(CoreCode.DATA, f"step {context.step!r}", message))


def no_data(context: Context, wish: str) -> ContextError:
    """The refusal of what needs calibration data where there are none."""
    message = f"{wish} needs calibration data; add [data] with calibration = 256 to the recipe"
    return ContextError(Problem(CoreCode.CONTEXT, f"step {context.step!r}", message))


def measured_ranges(
    graph: ModelGraph,
    inputs: torch.Tensor,
    estimator: RangeEstimator,
    codes: Codes,
    progress: Callable[[int, int, str], None],
) -> dict[Value, Range]:
    """The range of every floating-point value that is computed, not merely moved; the graph runs once."""
    walk, found = Walk(graph, inputs), dict[Value, Range]()
    for node in graph.inputs:
        note_ranges(walk, node, estimator, codes, found)
    total = len(walk.waiting)
    while walk.waiting:
        node = walk.step()
        note_ranges(walk, node, estimator, codes, found)
        progress(total - len(walk.waiting), total, f"range of {node.name}")
    return found


def note_ranges(walk: Walk, node: Node, estimator: RangeEstimator, codes: Codes, found: dict[Value, Range]) -> None:
    """Estimate the ranges of a node's outputs that somebody reads."""
    if not is_measured(walk.graph, node):
        return
    for index, declared in enumerate(node.outputs):
        value = Value(node.name, index)
        if declared.is_floating and value in walk.interpreter.values:
            found[value] = estimate(estimator, walk.value(value), codes, value)


def estimate(estimator: RangeEstimator, values: torch.Tensor, codes: Codes, value: Value) -> Range:
    """The range of one value, by whose name it is refused where there is none."""
    try:
        return estimator.estimate(values, codes)
    except GraphError as error:
        raise type(error)([evolve(item, where=f"value {str(value)!r}") for item in error.problems]) from None


def is_measured(graph: ModelGraph, node: Node) -> bool:
    """Whether a node computes numbers; moved ones have the range that they had."""
    return node.op == INPUT or (node.op != OUTPUT and graph.ops[node.op].codes is not CodeUse.KEPT)


# --- ranges in the graph ----------------------------------------------------------------------------------------------


def keep_ranges(graph: ModelGraph, ranges: Mapping[Value, Range]) -> None:
    """Leave ranges in the graph, in place of older ones."""
    drop_ranges(graph)
    for value, span in ranges.items():
        role = f"{ROLE}{value.output or ''}"
        held = torch.tensor([span.low, span.high], dtype=torch.float64)
        graph.add_tensor(tensor_name(graph, value.node, role), held, "buffer")


def kept_ranges(graph: ModelGraph, context: Context) -> dict[Value, Range]:
    """The ranges that a step before this one left, unless the weights have changed since."""
    if CALIBRATED.name not in context.properties:
        return {}
    found: dict[Value, Range] = {}
    for node in graph.nodes():
        for index in range(len(node.outputs)):
            held = kept_range(graph, node.name, f"{ROLE}{index or ''}")
            if held is not None:
                found[Value(node.name, index)] = held
    return found


def kept_range(graph: ModelGraph, node: str, role: str) -> Range | None:
    """The range of one value."""
    for name in (f"{node}.{role}", f"{node}_{role}".replace(".", "_")):
        if name in graph.tensors and is_range(graph, name):
            held = graph.tensor(name)
            return Range(float(held[0]), float(held[1]))
    return None


def drop_ranges(graph: ModelGraph) -> None:
    """Take kept ranges out, also those of nodes that are there no more."""
    for name in [name for name in graph.tensors if is_range(graph, name)]:
        graph.remove_tensor(name)


def is_range(graph: ModelGraph, name: str) -> bool:
    """Whether a tensor is a range that a calibration left: two numbers that no node reads."""
    record: Any = graph.tensors[name]
    last = name.rpartition(".")[2].rpartition("_")[2].rstrip("0123456789")
    shape = tuple(record.value.shape)
    return last == ROLE and record.role == "buffer" and shape == (PAIR,) and not graph.tensor_users(name)

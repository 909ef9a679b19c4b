"""Hypothesis strategies for small graphs: chains, branches, residuals, shared tensors, several inputs and outputs.

A graph is drawn as a list of steps and built from it, so that a failing example shrinks to a few steps.
"""

from typing import TypeAlias

import torch
from hypothesis import strategies

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value
from tests.graphs.small_ops import small_ops

Step: TypeAlias = tuple[str, int, int]
WIDTHS = (2, 4, 8)
KINDS = ("linear", "shared", "relu", "tanh", "scale", "add", "mul", "sub", "cat", "chunk", "constant")

positions = strategies.integers(0, 30)
steps = strategies.lists(strategies.tuples(strategies.sampled_from(KINDS), positions, positions), max_size=12)


def weight(seed: int, *shape: int) -> torch.Tensor:
    """Numbers that differ between tensors, without a generator."""
    return torch.linspace(-1, 1, int(torch.Size(shape).numel())).reshape(shape) * (seed + 1)


def width(graph: ModelGraph, value: Value) -> int:
    return int(graph.type(value).shape[-1])


def grow(graph: ModelGraph, values: list[Value], step: Step) -> list[Value]:
    """The values that one step adds; a step that does not fit falls back to one that does."""
    kind, first, second = step
    left, right = values[first % len(values)], values[second % len(values)]
    if kind in {"linear", "shared"}:
        return [graph.add("linear", [left], tensors={"weight": chosen_weight(graph, left, step)})]
    if kind in {"add", "mul", "sub"}:
        return [graph.add(kind, [left, right if graph.type(left) == graph.type(right) else left])]
    if kind == "chunk" and width(graph, left) % 2 == 0:
        made = graph.add("chunk", [left])
        return [made, Value(made.node, 1)]
    if kind == "cat" and width(graph, left) + width(graph, right) <= 16:
        return [graph.add("cat", [left, right])]
    return [grow_unary(graph, left, step)]


def grow_unary(graph: ModelGraph, value: Value, step: Step) -> Value:
    """A node of one operand or none."""
    kind, _, second = step
    if kind == "scale":
        return graph.add("scale", [value], factor=float(second))
    if kind == "constant":
        return graph.add("tensor", tensors={"value": weight(second, 2, 4)})
    return graph.add("tanh" if kind == "tanh" else "relu", [value])


def chosen_weight(graph: ModelGraph, value: Value, step: Step) -> torch.Tensor | str:
    """A weight of its own, or one that others use too."""
    shared = f"shared{width(graph, value)}"
    if step[0] == "shared" and shared in graph.tensors:
        return shared
    return weight(len(graph), WIDTHS[step[2] % 3], width(graph, value))


def build(drawn: list[Step], returned: list[int]) -> ModelGraph:
    """The graph of some steps, returning the values at some positions."""
    graph = ModelGraph("random", small_ops())
    values = [graph.add_input("x", ("N", 4)), graph.add_input("y", ("N", 8))]
    graph.add_tensor("shared4", weight(4, 4, 4))
    graph.add_tensor("shared8", weight(8, 8, 8))
    graph.tie_tensor("tied", "shared8")
    for step in drawn:
        values += grow(graph, values, step)
    graph.set_outputs([values[position % len(values)] for position in returned])
    return graph


graphs = strategies.builds(build, steps, strategies.lists(positions, min_size=1, max_size=3))

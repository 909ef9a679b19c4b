"""What calibration data says of layers: second moments of their inputs, and how the loss depends on their outputs.

The loss is that of labels drawn from the model's own predictions, so that no labels are needed and a model that is
right about everything still tells what it depends on.
"""

from collections.abc import Mapping
from typing import Any

import torch
from attrs import define, field
from torch import Tensor
from torch.nn import functional as F

from nadoo_core.calibrating.data import batch_size
from nadoo_core.calibrating.rows import draw_places, input_rows, output_axis
from nadoo_core.calibrating.seen import Seen, example_axis, pseudo_loss
from nadoo_core.importance import Scoring
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node

BATCH = 64


@define(eq=False)
class Observed:
    """One layer: second moments of its input rows with a one behind, the mean square gradient of each output summed
    over places, and for every axis of the output half the mean square of Σ value · gradient.
    """

    moments: Tensor
    fisher: Tensor
    gates: list[Tensor] = field(factory=list[Tensor])
    traces: list[tuple[Tensor, Tensor]] = field(factory=list[tuple[Tensor, Tensor]])
    """Inputs and output gradients of whole batches, as they were."""


def observe(scoring: Scoring, names: set[str], *, moments: bool = True) -> Mapping[str, Observed]:
    """Run the calibration data through the graph, forwards and backwards, and note what was asked for."""
    graph, examples = scoring.graph, scoring.data()
    generator = scoring.context.generator("observe")
    nodes = [node for node in graph.nodes() if node.name in names]
    found: dict[str, Observed] = {}
    total = len(examples)
    for batch in examples.batches(batch_size(graph) or BATCH):
        seen = Seen(graph, nodes, batch.inputs)
        gradients = seen.gradients(pseudo_loss(seen.outputs[0], labelled=examples.labelled, generator=generator))
        for node, value, gradient in zip(nodes, seen.values, gradients, strict=True):
            account = (found, total, moments)
            note(graph, node, (seen.read[node.name], value.detach(), gradient), account, generator)
    return found


def note(
    graph: ModelGraph,
    node: Node,
    seen: tuple[Tensor, Tensor, Tensor],
    account: tuple[dict[str, Observed], int, bool],
    generator: torch.Generator,
) -> None:
    """Add one batch to the account of a node."""
    (given, value, gradient), (found, total, moments) = seen, account
    place = example_axis(graph, node) or 0
    if not moments:
        products = (value - zero_point(graph, node)) * gradient
        gates = [gate_squares(products, place, axis) / (2 * total) for axis in range(value.ndim)]
        known = found.setdefault(node.name, Observed(torch.empty(0), torch.empty(0), [gate * 0 for gate in gates]))
        known.gates = [one + other for one, other in zip(known.gates, gates, strict=True)]
        return
    given, value, gradient = (item.movedim(place, 0) for item in (given, value, gradient))
    weight = graph.tensor(node.tensors["weight"])
    axis = output_axis(node, value)
    places = draw_places(value.movedim(axis, 1), weight[0].numel(), total, generator)
    chosen = input_rows(node, given, tuple(weight.shape[2:]), places)
    squares = gradient.double().square().movedim(axis, -1).reshape(-1, value.shape[axis]).sum(0) / total
    product = chosen.T @ chosen * (len(value) / (total * len(chosen)))
    known = found.setdefault(node.name, Observed(torch.zeros_like(product), torch.zeros_like(squares)))
    known.traces.append((given, gradient))
    known.moments, known.fisher = known.moments + product, known.fisher + squares


def zero_point(graph: ModelGraph, node: Node) -> Tensor | int:
    """What a node gives where its channels are removed: zero, or the code that stands for it."""
    name = node.tensors.get("output_zero_point")
    return 0 if name is None else graph.tensor(name)


def first_order(node: Node, observed: Observed, change: Tensor, kernel: tuple[int, ...]) -> Tensor:
    """For every example how a change of weight and bias, [outputs, columns and one], moves the loss to first order."""
    weight, bias = change[:, :-1].reshape(len(change), -1, *kernel).float(), change[:, -1].float()
    found: list[Tensor] = []
    for given, gradient in observed.traces:
        weight, bias = weight.to(given.dtype), bias.to(given.dtype)
        moved = layer_output(node, given, weight, bias)
        found.append((moved * gradient).double().reshape(len(given), -1).sum(1))
    return torch.cat(found)


def layer_output(node: Node, given: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """What the layer would give with other weights."""
    if node.op == "linear":
        return F.linear(given, weight, bias)
    attributes: dict[str, Any] = dict(node.attributes)
    convolve = {"conv1d": F.conv1d, "conv2d": F.conv2d}[node.op]
    return convolve(given, weight, bias, attributes["stride"], attributes["padding"], attributes["dilation"])


def gate_squares(products: Tensor, examples: int, axis: int) -> Tensor:
    """For each position of an axis the sum over examples of (Σ value · gradient)²; along the examples nothing."""
    if axis == examples:
        return torch.zeros(products.shape[axis], dtype=torch.float64)
    moved = products.double().movedim((examples, axis), (0, 1))
    return moved.reshape(*moved.shape[:2], -1).sum(2).square().sum(0)

"""What calibration data says of layers before anything is changed: their inputs, and how the loss hangs on outputs."""

from collections.abc import Mapping

import torch
from attrs import define
from torch import Tensor

from nadoo_core.calibrating.rows import draw_places, input_rows, output_axis
from nadoo_core.calibrating.seen import Seen, example_axis, pseudo_loss
from nadoo_core.data.examples import Examples
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node

BATCH = 64


@define(eq=False)
class Observed:
    """Second moments of a layer's input rows with a one behind, and the mean square gradient of each output."""

    moments: Tensor
    squares: Tensor


def observe(
    graph: ModelGraph, nodes: list[Node], examples: Examples, generator: torch.Generator
) -> Mapping[str, Observed]:
    """Run the examples through the graph, forwards and backwards."""
    found: dict[str, Observed] = {}
    for batch in examples.batches(BATCH) if nodes else ():
        seen = Seen(graph, nodes, batch.inputs)
        loss = pseudo_loss(seen.outputs[0], labelled=examples.labelled, generator=generator)
        for node, value, gradient in zip(nodes, seen.values, seen.gradients(loss), strict=True):
            part = observed(graph, node, (seen.read[node.name], value.detach(), gradient), len(examples), generator)
            known = found.get(node.name)
            if known is None:
                found[node.name] = part
                continue
            known.moments, known.squares = known.moments + part.moments, known.squares + part.squares
    return found


def observed(
    graph: ModelGraph, node: Node, seen: tuple[Tensor, Tensor, Tensor], total: int, generator: torch.Generator
) -> Observed:
    """What one batch says of a layer."""
    place = example_axis(graph, node) or 0
    given, value, gradient = (item.movedim(place, 0) for item in seen)
    weight, axis = graph.tensor(node.tensors["weight"]), output_axis(node, value)
    places = draw_places(value.movedim(axis, 1), weight[0].numel(), total, generator)
    rows = input_rows(node, given, tuple(weight.shape[2:]), places)
    squares = gradient.double().square().movedim(axis, -1).reshape(-1, value.shape[axis]).sum(0) / total
    return Observed(rows.T @ rows * (len(value) / (total * len(rows))), squares)


def centred(moments: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Second moments about the mean, steadied by a share of their mean, and the mean."""
    inner, mean = moments[:-1, :-1], moments[:-1, -1] / moments[-1, -1]
    spread = inner / moments[-1, -1] - torch.outer(mean, mean)
    return spread + ridge * (float(spread.diagonal().mean()) or 1.0) * torch.eye(len(spread), dtype=spread.dtype), mean

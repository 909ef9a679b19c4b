"""The first-order estimate of what a channel's or a weight's removal does to the loss."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from nadoo_core.calibrating.data import batch_size
from nadoo_core.data.examples import Examples
from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.evaluation.losses import cross_entropy
from nadoo_core.evaluation.outputs import flat
from nadoo_core.importance import Opinion, Scoring
from nadoo_graphs.graph import ModelGraph

BATCH = 64
ROWS = 2
"""The axes of a number for each class, an example a row."""


def taylor(scoring: Scoring) -> Sequence[Opinion]:
    """|Σ w · ∂L/∂w| over the weights that make a channel, averaged over batches of labelled calibration data."""
    axes = scoring.made()
    totals = [torch.zeros(len(axis.units), dtype=torch.float64) for axis in axes]
    examples = labelled(scoring.data(), scoring.context.step)
    for products in weight_products(scoring.graph, examples, {axis.tensor for axis in axes}):
        for total, axis in zip(totals, axes, strict=True):
            if axis.tensor in products:
                own = products[axis.tensor].movedim(axis.axis, 0)
                total.add_(own.reshape(len(total), -1).sum(1).abs())
    return [Opinion(axis.units, total.numpy()) for axis, total in zip(axes, totals, strict=True)]


def labelled(examples: Examples, step: str, other: str = "loss") -> Examples:
    """The examples, which need labels."""
    if examples.labelled:
        return examples
    message = f"'taylor' needs labelled calibration data; choose another importance, such as {other!r}"
    raise PassError(Problem(CoreCode.DATA, f"step {step!r}", message))


def weight_products(graph: ModelGraph, examples: Examples, names: Collection[str]) -> Iterator[Mapping[str, Tensor]]:
    """w · ∂L/∂w of some weights, batch after batch, in float64."""
    if not names:
        return
    module = graph.to_module().eval()
    weights = dict(module.named_parameters())
    for name, weight in weights.items():
        weight.requires_grad_(name in names)
    for batch in examples.batches(batch_size(graph) or BATCH):
        module.zero_grad()
        labels = batch.targets
        if labels is not None:
            outputs = flat(module(batch.inputs))[0]
            refuse_unfit(outputs, labels)
            cross_entropy(outputs, labels).mean().backward()
        found = ((name, weight) for name, weight in weights.items() if name in names)
        yield {name: (each.detach() * each.grad).double() for name, each in found if each.grad is not None}


def refuse_unfit(outputs: Tensor, labels: Tensor) -> None:
    """Labels are classes of the model: one number for each, an example a row."""
    shape, most = list(outputs.shape), int(labels.max())
    if outputs.ndim == ROWS and int(labels.min()) >= 0 and most < shape[1]:
        return
    message = (
        f"have labels from {int(labels.min())} to {most}, and the model gives {shape}, not a number for each of these "
        "classes; mend the data, or choose another importance"
    )
    raise PassError(Problem(CoreCode.DATA, "calibration examples", message))

"""The first-order estimate of what a channel's removal does to the loss."""

from collections.abc import Sequence

import torch

from nadoo_core.calibrating.data import batch_size
from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.evaluation.losses import cross_entropy
from nadoo_core.evaluation.outputs import flat
from nadoo_core.importance import Opinion, Scoring

BATCH = 64


def taylor(scoring: Scoring) -> Sequence[Opinion]:
    """|Σ w · ∂L/∂w| over the weights that make a channel, averaged over batches of labelled calibration data."""
    examples = scoring.data()
    if not examples.labelled:
        message = "'taylor' needs labelled calibration data; choose another importance, such as 'loss'"
        raise PassError(Problem(CoreCode.DATA, f"step {scoring.context.step!r}", message))
    module, axes = scoring.graph.to_module().eval(), scoring.made()
    if not axes:
        return []
    weights = dict(module.named_parameters())
    for name, weight in weights.items():
        weight.requires_grad_(name in {axis.tensor for axis in axes})
    totals = [torch.zeros(len(axis.units), dtype=torch.float64) for axis in axes]
    for batch in examples.batches(batch_size(scoring.graph) or BATCH):
        module.zero_grad()
        labels = batch.targets
        if labels is not None:
            cross_entropy(flat(module(batch.inputs))[0], labels).mean().backward()
        for total, axis in zip(totals, axes, strict=True):
            weight = weights.get(axis.tensor)
            if weight is not None and weight.grad is not None:
                products = (weight.detach() * weight.grad).double().movedim(axis.axis, 0)
                total.add_(products.reshape(len(total), -1).sum(1).abs())
    return [Opinion(axis.units, total.numpy()) for axis, total in zip(axes, totals, strict=True)]

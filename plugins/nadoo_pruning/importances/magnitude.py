"""Importances that look at weights alone."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from nadoo_core.importance import Opinion, Scoring

PAIRS_AT_ONCE = 1 << 24


def l1(scoring: Scoring) -> Sequence[Opinion]:
    """The sum of the magnitudes of the weights that make a channel."""
    return [Opinion(axis.units, scoring.rows(axis).abs().sum(1).numpy()) for axis in scoring.made()]


def l2(scoring: Scoring) -> Sequence[Opinion]:
    """The length of the row of weights that makes a channel."""
    return [Opinion(axis.units, scoring.rows(axis).square().sum(1).sqrt().numpy()) for axis in scoring.made()]


def geometric_median(scoring: Scoring) -> Sequence[Opinion]:
    """The sum of the distances to all other rows of the layer: a row in their midst is the one that others replace."""
    return [Opinion(axis.units, distances(scoring.rows(axis)).numpy()) for axis in scoring.made()]


def distances(rows: Tensor) -> Tensor:
    """For each row the sum of its distances to all rows, in pieces that fit in memory."""
    step = max(1, PAIRS_AT_ONCE // max(len(rows), 1))
    parts = cast("tuple[Tensor, ...]", rows.split(step))
    return torch.cat([torch.cdist(part, rows).sum(1) for part in parts])


def batch_norm_scale(scoring: Scoring) -> Sequence[Opinion]:
    """The magnitude of the scale that a batch norm gives a channel."""
    graph = scoring.graph
    norms = {node.name: node.tensors.get("weight") for node in graph.nodes(op="batch_norm")}
    return [
        Opinion(axis.units, graph.tensor(axis.tensor).detach().double().abs().numpy())
        for axis in scoring.channels.axes
        if axis.node in norms and axis.tensor == norms[axis.node]
    ]


def random(scoring: Scoring) -> Sequence[Opinion]:
    """Numbers from the step's seed, as a control that every other importance has to beat."""
    units = torch.arange(len(scoring.channels)).numpy()
    return [Opinion(units, scoring.context.numbers("importance").random(len(units)))]

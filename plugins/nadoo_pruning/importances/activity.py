"""Importances that look at what flows: how large a channel's values are where layers read them, and how often not 0."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from nadoo_core.calibrating.data import batch_size
from nadoo_core.importance import Opinion, Scoring
from nadoo_graphs.channels import TensorAxis

BATCH = 64


def activity(scoring: Scoring) -> Sequence[Opinion]:
    """The mean magnitude of a channel's values where layers read them, over calibration data."""
    return measured(scoring, lambda value: value.abs().mean(1))


def nonzero_share(scoring: Scoring) -> Sequence[Opinion]:
    """The share of a channel's values that are not zero where layers read them, which is 1 - APoZ."""
    return measured(scoring, lambda value: (value != 0).double().mean(1))


def measured(scoring: Scoring, measure: Callable[[Tensor], Tensor]) -> Sequence[Opinion]:
    """What a measure of [channels, everything else] says of the values that layers read, averaged over batches."""
    graph, examples = scoring.graph, scoring.data()
    read = [(axis, *place) for axis in scoring.channels.axes if (place := read_place(scoring, axis)) is not None]
    totals = [torch.zeros(len(axis.units), dtype=torch.float64) for axis, _, _ in read]
    names = sorted({name for _, name, _ in read})
    for batch in examples.batches(batch_size(graph) or BATCH) if names else ():
        values = graph.run(batch.inputs, keep=names).values
        for total, (_, name, place) in zip(totals, read, strict=True):
            value = values[name].double().movedim(place, 0)
            total.add_(measure(value.reshape(len(value), -1)), alpha=len(batch) / len(examples))
    return [Opinion(axis.units, total.numpy()) for (axis, _, _), total in zip(read, totals, strict=True)]


def read_place(scoring: Scoring, axis: TensorAxis) -> tuple[str, int] | None:
    """The node whose channels a layer reads, and their axis; None for an axis that reads nothing of the kind."""
    if axis.side != "reads":
        return None
    source = scoring.graph.operands(axis.node)[0]
    if source.output:
        return None
    for place in range(scoring.graph.type(source).rank):
        units = scoring.channels.of_value(source.node, place)
        if units is not None and np.array_equal(units, axis.units):
            return source.node, place
    return None

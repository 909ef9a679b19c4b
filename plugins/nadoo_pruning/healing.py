"""Training inside a pruning pass: with the run's data, and with pruned weights held at zero."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nadoo_core.options import option_fields
from nadoo_core.passes import Context
from nadoo_core.training.hooks import Moment, TrainingHook
from nadoo_core.training.options import TrainingChoices
from nadoo_graphs.graph import ModelGraph


class HoldZeros(TrainingHook):
    """Sets weights to zero wherever a mask is, after every step."""

    def __init__(self, masks: Mapping[str, Tensor]) -> None:
        self.masks = masks

    def on_step(self, moment: Moment) -> None:
        """Take back what the step moved."""
        held = dict(moment.model.named_parameters())
        with torch.no_grad():
            for name, mask in self.masks.items():
                if name in held:
                    held[name].mul_(mask.to(held[name].device))


def heal(graph: ModelGraph, choices: TrainingChoices, context: Context, hooks: Sequence[TrainingHook] = ()) -> None:
    """Train a graph, and take over every tensor that the training changed."""
    options: dict[str, Any] = {
        item.attribute: getattr(choices, item.attribute) for item in option_fields(TrainingChoices)
    }
    chosen = {name: value for name, value in options.items() if value is not None}
    trained: ModelGraph = context.train(graph, hooks=tuple(hooks), **chosen)
    for name, record in trained.tensors.items():
        if record.digest() != graph.tensors[name].digest():
            graph.set_tensor(name, record.value)


def apply_masks(graph: ModelGraph, masks: Mapping[str, Tensor]) -> None:
    """Set to zero what the masks leave out."""
    for name, mask in masks.items():
        value = graph.tensor(name)
        masked = torch.where(mask, value, torch.zeros_like(value))
        if not torch.equal(masked, value):
            graph.set_tensor(name, masked)

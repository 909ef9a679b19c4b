"""Pruned weights held at zero while a model trains."""

from collections.abc import Mapping

import torch
from torch import Tensor

from nadoo_core.training.hooks import Moment, TrainingHook
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


def apply_masks(graph: ModelGraph, masks: Mapping[str, Tensor]) -> None:
    """Set to zero what the masks leave out."""
    for name, mask in masks.items():
        value = graph.tensor(name)
        masked = torch.where(mask, value, torch.zeros_like(value))
        if not torch.equal(masked, value):
            graph.set_tensor(name, masked)

"""Hooks: what a quantizer, a pruner or an averager does while someone else's loop trains the model."""

from collections.abc import Mapping

import torch
from attrs import frozen
from torch import nn, optim


@frozen(eq=False)
class Moment:
    """Where a training stands: epochs and steps count from 0."""

    model: nn.Module
    optimizer: optim.Optimizer
    epoch: int
    step: int
    epochs: int
    steps: int


class TrainingHook:
    """Does nothing; a hook overrides what it needs.

    What a hook remembers in tensors belongs into `state`, so that a training that was interrupted goes on with it;
    everything else must follow from the moment.
    """

    def rate_factors(self, model: nn.Module, optimizer: str) -> Mapping[str, float]:
        """By how much the rate of single parameters differs from that of the others; asked before the first step."""
        return {}

    def on_epoch_start(self, moment: Moment) -> None:
        """Before the first step of an epoch; not called again when an epoch is resumed."""

    def on_step(self, moment: Moment) -> None:
        """After the optimizer's step."""

    def on_epoch_end(self, moment: Moment) -> Mapping[str, float]:
        """After the evaluation of an epoch; what is returned goes into its log, such as clip or entropy by layer."""
        return {}

    def state(self) -> Mapping[str, torch.Tensor]:
        """The tensors that the hook remembers."""
        return {}

    def restore(self, state: Mapping[str, torch.Tensor], moment: Moment) -> None:
        """Take them back from a checkpoint, before the training goes on."""

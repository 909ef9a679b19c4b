"""Optimizers by name, made from the options of a training."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import torch
from torch import nn, optim

from nadoo_core.training.errors import training_error
from nadoo_core.training.options import TrainingOptions

Parameters: TypeAlias = list[nn.Parameter]
Maker: TypeAlias = Callable[[Parameters, TrainingOptions], optim.Optimizer]


def adam(parameters: Parameters, options: TrainingOptions) -> optim.Optimizer:
    """Steps scaled by the size of recent gradients."""
    return optim.Adam(parameters, lr=options.rate, weight_decay=options.weight_decay)


def adamw(parameters: Parameters, options: TrainingOptions) -> optim.Optimizer:
    """Adam whose weight decay is no part of the gradient."""
    return optim.AdamW(parameters, lr=options.rate, weight_decay=options.weight_decay)


def sgd(parameters: Parameters, options: TrainingOptions) -> optim.Optimizer:
    """Steps along the gradient, with momentum if there is any."""
    return optim.SGD(
        parameters,
        lr=options.rate,
        momentum=options.momentum,
        nesterov=options.nesterov,
        weight_decay=options.weight_decay,
    )


OPTIMIZERS: Mapping[str, Maker] = MappingProxyType({"adam": adam, "adamw": adamw, "sgd": sgd})


def optimizer_of(model: nn.Module, options: TrainingOptions) -> optim.Optimizer:
    """The optimizer of everything in a model that may be trained."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise training_error("model", "has no parameter that may be trained; unfreeze some, or leave out this step")
    return OPTIMIZERS[options.optimizer](parameters, options)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of every parameter."""
    for group in optimizer.param_groups:
        group["lr"] = rate

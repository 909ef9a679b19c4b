"""Optimizers by name, made from the options of a training."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import torch
from torch import nn, optim

from nadoo_core.training.errors import training_error
from nadoo_core.training.muon import Muon
from nadoo_core.training.options import TrainingOptions

Parameters: TypeAlias = list[dict[str, Any]]
"""Groups of parameters, each with its factor of the rate."""
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


def muon(parameters: Parameters, options: TrainingOptions) -> optim.Optimizer:
    """Steps of equal size in every direction of a matrix; what is no matrix is left to Adam."""
    return Muon(parameters, lr=options.rate, weight_decay=options.weight_decay)


OPTIMIZERS: Mapping[str, Maker] = MappingProxyType({"adam": adam, "adamw": adamw, "muon": muon, "sgd": sgd})


FACTOR = "factor"


def optimizer_of(
    model: nn.Module, options: TrainingOptions, factors: Mapping[str, float] | None = None
) -> optim.Optimizer:
    """The optimizer of everything in a model that may be trained; some of it may learn faster or slower."""
    named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if not named:
        raise training_error("model", "has no parameter that may be trained; unfreeze some, or leave out this step")
    own = {name: factor for name, factor in (factors or {}).items() if name in named}
    groups: Parameters = [{"params": [parameter for name, parameter in named.items() if name not in own], FACTOR: 1.0}]
    groups += [{"params": [named[name]], FACTOR: factor, "weight_decay": 0.0} for name, factor in own.items()]
    return OPTIMIZERS[options.optimizer]([group for group in groups if group["params"]], options)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of every parameter, times the factor of its group."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(FACTOR, 1.0)

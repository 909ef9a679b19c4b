"""A training of milliseconds with everything that can go wrong on resumption: dropout, running statistics, hooks."""

from typing import Any

import torch
from torch import nn

from nadoo_core.data import Augmentation, Examples
from nadoo_core.data.synthetic import Synthetic
from nadoo_core.training import TrainingOptions

DATA = Synthetic(shape=(1, 4, 4), examples=90, outputs=3, noise=1.0)


def train() -> Examples:
    return DATA.load("train")


def validation() -> Examples:
    return DATA.load("test")


def network() -> nn.Sequential:
    """The same weights every time."""
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, 3)
    )


def options(**changes: Any) -> TrainingOptions:
    defaults: dict[str, Any] = {
        "epochs": 3, "batch": 16, "rate": 0.01, "augmentation": Augmentation(shift=0.1, flip=True), "seed": 5,
    }  # fmt: skip
    return TrainingOptions(**{**defaults, **changes})


def tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(first: nn.Module, second: nn.Module) -> bool:
    """Whether all tensors of two models are the same, bit for bit."""
    ours, theirs = tensors(first), tensors(second)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)

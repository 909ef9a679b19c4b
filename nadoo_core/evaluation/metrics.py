"""Metrics by name: (outputs of all examples, targets) → a measurement. Plugins add theirs to the same kind of table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import torch

from nadoo_core.evaluation.errors import evaluation_error
from nadoo_core.evaluation.losses import mean_squared_error
from nadoo_core.evaluation.measurement import Measurement, mean_of, numbers
from nadoo_core.evaluation.ranking import auc

Metric: TypeAlias = Callable[[torch.Tensor, torch.Tensor], Measurement]


def accuracy(outputs: torch.Tensor, targets: torch.Tensor) -> Measurement:
    """The share of examples whose class has the highest output; of equal outputs the first counts."""
    return top_k(1)(outputs, targets)


def top_k(count: int) -> Metric:
    """The share of examples whose class is among so many highest outputs."""

    def metric(outputs: torch.Tensor, targets: torch.Tensor) -> Measurement:
        return mean_of(numbers(hits(outputs, targets, count)))

    return metric


def hits(outputs: torch.Tensor, targets: torch.Tensor, count: int) -> torch.Tensor:
    """For each example the share of its places whose class is among the highest outputs."""
    where = "metric 'accuracy'" if count == 1 else f"metric 'top-{count}'"
    expected = (len(outputs), *outputs.shape[2:])
    if outputs.ndim < 2 or tuple(targets.shape) != expected or targets.is_floating_point():
        message = (
            f"outputs {list(outputs.shape)} do not fit {targets.dtype} targets {list(targets.shape)}; "
            "give (N, classes) and N class numbers"
        )
        raise evaluation_error(where, message)
    classes = outputs.shape[1]
    if count > 1 and classes <= count:
        raise evaluation_error(where, f"there are only {classes} classes; it would always be 1, choose 'accuracy'")
    if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        message = f"targets go from {int(targets.min())} to {int(targets.max())}, the model has {classes} classes"
        raise evaluation_error(where, message)
    found = (ranks(outputs, targets.long()) < count).double()
    return found.reshape(len(found), -1).mean(1)


def ranks(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """How many classes come before the right one: those with a higher output, and equal ones with a lower number."""
    right = outputs.gather(1, targets[:, None])
    places = torch.arange(outputs.shape[1]).view(1, -1, *[1] * (outputs.ndim - 2))
    earlier = (outputs == right) & (places < targets[:, None])
    return ((outputs > right) | earlier).sum(1)


def mse(outputs: torch.Tensor, targets: torch.Tensor) -> Measurement:
    """The mean squared distance from the targets."""
    return mean_of(numbers(mean_squared_error(outputs.double(), targets)))


METRICS: Mapping[str, Metric] = MappingProxyType(
    {"accuracy": accuracy, "auc": auc, "mse": mse, "top-3": top_k(3), "top-5": top_k(5)}
)
"""What comes with nadoo; the metric "loss" belongs to the evaluator, which knows the loss."""

"""Losses by name, one number an example: training takes their mean, evaluation also their standard error."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

import torch
from torch.nn import functional as F

from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.evaluation.errors import evaluation_error
from nadoo_core.options import did_you_mean

Loss: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(outputs, targets) → one number an example, or their mean."""


def cross_entropy(outputs: torch.Tensor, targets: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    """Minus the logarithm of the probability of the right class; outputs are logits, classes along axis 1."""
    expected = (len(outputs), *outputs.shape[2:])
    if outputs.ndim < 2 or tuple(targets.shape) != expected:
        message = f"outputs {list(outputs.shape)} do not fit targets {list(targets.shape)}; give (N, classes) and (N)"
        raise evaluation_error("loss 'cross-entropy'", message)
    if targets.is_floating_point():
        raise evaluation_error(
            "loss 'cross-entropy'", f"needs class numbers, not {targets.dtype}; choose 'mse' or 'bce'"
        )
    return per_example(F.cross_entropy(outputs, targets.long(), reduction="none", label_smoothing=smoothing))


def mean_squared_error(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The squared distance from the targets, averaged over the outputs of an example."""
    return per_example((outputs - as_shaped(outputs, targets, "mse")) ** 2)


def binary_cross_entropy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of independent yes-or-no questions; outputs are logits."""
    answers = as_shaped(outputs, targets, "bce")
    return per_example(F.binary_cross_entropy_with_logits(outputs, answers, reduction="none"))


def as_shaped(outputs: torch.Tensor, targets: torch.Tensor, loss: str) -> torch.Tensor:
    """Targets in the shape and dtype of the outputs; only axes of size 1 may differ."""
    squeezed = [[size for size in tensor.shape if size != 1] for tensor in (outputs, targets)]
    if squeezed[0] != squeezed[1]:
        message = f"outputs {list(outputs.shape)} do not fit targets {list(targets.shape)}; give equal shapes"
        raise evaluation_error(f"loss {loss!r}", message)
    return targets.to(outputs.dtype).reshape(outputs.shape)


def per_example(values: torch.Tensor) -> torch.Tensor:
    """The mean over all axes but the first."""
    return values.reshape(len(values), -1).mean(1) if values.ndim > 1 else values


LOSSES: Mapping[str, Loss] = MappingProxyType(
    {"bce": binary_cross_entropy, "cross-entropy": cross_entropy, "mse": mean_squared_error}
)


def loss_of(loss: str | Loss, smoothing: float = 0.0) -> Loss:
    """The loss of a name, or the given one; only the cross-entropy smooths labels."""
    if loss == "cross-entropy":
        return partial(cross_entropy, smoothing=smoothing)
    if smoothing:
        raise OptionError(Problem(CoreCode.OPTION, "label_smoothing", "is for the cross-entropy only; leave it at 0"))
    if not isinstance(loss, str):
        return loss
    if loss not in LOSSES:
        message = f"is {loss!r}; {did_you_mean(loss, sorted(LOSSES))}"
        raise OptionError(Problem(CoreCode.OPTION, "loss", message))
    return LOSSES[loss]

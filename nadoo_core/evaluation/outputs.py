"""What a model gives for many examples: batch by batch, in evaluation, and refused where it is not a number."""

from collections.abc import Iterator
from typing import Any, TypeAlias, cast

import torch
from torch import nn

from nadoo_core.evaluation.compute import device_of, evaluating
from nadoo_core.evaluation.errors import evaluation_error
from nadoo_graphs.errors import Code, NonFiniteError, Problem
from nadoo_graphs.graph import ModelGraph

Model: TypeAlias = nn.Module | ModelGraph


def as_module(model: Model) -> nn.Module:
    """A model that can be called; a graph becomes a module of its own."""
    return model.to_module() if isinstance(model, ModelGraph) else model


def flat(result: Any) -> tuple[torch.Tensor, ...]:
    """The tensors of a model's result, in the order in which they are nested."""
    if isinstance(result, torch.Tensor):
        return (result,)
    if isinstance(result, dict):
        return tuple(tensor for item in cast("dict[Any, Any]", result).values() for tensor in flat(item))
    if isinstance(result, list | tuple):
        return tuple(tensor for item in cast("list[Any]", result) for tensor in flat(item))
    return ()


def batches(inputs: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """The inputs so many at a time."""
    if size < 1:
        raise evaluation_error("batch", f"is {size}; give at least 1")
    if not len(inputs):
        raise evaluation_error("inputs", "there is no example; give at least one")
    return (inputs[start : start + size] for start in range(0, len(inputs), size))


def outputs_of(model: Model, inputs: torch.Tensor, batch: int = 256, compute: str = "cpu") -> tuple[torch.Tensor, ...]:
    """Every output of a model for all inputs."""
    module, device = as_module(model), device_of(compute)
    parts: list[tuple[torch.Tensor, ...]] = []
    with evaluating(module, device):
        for portion in batches(inputs, batch):
            found = flat(module(portion.to(device)))
            parts.append(tuple(require_examples(tensor, len(portion)).cpu() for tensor in found))
    return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))


def require_examples(tensor: torch.Tensor, count: int) -> torch.Tensor:
    """Refuse an output whose first axis does not count the examples, and one that is not a number."""
    if tensor.ndim == 0 or len(tensor) != count:
        message = f"has shape {list(tensor.shape)} for {count} examples; its first axis must count them"
        raise evaluation_error("output", message)
    return require_finite(tensor, "output")


def require_finite(tensor: torch.Tensor, where: str) -> torch.Tensor:
    """Refuse NaN and infinities, of which every statistic would be a lie."""
    if not tensor.is_floating_point():
        return tensor
    wrong = int((~tensor.isfinite()).sum())
    if wrong:
        message = f"{wrong} of {tensor.numel()} values are NaN or infinite; the model diverged or its inputs are wrong"
        raise NonFiniteError(Problem(Code.NONFINITE, where, message))
    return tensor

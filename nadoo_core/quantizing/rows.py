"""A weight as rows: one for each scale, so that every rule is written once for tensors and for output channels."""

from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from nadoo_core.quantizing.algebra import parts_of
from nadoo_graphs.errors import Code, EmptyTensorError, FormatError, NonFiniteError, Problem

Granularity: TypeAlias = Literal["tensor", "output"]
MATRIX = 2
CHUNK = 1 << 20
"""Elements that are worked on at a time: enough to keep the processor busy, few enough to stay near it."""


def rows_of(weight: torch.Tensor, granularity: Granularity = "output") -> torch.Tensor:
    """One row an output channel, or one row in all."""
    flat = weight.detach()
    return flat.reshape(flat.shape[0], -1) if granularity == "output" and flat.ndim else flat.reshape(1, -1)


def along(column: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A number a row in a shape that lies along the weight: [out, 1, …], or a scalar for one row in all."""
    if len(column) == 1 and (not weight.ndim or weight.shape[0] != 1):
        return column.reshape(())
    return column.reshape(-1, *(1,) * (weight.ndim - 1))


def require_rows(rows: torch.Tensor, where: str) -> None:
    """Statistics exist for rows of finite real numbers, at least one a row."""
    if rows.ndim != MATRIX or not rows.is_floating_point():
        message = f"it is {rows.dtype} of shape {tuple(rows.shape)}; give real numbers as rows, see rows_of"
        raise FormatError(Problem(Code.SHAPE, where, message))
    if not rows.numel():
        message = f"shape {tuple(rows.shape)} has no elements; give at least one a row"
        raise EmptyTensorError(Problem(Code.SHAPE, where, message))
    if bool(torch.isfinite(rows.detach().sum())):
        return
    broken = rows.numel() - int(torch.isfinite(rows).sum())
    if broken:
        message = f"{broken} of {rows.numel()} elements are NaN or infinite; find where they arise"
        raise NonFiniteError(Problem(Code.NONFINITE, where, message))


def portions(rows: torch.Tensor, elements: int = CHUNK) -> tuple[torch.Tensor, ...]:
    """The rows in portions that fit near the processor."""
    return parts_of(rows, max(1, elements // rows.shape[1]))


def sorted_magnitudes(rows: torch.Tensor) -> torch.Tensor:
    """The magnitudes of each row in ascending order."""
    return ascending(rows.detach().abs())


def ascending(rows: torch.Tensor) -> torch.Tensor:
    """Each row in ascending order; NumPy's sort uses the vector units and torch's does not."""
    values: NDArray[Any] = rows.numpy()
    return torch.from_numpy(np.sort(values, axis=1))

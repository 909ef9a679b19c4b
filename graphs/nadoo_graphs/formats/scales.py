"""Scale and zero point from the range of a tensor, for formats of consecutive integers.

This is the plain min-max rule, which every toolchain agrees on; rules that look at more than the range are
passes.
"""

import torch
from attrs import frozen

from nadoo_graphs.errors import Code, EmptyTensorError, Problem
from nadoo_graphs.formats.checks import refusal, require_finite, require_reals

SMALLEST_SCALE = torch.finfo(torch.float64).tiny


@frozen(eq=False)
class Grid:
    """Where the codes lie on the real line; `degenerate` records that the data did not determine it."""

    scale: torch.Tensor
    zero_point: torch.Tensor | None
    degenerate: bool


def require_statistics(values: torch.Tensor, where: str) -> None:
    """A range exists only for real, finite numbers, and for at least one of them."""
    require_reals(values, where)
    if not values.numel():
        message = f"it has shape {tuple(values.shape)} and so no range; calibrate with at least one element"
        raise EmptyTensorError(Problem(Code.SHAPE, where, message))
    require_finite(values, where)


def affine_grid(values: torch.Tensor, minimum: int = -128, maximum: int = 127, where: str = "values") -> Grid:
    """One scale and zero point for the tensor: the range is widened to hold zero, which is then exact."""
    require_statistics(values, where)
    low, high = extremes(values)
    codes = maximum - minimum
    wanted = high / codes - low / codes
    if not bool(wanted):
        zero_point = torch.tensor(min(max(0, minimum), maximum))
        return Grid(torch.ones_like(wanted), zero_point, degenerate=True)
    scale = wanted.clamp(min=SMALLEST_SCALE)
    zero_point = (minimum - low / scale).round().clamp(minimum, maximum).to(torch.int64)
    return Grid(scale, zero_point, degenerate=bool(wanted < SMALLEST_SCALE))


def extremes(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The smallest and the largest element in float64, widened to hold zero."""
    smallest, largest = torch.aminmax(values.detach().to(torch.float64))
    return smallest.clamp(max=0), largest.clamp(min=0)


def symmetric_grid(values: torch.Tensor, maximum: int = 127, axis: int | None = None, where: str = "values") -> Grid:
    """The largest magnitude at the largest code: one scale, or one for each index of an axis."""
    require_statistics(values, where)
    require_axis(values, axis, where)
    magnitudes = values.detach().to(torch.float64).abs()
    largest = along(magnitudes, axis)
    wanted = largest / maximum
    scale = torch.where(wanted > 0, wanted.clamp(min=SMALLEST_SCALE), torch.ones_like(wanted))
    return Grid(scale, None, degenerate=bool((wanted < SMALLEST_SCALE).any()))


def require_axis(values: torch.Tensor, axis: int | None, where: str) -> None:
    """An axis must be there, else a scale would belong to another one."""
    if axis is not None and not -values.ndim <= axis < values.ndim:
        message = f"axis {axis} was asked for; a tensor of shape {tuple(values.shape)} has axes from {-values.ndim}"
        raise refusal(Code.SHAPE, where, f"{message} to {values.ndim - 1}")


def along(magnitudes: torch.Tensor, axis: int | None) -> torch.Tensor:
    """The maximum over all axes but one, which are kept so that the result lies along the values."""
    if axis is None:
        return magnitudes.amax()
    others = tuple(index for index in range(magnitudes.ndim) if index != axis % magnitudes.ndim)
    return magnitudes.amax(others, keepdim=True) if others else magnitudes

"""Statistics for a batch norm whose input has changed: those that keep its results, or those of what it is given."""

from collections.abc import Mapping

import torch
from torch import Tensor

LEAST_SPREAD = 1e-6


def by_channel(value: Tensor) -> Tensor:
    """A value as [channels, everything else], in float64."""
    return value.movedim(1, 0).reshape(value.shape[1], -1).double()


def matched_statistics(given: Tensor, wanted: Tensor, held: Mapping[str, Tensor], eps: float) -> dict[str, Tensor]:
    """Mean and variance with which a norm's results have the mean and the spread that they had.

    A channel that is constant, before or after, keeps what it had.
    """
    rows, aims = by_channel(given), by_channel(wanted)
    scale = held["weight"].double() if "weight" in held else torch.ones(len(rows), dtype=torch.float64)
    shift = held["bias"].double() if "bias" in held else torch.zeros(len(rows), dtype=torch.float64)
    spread, aim = rows.std(1, unbiased=False), aims.std(1, unbiased=False)
    usable = (spread > LEAST_SPREAD) & (aim > LEAST_SPREAD) & (scale.abs() > LEAST_SPREAD)
    root = torch.where(usable, scale.abs() * spread / aim.clamp_min(LEAST_SPREAD), torch.ones_like(aim))
    added = torch.tensor(eps, dtype=torch.float64)
    variance = (root.square() - added).clamp_min(0.0)
    mean = rows.mean(1) - (aims.mean(1) - shift) * (variance + added).sqrt() / scale.where(usable, root)
    found = {"running_mean": mean, "running_var": variance}
    return {role: torch.where(usable, value, held[role].double()).to(held[role].dtype) for role, value in found.items()}


def own_statistics(given: Tensor, held: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Mean and variance of what a norm is given."""
    rows = by_channel(given)
    found = {"running_mean": rows.mean(1), "running_var": rows.var(1, unbiased=False)}
    return {role: value.to(held[role].dtype) for role, value in found.items()}

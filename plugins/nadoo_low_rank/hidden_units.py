"""Which hidden units a layer can do without, once its weights have been fit to what the others give.

Removing unit j and refitting the rest by least squares costs ‖w_j‖²/(M⁻¹)_jj, for weights w and second moments M of
the units; each removal changes both, so that the costs of a path add up to the error at its end.
"""

import torch
from attrs import frozen
from torch import Tensor

from nadoo_low_rank.singular import LINALG

RIDGE = 1e-6


@frozen(eq=False)
class Elimination:
    """Units in the order in which they go, and the squared error once each has gone."""

    order: tuple[int, ...]
    errors: tuple[float, ...]
    energy: float

    def smallest(self, error: float, least: int = 1) -> int:
        """The fewest units with which the relative error is within a bound, and not fewer than the least.

        Law: non-increasing in the error.
        """
        limit = error * error * self.energy
        gone = sum(1 for item in self.errors if item <= limit)
        return max(least, len(self.order) - gone)

    def kept(self, width: int) -> Tensor:
        """The units that are left when so many are."""
        return torch.tensor(sorted(self.order[len(self.order) - width :]), dtype=torch.int64)

    def relative(self, width: int) -> float:
        """The relative error with so many units."""
        gone = len(self.order) - width
        error = self.errors[gone - 1] if gone else 0.0
        return (error / self.energy) ** 0.5 if self.energy else 0.0


def eliminate(weight: Tensor, moments: Tensor) -> Elimination:
    """All units, the cheapest first.

    Law: errors are non-decreasing; a unit that is a copy of another, or always zero, costs nothing.
    """
    count = len(moments)
    inverse = LINALG.inv(steadied(moments))
    columns, left = weight.clone(), torch.ones(count, dtype=torch.bool)
    order: list[int] = []
    errors: list[float] = []
    total = 0.0
    for _ in range(count):
        costs = torch.where(left, columns.square().sum(0) / inverse.diagonal(), torch.inf)
        unit = int(costs.argmin())
        total += max(float(costs[unit]), 0.0)
        row, pivot = inverse[unit].clone(), inverse[unit, unit].clone()
        columns -= torch.outer(columns[:, unit] / pivot, row)
        inverse -= torch.outer(row, row) / pivot
        inverse[unit, unit] = 1.0
        left[unit] = False
        columns[:, unit] = 0.0
        order.append(unit)
        errors.append(total)
    return Elimination(tuple(order), tuple(errors), float(((weight @ moments) * weight).sum()))


def steadied(moments: Tensor) -> Tensor:
    """Moments with a little of their mean diagonal added, so that copies and dead units can be told apart."""
    size = float(moments.diagonal().mean()) if len(moments) else 0.0
    size = size or 1.0
    return moments + RIDGE * size * torch.eye(len(moments), dtype=moments.dtype)

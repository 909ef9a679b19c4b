"""Norms of integers: sums, an integer square root, and one rounded division for each element."""

from math import isqrt, prod

import torch

NORM_UNIT = 1024
ROOT_BITS = 8
LARGEST_EPSILON = 2.0**45


def norm_bound(count: int) -> float:
    """The largest magnitude that an element of so many can have once normalized: the root of their number."""
    return float((isqrt(count) + 1) * NORM_UNIT)


def normalized(x: torch.Tensor, axes: list[int], eps: float, step: torch.Tensor, *, centred: bool) -> torch.Tensor:
    """rhu(c * 1024 / sqrt(V)), with c = n*x - sum and V = n*(sum of squares) - sum^2 + rne(eps*n^2/step^2), in float64.

    The root is taken of V * 2^16, so that it has 8 bits after the point. Without centring the sum counts as 0.
    """
    values = x.detach().to(torch.int64)
    count = prod(values.shape[axis] for axis in axes)
    total = values.sum(axes, keepdim=True) if centred else torch.zeros_like(values.sum(axes, keepdim=True))
    centre = values * count - total
    energy = values.square().sum(axes, keepdim=True) * count - total.square()
    epsilon = (eps * float(count) ** 2 / step.detach().square()).round().clamp(max=LARGEST_EPSILON).to(torch.int64)
    roots = integer_root((energy + epsilon) << (2 * ROOT_BITS))
    doubled = roots.clamp(min=1) * 2
    numerators = centre * (2 * NORM_UNIT << ROOT_BITS) + roots
    found = torch.div(numerators, doubled, rounding_mode="floor")
    return torch.where(roots > 0, found, 0).to(torch.float64)


def integer_root(values: torch.Tensor) -> torch.Tensor:
    """The largest integer whose square is not greater, for values below 2^62."""
    roots = values.to(torch.float64).sqrt().floor().to(torch.int64)
    roots = torch.where(roots * roots > values, roots - 1, roots)
    return torch.where((roots + 1) * (roots + 1) <= values, roots + 1, roots)

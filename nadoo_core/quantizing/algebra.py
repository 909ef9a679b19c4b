"""The few functions of torch that rounding and searching use, with the types that torch does not state."""

from typing import Any, cast

import torch

LINALG: Any = torch.linalg


def solved_from_right(matrix: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The X of X · matrix = wanted."""
    return cast(torch.Tensor, LINALG.solve(matrix, wanted, left=False))


def inverse_factor(matrix: torch.Tensor) -> torch.Tensor:
    """The upper triangular U of Uᵀ·U = matrix⁻¹, for a positive definite matrix."""
    inverse = torch.cholesky_inverse(cast(torch.Tensor, LINALG.cholesky(matrix)))
    return cast(torch.Tensor, LINALG.cholesky(inverse, upper=True))


def square_sums(values: torch.Tensor) -> torch.Tensor:
    """Σ v² along the last axis."""
    return cast(torch.Tensor, LINALG.vecdot(values, values))


def parts_of(values: torch.Tensor, size: int) -> tuple[torch.Tensor, ...]:
    """Parts of so many along the first axis."""
    return cast("tuple[torch.Tensor, ...]", values.split(size))  # pyright: ignore[reportUnknownMemberType]

"""What a decomposition should come near to: a layer's weight, what its inputs are like, and how each output counts."""

from functools import cached_property
from typing import Any

import torch
from attrs import frozen
from torch import Tensor

LINALG: Any = torch.linalg
SINGULAR = 1e-12
LEAST_IMPORTANCE = 1e-3


@frozen(eq=False)
class Target:
    """A matrix [outputs, inputs · kernel] with second moments of the columns' inputs and the importance of each row.

    Law: error(Ŵ) = Σ_o s_o²·(ΔMΔᵀ)_oo for Δ = W - Ŵ; with unit moments and importance the squared Frobenius norm.
    """

    weight: Tensor
    kernel: tuple[int, ...]
    moments: Tensor
    importance: Tensor

    @classmethod
    def plain(cls, weight: Tensor, kernel: tuple[int, ...] = ()) -> "Target":
        """A weight of whose inputs nothing is known: independent and alike, and every output counts the same."""
        rows, columns = weight.shape
        return cls(weight, kernel, torch.eye(columns, dtype=weight.dtype), torch.ones(rows, dtype=weight.dtype))

    @property
    def outputs(self) -> int:
        """The rows of the weight."""
        return self.weight.shape[0]

    @property
    def inputs(self) -> int:
        """The input channels."""
        return self.weight.shape[1] // self.window

    @property
    def window(self) -> int:
        """The positions in a kernel."""
        return torch.Size(self.kernel).numel()

    @property
    def full(self) -> int:
        """The numbers of the weight."""
        return self.weight.numel()

    @property
    def scale(self) -> Tensor:
        """The importances as a column, held off zero so that rows can be scaled back."""
        least = float(self.importance.square().mean().sqrt()) * LEAST_IMPORTANCE
        return self.importance.clamp_min(least or 1.0).unsqueeze(1)

    @cached_property
    def root(self) -> tuple[Tensor, Tensor]:
        """S with S·Sᵀ = M, and its pseudo-inverse."""
        return root_of(self.moments)

    def error(self, product: Tensor) -> float:
        """The weighted squared error of another matrix in the place of the weight."""
        missed = (self.weight - product) * self.scale
        return max(float(((missed @ self.moments) * missed).sum()), 0.0)

    @property
    def energy(self) -> float:
        """The error of a matrix of zeros."""
        return self.error(torch.zeros_like(self.weight))

    def refit(self, features: Tensor) -> Tensor:
        """The rows with which features of the inputs, [features, columns], come nearest to the weight's results."""
        crossed = self.weight @ self.moments @ features.T
        return crossed @ LINALG.pinv(features @ self.moments @ features.T, hermitian=True, rtol=SINGULAR)


def root_of(moments: Tensor) -> tuple[Tensor, Tensor]:
    """S with S·Sᵀ = M, and its pseudo-inverse: directions in which no input ever lies are left out of both."""
    values, vectors = LINALG.eigh(moments)
    kept = values > SINGULAR * float(values.abs().amax())
    roots = torch.where(kept, values.clamp_min(0.0), torch.zeros_like(values)).sqrt()
    inverse = torch.where(kept, 1.0 / roots, torch.zeros_like(roots))
    return vectors * roots, (vectors * inverse).T

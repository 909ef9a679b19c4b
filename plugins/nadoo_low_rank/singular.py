"""Singular values and vectors, exact or by a randomized search, with signs that do not depend on the machine."""

from typing import Any, Literal, TypeAlias

import torch
from attrs import frozen
from torch import Tensor

Solver: TypeAlias = Literal["exact", "randomized"]
LINALG: Any = torch.linalg
OVERSAMPLE = 8
ITERATIONS = 2


@frozen(eq=False)
class Singular:
    """U, σ and Vᵀ, the largest values first."""

    left: Tensor
    values: Tensor
    right: Tensor

    def product(self, rank: int) -> Tensor:
        """The best approximation of a rank."""
        return (self.left[:, :rank] * self.values[:rank]) @ self.right[:rank]

    def balanced(self, rank: int) -> tuple[Tensor, Tensor]:
        """Two factors of the best approximation that share its size, which is kind to number formats."""
        root = self.values[:rank].sqrt()
        return self.left[:, :rank] * root, root.unsqueeze(1) * self.right[:rank]


@frozen(eq=False)
class Search:
    """How singular values are found: all of them, or the leading ones from random probes."""

    solver: Solver = "exact"
    seed: int = 0
    oversample: int = OVERSAMPLE
    iterations: int = ITERATIONS

    def decompose(self, matrix: Tensor, rank: int | None = None) -> Singular:
        """The singular values of a matrix, or the leading ones where only those are wanted."""
        if self.solver == "exact" or rank is None or rank + self.oversample >= min(matrix.shape):
            return signed(*LINALG.svd(matrix, full_matrices=False))
        return self.probed(matrix, rank)

    def probed(self, matrix: Tensor, rank: int) -> Singular:
        """Halko, Martinsson and Tropp: a basis of what random vectors become, then a small exact decomposition."""
        generator = torch.Generator().manual_seed(self.seed)
        probes = torch.randn(matrix.shape[1], rank + self.oversample, generator=generator, dtype=matrix.dtype)
        basis = LINALG.qr(matrix @ probes).Q
        for _ in range(self.iterations):
            basis = LINALG.qr(matrix @ LINALG.qr(matrix.T @ basis).Q).Q
        found = signed(*LINALG.svd(basis.T @ matrix, full_matrices=False))
        left = basis @ found.left
        return signed(left[:, :rank], found.values[:rank], found.right[:rank])


def signed(left: Tensor, values: Tensor, right: Tensor) -> Singular:
    """The largest entry of each left vector is positive."""
    if not left.numel():
        return Singular(left, values, right)
    places = left.abs().argmax(0, keepdim=True)
    signs = torch.where(left.gather(0, places) < 0, -1.0, 1.0).to(left.dtype)
    return Singular(left * signs, values, right * signs.T)


def balance(outer: Tensor, inner: Tensor) -> tuple[Tensor, Tensor]:
    """Two other factors of the same product, with the product's singular values shared between them."""
    one, other = LINALG.qr(outer), LINALG.qr(inner.T)
    middle = signed(*LINALG.svd(one.R @ other.R.T, full_matrices=False))
    root = middle.values.sqrt()
    return (one.Q @ middle.left) * root, root.unsqueeze(1) * (middle.right @ other.Q.T)

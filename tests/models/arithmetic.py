"""Arithmetic, comparisons and reductions in the forms that tracing turns into different operators."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import BATCH, Case, integers, normal, together

Outputs: TypeAlias = tuple[Tensor, ...]


class Computed(nn.Module):
    """A layer and what a function computes from its output."""

    def __init__(self, compute: Callable[[Tensor], Outputs]) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.compute = compute

    def forward(self, x: Tensor) -> Outputs:
        return self.compute(self.layer(x))


class IntegerArithmetic(nn.Module):
    """Integers all the way, up to a table that they index."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        whole = (x + 3 * y) // 2 - (x & 1) + (x ^ y) + (x << 1) % 7
        return whole, self.table(whole.remainder(10))


class Products(nn.Module):
    """Every form of a matrix product."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(8, 4))
        self.vector = nn.Parameter(torch.randn(8))
        self.bilinear = nn.Bilinear(8, 8, 3)

    def forward(self, x: Tensor, y: Tensor) -> Outputs:
        flat = x.flatten(0, 1)
        vectors = (x @ self.vector, flat.mv(self.vector), torch.outer(self.vector, self.vector))
        matrices = (x @ self.matrix, flat.mm(self.matrix), torch.addmm(self.matrix[0], flat, self.matrix))
        batches = (torch.bmm(x, y.mT), torch.baddbmm(x @ y.mT, x, y.mT, beta=0.5), x @ y.mT)
        return (*vectors, *matrices, *batches, self.bilinear(x, y))


class Einsum(nn.Module):
    """Products written as index equations."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 8, 6))

    def forward(self, x: Tensor) -> Outputs:
        heads = torch.einsum("bsd,hdk->bhsk", x, self.weight)
        return heads, torch.einsum("bhsk,bhtk->bhst", heads, heads), torch.einsum("bsd->bd", x)


def scalars(x: Tensor) -> Outputs:
    """Numbers on either side of an operator."""
    left = (1 - x, 2 / (x.abs() + 1), 2**x, 3 * x, 1 + x)
    return (*left, x - 1, x / 2, x**2, x.abs() ** 0.5, x % 2, x.detach() // 2, -x, torch.sub(x, 1, alpha=2), x**-1)


def twice(x: Tensor) -> Outputs:
    """One value as both operands, where two edges run between the same two nodes."""
    return (
        x * x,
        x + x,
        x - x * 0.5,
        torch.add(x, x, alpha=3),
        torch.div(x, x.abs() + 1, rounding_mode="floor"),
    )


def functions(x: Tensor) -> Outputs:
    """Elementary functions."""
    positive = x.abs() + 0.1
    grown = (torch.exp(x), torch.expm1(x), torch.log(positive), torch.log1p(positive), torch.sqrt(positive))
    turned = (torch.sin(x), torch.cos(x), torch.atan2(x, positive), torch.erf(x), torch.sinh(x))
    return (*grown, *turned, torch.rsqrt(positive), torch.reciprocal(positive), torch.sign(x), x.square())


def roundings(x: Tensor) -> Outputs:
    """Rounding and limits."""
    limits = (
        x.clamp(-0.5, 0.5),
        x.clamp(min=0),
        x.clamp_max(1),
        torch.minimum(x, x.flip(1)),
        torch.maximum(x, -x),
    )
    return (
        *limits,
        x.round(),
        x.floor(),
        x.ceil(),
        x.trunc(),
        x.frac(),
        torch.lerp(x, -x, 0.25),
        x.nan_to_num(),
    )


def masks(x: Tensor) -> Outputs:
    """Comparisons, what is made of them, and what they choose."""
    mask = (x > 0) & (x < 1) | ~(x >= -1)
    other = x.eq(0) | x.ne(x.flip(1)).logical_and(x <= 0.5)
    chosen = (torch.where(mask, x, -x), torch.where(x > 0, x, 0.0), x.masked_fill(mask, -1.0), x * mask)
    return mask, other, *chosen, mask.float(), mask.any(dim=1), mask.all(dim=-1, keepdim=True), torch.isnan(x)


def casts(x: Tensor) -> Outputs:
    """Changes of dtype, several of which change nothing."""
    return (
        x.double(),
        x.half(),
        x.to(torch.bfloat16),
        x.to(torch.int32),
        x.float(),
        x.to(x),
        x.type_as(x),
        x.bool(),
    )


def reductions(x: Tensor) -> Outputs:
    """Sums, means and spreads over one axis, several and all."""
    sums = (
        x.sum(),
        x.sum(-1),
        x.sum((0, 2)),
        x.sum(1, dtype=torch.float64),
        x.prod(-1),
        torch.logsumexp(x, 1),
    )
    means = (
        x.mean(),
        x.mean(-1, keepdim=True),
        x.mean((1, 2)),
        x.std(-1),
        x.var(1, correction=0),
        x.norm(dim=-1),
    )
    return (*sums, *means, torch.linalg.vector_norm(x, ord=1, dim=1))


def extremes(x: Tensor) -> Outputs:
    """Largest and smallest values, and where they are."""
    values, indices = x.max(dim=-1)
    least, _ = x.min(dim=1, keepdim=True)
    return (
        values,
        indices,
        least,
        x.max(),
        x.amax((1, 2)),
        x.amin(-1),
        x.argmax(-1),
        x.argmin(),
        x.median(-1).values,
    )


def exotic(x: Tensor) -> Outputs:
    """Operators that no table needs to know, several with more than one output."""
    values, indices = x.topk(3, dim=-1)
    ordered, order = x.sort(dim=1, descending=True)
    sums = (x.cumsum(-1), x.cumprod(1), torch.cummax(x, 1).values, torch.diff(x, dim=1))
    return values, indices, ordered, order, *sums, torch.cdist(x, x), x.logcumsumexp(1)


def fourier(x: Tensor) -> Outputs:
    """A transform and its inverse, complex in between."""
    spectrum = torch.fft.rfft(x, dim=-1)
    return spectrum.abs(), torch.fft.irfft(spectrum * 0.5, n=8, dim=-1)


def losses(x: Tensor) -> Outputs:
    """Losses that the model itself returns."""
    target = torch.tanh(x.flip(1)).detach()
    return F.mse_loss(x, target), F.l1_loss(x, target), F.smooth_l1_loss(x, target), F.huber_loss(x, target)


class Classification(nn.Module):
    """A model that returns its own loss, a number, beside its scores."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.head(x)
        return F.cross_entropy(scores, target), scores


class Encoded(nn.Module):
    """Classes spread over columns, and values sorted into bins."""

    def __init__(self) -> None:
        super().__init__()
        self.edges: Tensor
        self.layer = nn.Linear(6, 4)
        self.register_buffer("edges", torch.tensor([-1.0, 0.0, 1.0]))

    def forward(self, kinds: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer(F.one_hot(kinds, 6).float()), torch.bucketize(x, self.edges)


SEQUENCE = normal((BATCH, 5, 8))
FUNCTIONS = {
    "scalars": scalars,
    "twice": twice,
    "functions": functions,
    "roundings": roundings,
    "masks": masks,
    "casts": casts,
    "reductions": reductions,
    "extremes": extremes,
    "exotic": exotic,
    "fourier": fourier,
    "losses": losses,
}

CASES = (
    *(Case(name, partial(Computed, function), SEQUENCE) for name, function in FUNCTIONS.items()),
    Case("integer_arithmetic", IntegerArithmetic, integers((BATCH, 5), (BATCH, 5))),
    Case("products", Products, normal((BATCH, 5, 8), (BATCH, 5, 8))),
    Case("einsum", Einsum, SEQUENCE),
    Case("classification", Classification, together(normal((BATCH, 8)), integers((BATCH,), limit=5))),
    Case("encoded", Encoded, together(integers((BATCH,), limit=6), normal((BATCH, 4)))),
)

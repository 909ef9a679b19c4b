"""Rows of weights as they occur and as they should not: every kind that a clip rule must bear."""

import torch
from hypothesis import strategies as st

from nadoo_core.quantizing import Book
from nadoo_graphs.formats import standard_formats

KINDS = ("gaussian", "uniform", "heavy", "constant", "ties", "sparse", "outlier", "alternating", "subnormal")
FORMATS = ("int8", "int4", "int3", "int2", "4bitsym", "2bitsym", "ternary", "binarysym", "nf4", "fp130", "8bit")


def made(kind: str, rows: int, columns: int, seed: int) -> torch.Tensor:
    """Rows of one kind in float64, none of them all zero."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    alternating = torch.arange(columns) % 2 * 2 - 1
    values = {
        "gaussian": normal,
        "uniform": torch.rand(rows, columns, generator=generator, dtype=torch.float64) - 0.5,
        "heavy": normal**3,
        "constant": torch.full_like(normal, 0.7),
        "ties": (normal * 4).round() / 4,
        "sparse": normal * (torch.rand(rows, columns, generator=generator) > 0.9),
        "outlier": torch.cat([normal[:, :1] * 100, normal[:, 1:]], 1),
        "alternating": alternating.double().expand(rows, columns) * 0.3,
        "subnormal": normal * 1e-310,
    }[kind].clone()
    values[:, 0] = torch.where(values.abs().amax(1) > 0, values[:, 0], 1.0)
    return values


def tensors(columns: tuple[int, int] = (1, 24)) -> st.SearchStrategy[torch.Tensor]:
    """Rows of any kind but the subnormal ones."""
    return st.builds(made, st.sampled_from(KINDS[:-1]), st.integers(1, 5), st.integers(*columns), st.integers(0, 2**16))


def book(name: str) -> Book:
    """The book of a standard format."""
    return Book.of(standard_formats()[name])


def books() -> st.SearchStrategy[Book]:
    """The book of any format."""
    return st.sampled_from(FORMATS).map(book)

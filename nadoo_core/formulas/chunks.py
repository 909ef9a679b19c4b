"""Cutting a vector into chunks and choosing the most active ones."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

from nadoo_core.formulas.arrays import Reals, vector
from nadoo_core.formulas.errors import IgnoredRemainderWarning
from nadoo_core.formulas.parameters import require, whole


def chunk_sizes(elements: int, chunks: int) -> tuple[int, ...]:
    """Elements shared out among chunks as evenly as integers allow, the longer chunks first.

    Law: the sizes sum to the elements, fall, and differ by at most 1.
    """
    require(whole("elements", elements, 1), whole("chunks", chunks, 1))
    require(whole("chunks", chunks, 1, elements))
    shorter, longer = divmod(int(elements), int(chunks))
    return (shorter + 1,) * longer + (shorter,) * (int(chunks) - longer)


def chunk_scores(weights: ArrayLike, size: int) -> Reals:
    """The sum of magnitudes of every full chunk; a shorter rest is left out, with a warning.

    Law: ⌊length/size⌋ scores, each at least 0; scores(c·w) = |c|·scores(w).
    """
    numbers = vector(weights, "weights")
    require(whole("size", size, 1))
    require(whole("size", size, 1, numbers.size))
    count, rest = divmod(numbers.size, int(size))
    if rest:
        message = f"the last {rest} of {numbers.size} weights fill no chunk of {size}; choose a size that divides"
        warnings.warn(IgnoredRemainderWarning(message), stacklevel=2)
    return np.abs(numbers[: count * int(size)].reshape(count, int(size))).sum(axis=1)


def chunk_top_k(weights: ArrayLike, size: int, count: int) -> tuple[int, ...]:
    """The indices of the chunks with the largest sums of magnitudes, the largest first.

    Law: `count` different indices; no chunk left out scores higher than one chosen; among equals the lower index
    comes first; unchanged when the weights are multiplied by a power of two; selections are nested in `count`.
    """
    scores = chunk_scores(weights, size)
    require(whole("count", count, 1, scores.size))
    order = np.argsort(-scores, kind="stable")[: int(count)]
    return tuple(int(index) for index in order)

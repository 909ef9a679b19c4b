"""Chunks cover what they are cut from, and the most active ones are chosen."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies
from numpy.typing import NDArray

from nadoo_core.formulas import IgnoredRemainderWarning, chunk_scores, chunk_sizes, chunk_top_k
from tests.core.formulas.drawn import powers_of_two, vectors

pytestmark = pytest.mark.filterwarnings("ignore::nadoo_core.formulas.IgnoredRemainderWarning")
CUTS = vectors().flatmap(lambda values: strategies.tuples(strategies.just(values), strategies.integers(1, len(values))))


def test_the_selection_of_the_seed() -> None:
    assert chunk_top_k([1, 2, 3, 4, 5, 6, 7, 8], 4, 1) == (1,)
    assert chunk_top_k([1, 2, 3, 4, 5, 6, 7, 8], 4, 2) == (1, 0)


def test_of_equal_chunks_the_lower_index_comes_first() -> None:
    assert chunk_top_k([1, -1, 3, 0, 1, 1, -3, 0], 2, 4) == (1, 3, 0, 2)
    assert chunk_top_k(np.zeros(6), 2, 2) == (0, 1)


def test_a_remainder_is_left_out_with_a_warning() -> None:
    with pytest.warns(IgnoredRemainderWarning, match="the last 1 of 5 weights fill no chunk of 2"):
        assert chunk_top_k([1, 1, 0, 0, 99], 2, 1) == (0,)


def test_a_size_that_divides_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(chunk_scores([1, -1, 2, 0], 2), [2, 2])


def test_the_partition_of_the_seed() -> None:
    assert chunk_sizes(128, 12) == (11,) * 8 + (10,) * 4


@given(strategies.integers(1, 500).flatmap(lambda n: strategies.tuples(strategies.just(n), strategies.integers(1, n))))
def test_a_partition_is_even_and_complete(case: tuple[int, int]) -> None:
    """Sizes sum to the elements, fall, and differ by at most 1."""
    elements, chunks = case
    sizes = chunk_sizes(elements, chunks)
    assert (sum(sizes), len(sizes)) == (elements, chunks)
    assert list(sizes) == sorted(sizes, reverse=True)
    assert sizes[0] - sizes[-1] <= 1


@given(CUTS)
def test_no_chunk_left_out_is_more_active_than_one_chosen(case: tuple[NDArray[np.float64], int]) -> None:
    """`count` different indices in falling order of score, nested in the count."""
    values, size = case
    scores = chunk_scores(values, size)
    everything = chunk_top_k(values, size, len(scores))
    assert sorted(everything) == list(range(len(values) // size))
    assert all(scores[i] > scores[j] or (scores[i] == scores[j] and i < j) for i, j in pairwise(everything))
    assert all(chunk_top_k(values, size, count) == everything[:count] for count in range(1, len(scores) + 1))


@given(CUTS, powers_of_two())
def test_a_factor_changes_scores_and_not_the_selection(case: tuple[NDArray[np.float64], int], factor: float) -> None:
    """scores(c·w) = |c|·scores(w)."""
    values, size = case
    np.testing.assert_array_equal(chunk_scores(-factor * values, size), factor * chunk_scores(values, size))
    count = len(values) // size
    assert chunk_top_k(-factor * values, size, count) == chunk_top_k(values, size, count)

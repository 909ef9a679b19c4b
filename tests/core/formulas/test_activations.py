"""The positive share counts elements, so that batches and layers of any size add up."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies
from numpy.typing import NDArray

from nadoo_core.formulas import ActivationCount, mean_positive_share, positive_share, total_count
from nadoo_graphs.errors import EmptyTensorError
from tests.core.formulas.drawn import powers_of_two, vectors

BATCHES = strategies.lists(vectors(smallest=0, largest=12), max_size=6)


def test_zero_is_not_positive() -> None:
    count = ActivationCount.of([-1.0, 0.0, -0.0, 2.0])
    assert count == ActivationCount(positive=1, zero=2, total=4)
    assert (count.positive_share, count.zero_share) == (0.25, 0.5)


def test_a_wide_layer_counts_more_in_the_share_and_not_in_the_mean() -> None:
    layers = [np.ones(9), np.zeros(1)]
    assert positive_share(layers) == 0.9
    assert mean_positive_share(map(ActivationCount.of, layers)) == 0.5


def test_a_share_of_no_activation_is_refused() -> None:
    with pytest.raises(EmptyTensorError, match="at least one activation"):
        positive_share([])
    with pytest.raises(EmptyTensorError):
        mean_positive_share([])


@given(BATCHES)
def test_counts_of_batches_add_up_in_any_order(batches: list[NDArray[np.float64]]) -> None:
    """The count of the whole is the sum of the counts of its parts."""
    together = ActivationCount.of(np.concatenate([np.zeros(0), *batches]))
    assert total_count(map(ActivationCount.of, batches)) == together
    assert total_count(map(ActivationCount.of, reversed(batches))) == together


@given(vectors(), strategies.integers(1, 10))
def test_the_share_does_not_depend_on_the_batch_size(values: NDArray[np.float64], size: int) -> None:
    """Σ #(y > 0)/Σ numel(y) over any cut, and in [0, 1]."""
    cuts = [*range(0, len(values), size), len(values)]
    share = positive_share(values[start:end] for start, end in pairwise(cuts))
    assert share == positive_share([values]) == np.mean(values > 0)
    assert 0 <= share <= 1


@given(vectors(), powers_of_two())
def test_a_positive_factor_leaves_the_count_as_it_is(values: NDArray[np.float64], factor: float) -> None:
    """Unchanged by a positive rescaling of the layer."""
    assert ActivationCount.of(values * factor) == ActivationCount.of(values)


@given(vectors())
def test_shares_of_positive_and_zero_are_all_there_is_of_a_rectified_tensor(values: NDArray[np.float64]) -> None:
    """Positive + zero ≤ 1, and equal to 1 exactly where nothing is negative."""
    count, rectified = ActivationCount.of(values), ActivationCount.of(np.maximum(values, 0))
    assert (count.positive + count.zero == count.total) == bool((values >= 0).all())
    assert rectified.zero_share == pytest.approx(1 - rectified.positive_share)
    assert rectified.positive == count.positive


@given(strategies.lists(vectors(), min_size=1, max_size=5))
def test_the_mean_share_lies_between_the_layers(layers: list[NDArray[np.float64]]) -> None:
    """Between the smallest and the largest share of a layer; the share itself for layers of one width."""
    counts = [ActivationCount.of(layer) for layer in layers]
    found = [count.positive_share for count in counts]
    assert min(found) - 1e-12 <= mean_positive_share(counts) <= max(found) + 1e-12
    doubled = [counts[0], counts[0]]
    assert mean_positive_share(doubled) == total_count(doubled).positive_share

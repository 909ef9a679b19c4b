"""Masks prune exactly what they are asked to, smallest first, with ties broken by position."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, strategies
from numpy.typing import NDArray

from nadoo_core.formulas import (
    energy_kept,
    group_mask,
    keep_mask,
    lamp_scores,
    magnitude_mask,
    prune_below,
    prune_count,
    pruning_threshold,
    sparsity,
    threshold_mask,
)
from tests.core.formulas.drawn import powers_of_two, shares, vectors

REFERENCE = np.array([0.3, -0.1, 0.2, -0.5, 0.1, 0.4, -0.2, 0.6])
PARTIAL = strategies.floats(0, 0.999)
ROWS = strategies.integers(1, 8).flatmap(lambda groups: vectors(4 * groups, 4 * groups))


def test_half_of_the_reference_is_pruned_with_its_energy() -> None:
    mask = magnitude_mask(REFERENCE, 0.5)
    assert (REFERENCE * mask).tolist() == [0.3, 0, 0, -0.5, 0, 0.4, 0, 0.6]
    assert energy_kept(REFERENCE, mask) == pytest.approx(0.89583, abs=5e-6)
    np.testing.assert_array_equal(group_mask(REFERENCE, 2, 4), mask)


def test_the_threshold_of_the_seed() -> None:
    assert pruning_threshold([-1, 2, -3, 4], 0.5) == 2
    assert prune_below([-1, 2, -3, 4], 0.5).tolist() == [0, 2, -3, 4]


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_of_equal_weights_the_first_are_pruned(value: float) -> None:
    assert magnitude_mask(np.full(5, value), 0.4).tolist() == [False, False, True, True, True]
    assert group_mask(np.full(4, value), 1, 4).tolist() == [False, False, False, True]


def test_zeros_of_both_signs_are_equal() -> None:
    assert keep_mask([0.0, -0.0, 0.0, -0.0], 0.5).tolist() == [False, False, True, True]


def test_everything_is_pruned_only_when_that_is_allowed() -> None:
    assert not keep_mask([1, 2], 1, allow_dead_layer=True).any()
    assert not magnitude_mask([7], 0.5).any()


@pytest.mark.parametrize(
    ("elements", "share", "count"),
    [(10, 0.35, 4), (10, 0.34, 3), (0, 0.5, 0), (1, 0.5, 1), (1, 0.49999999999999994, 0), (8, 1, 8), (5, 0.5, 3)],
)
def test_a_count_is_rounded_half_up(elements: int, share: float, count: int) -> None:
    assert prune_count(elements, share) == count


@given(strategies.integers(1, 10**6), shares(), shares())
def test_a_count_is_the_nearest_integer(elements: int, first: float, second: float) -> None:
    """|count/elements − share| ≤ 1/(2·elements), non-decreasing in the share."""
    less, more = sorted((first, second))
    count = prune_count(elements, less)
    assert abs(count - Fraction(less) * elements) <= Fraction(1, 2) + Fraction(1, 10**6)
    assert 0 <= count <= prune_count(elements, more) <= elements


@given(vectors(smallest=0), PARTIAL)
def test_a_mask_prunes_the_exact_count_of_the_smallest(values: NDArray[np.float64], share: float) -> None:
    """Exactly k go, and every kept magnitude is at least every pruned one."""
    mask = magnitude_mask(values, share)
    assert int((~mask).sum()) == floor(share * values.size + 0.5)
    pruned, kept = np.abs(values[~mask]), np.abs(values[mask])
    assert pruned.max(initial=0.0) <= kept.min(initial=np.inf)
    np.testing.assert_array_equal(mask, keep_mask(np.abs(values), share))


@given(vectors(), PARTIAL, PARTIAL, powers_of_two())
def test_masks_are_nested_and_ignore_a_factor(
    values: NDArray[np.float64], first: float, second: float, factor: float
) -> None:
    """A larger share prunes a superset; masks of c·w and w are equal."""
    less, more = sorted((first, second))
    mask = magnitude_mask(values, less)
    assert not (magnitude_mask(values, more) & ~mask).any()
    np.testing.assert_array_equal(magnitude_mask(-factor * values, less), mask)


@given(vectors(), PARTIAL)
def test_pruning_again_prunes_the_same(values: NDArray[np.float64], share: float) -> None:
    """What was pruned is zero, so that the same share prunes nothing else that is not zero."""
    pruned = values * magnitude_mask(values, share)
    np.testing.assert_array_equal(pruned * magnitude_mask(pruned, share), pruned)


@given(vectors(), PARTIAL)
def test_the_energy_kept_is_at_least_the_share_kept(values: NDArray[np.float64], share: float) -> None:
    """Σ(W ⊙ M)²/ΣW² ≥ 1 − the share that was pruned, in [0, 1]."""
    mask = magnitude_mask(values, share)
    assert 1 - sparsity(mask) - 1e-12 <= energy_kept(values, mask) <= 1
    assert energy_kept(values, np.ones(values.size)) == 1


@given(ROWS, strategies.integers(1, 3))
def test_each_group_keeps_its_count_and_no_more_energy_than_free_choice(values: NDArray[np.float64], kept: int) -> None:
    """Exactly N of M stay; unstructured ≥ N:M ≥ the share kept."""
    mask = group_mask(values.reshape(-1, 4), kept, 4)
    assert (mask.sum(axis=1) == kept).all()
    free = energy_kept(values, magnitude_mask(values, 1 - kept / 4))
    assert free >= energy_kept(values, mask.ravel()) - 1e-12
    assert energy_kept(values, mask.ravel()) >= kept / 4 - 1e-12


@given(vectors(), shares(), shares(), powers_of_two())
def test_a_threshold_keeps_the_largest_and_is_nested(
    values: NDArray[np.float64], first: float, second: float, factor: float
) -> None:
    """|w| ≥ τ·max|W|: at least one stays, a larger τ prunes a superset, masks of c·w and w are equal."""
    less, more = sorted((first, second))
    mask = threshold_mask(values, less)
    np.testing.assert_array_equal(mask, np.abs(values) >= pruning_threshold(values, less))
    assert mask[np.argmax(np.abs(values))]
    assert not (threshold_mask(values, more) & ~mask).any()
    np.testing.assert_array_equal(threshold_mask(-factor * values, less), mask)


@given(vectors(), shares())
def test_pruning_below_the_threshold_twice_is_pruning_once(values: NDArray[np.float64], tau: float) -> None:
    """Idempotent, and W ⊙ mask."""
    pruned = prune_below(values, tau)
    np.testing.assert_array_equal(prune_below(pruned, tau), pruned)
    np.testing.assert_array_equal(pruned, values * threshold_mask(values, tau))


@given(vectors(), powers_of_two())
def test_the_threshold_is_linear_in_the_weights(values: NDArray[np.float64], factor: float) -> None:
    """t(c·W) = |c|·t(W); t = 0 at τ = 0 and max|W| at τ = 1."""
    assert pruning_threshold(-factor * values, 0.25) == factor * pruning_threshold(values, 0.25)
    assert (pruning_threshold(values, 0), pruning_threshold(values, 1)) == (0, np.abs(values).max())


def test_a_uniform_layer_keeps_what_the_threshold_leaves() -> None:
    uniform = np.linspace(-1, 1, 20_001)
    for tau in (0.1, 0.2, 0.3):
        assert 1 - sparsity(threshold_mask(uniform, tau)) == pytest.approx(1 - tau, abs=1e-3)


def test_lamp_scores_by_hand() -> None:
    np.testing.assert_allclose(lamp_scores([[2, -1], [0, 2]]), [[4 / 8, 1 / 9], [0, 1]])


@given(vectors(), powers_of_two())
def test_lamp_scores_are_ordered_as_magnitudes_and_end_at_one(values: NDArray[np.float64], factor: float) -> None:
    """In [0, 1], ordered as |w|, the largest scores 1, unchanged by a factor, 0 for a layer of zeros."""
    scores = lamp_scores(values)
    ranked = scores[np.argsort(np.abs(values), kind="stable")]
    assert (np.diff(ranked) >= 0).all()
    assert ranked[0] >= 0
    assert ranked[-1] == (1 if values.any() else 0)
    np.testing.assert_array_equal(lamp_scores(-factor * values), scores)


@given(vectors().filter(np.any))
def test_lamp_scores_follow_their_formula(values: NDArray[np.float64]) -> None:
    """w_i²/Σ_{j ≥ i} w_j² in the order of magnitude."""
    squares = np.sort(np.square(values / np.abs(values).max()))
    expected = [square / squares[place:].sum() for place, square in enumerate(squares)]
    np.testing.assert_allclose(np.sort(lamp_scores(values)), expected, rtol=1e-9, atol=1e-300)


@given(vectors(), shares())
def test_sparsity_and_energy_need_a_mask_of_the_same_shape(values: NDArray[np.float64], tau: float) -> None:
    """Sparsity is 1 − ΣM/N."""
    mask = threshold_mask(values, tau)
    assert sparsity(mask) == pytest.approx(1 - mask.mean())
    with pytest.raises(Exception, match="one shape"):
        energy_kept(values, np.ones(values.size + 1))

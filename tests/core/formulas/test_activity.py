"""The activity score is a norm, whichever measure is taken."""

import numpy as np
import pytest
from hypothesis import given, strategies
from numpy.typing import NDArray

from nadoo_core.formulas import Measure, activity_score, sample_activity
from tests.core.formulas.drawn import elements, pairs, powers_of_two, vectors

MEASURES = strategies.sampled_from(list(Measure))


def test_the_activity_of_the_seed() -> None:
    assert activity_score([-1, 2, -3, 4]) == 2.5
    assert activity_score([-1, 2, -3, 4], "max") == 4
    assert activity_score([-1, 2, -3, 4], "rms") == pytest.approx(7.5**0.5, rel=1e-15)


def test_each_sample_has_its_own_activity() -> None:
    np.testing.assert_array_equal(sample_activity([[[1, -3]], [[0, 0]], [[4, 4]]]), [2, 0, 4])


@pytest.mark.parametrize("measure", Measure)
@pytest.mark.parametrize("value", [5e-324, 1e-300, 1e300, 1.7e308])
def test_neither_tiny_nor_huge_values_leave_the_range(measure: Measure, value: float) -> None:
    assert activity_score([value, -value, value], measure) == pytest.approx(value, rel=1e-15)


@given(vectors(), MEASURES)
def test_only_zero_has_no_activity(values: NDArray[np.float64], measure: Measure) -> None:
    """A(x) ≥ 0, and A(x) = 0 exactly for x = 0."""
    score = activity_score(values, measure)
    assert score >= 0
    assert (score == 0) == (not values.any())


@given(vectors(), powers_of_two(), MEASURES)
def test_activity_scales_with_its_input(values: NDArray[np.float64], factor: float, measure: Measure) -> None:
    """A(cx) = |c|·A(x)."""
    assert activity_score(-factor * values, measure) == factor * activity_score(values, measure)


@given(vectors(), elements(), MEASURES)
def test_activity_scales_with_any_factor(values: NDArray[np.float64], factor: float, measure: Measure) -> None:
    """A(cx) = |c|·A(x), up to rounding for a factor that is no power of two."""
    expected = abs(factor) * activity_score(values, measure)
    assert activity_score(factor * values, measure) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(pairs(), MEASURES)
def test_a_sum_is_at_most_as_active_as_its_parts(
    both: tuple[NDArray[np.float64], NDArray[np.float64]], measure: Measure
) -> None:
    """A(x + y) ≤ A(x) + A(y)."""
    x, y = both
    bound = activity_score(x, measure) + activity_score(y, measure)
    assert activity_score(x + y, measure) <= bound * (1 + 1e-12)


@given(vectors())
def test_the_mean_is_below_the_root_mean_square_and_that_below_the_maximum(values: NDArray[np.float64]) -> None:
    """mean ≤ rms ≤ max."""
    mean, root, most = (activity_score(values, measure) for measure in ("mean", "rms", "max"))
    assert mean <= root * (1 + 1e-12)
    assert root <= most * (1 + 1e-12)


@given(strategies.lists(strategies.tuples(elements(), elements()), min_size=1, max_size=8), MEASURES)
def test_the_activity_of_a_sample_is_that_of_the_sample_alone(
    rows: list[tuple[float, float]], measure: Measure
) -> None:
    """A batch may be permuted and cut: entry i is the activity score of sample i."""
    alone = [activity_score(row, measure) for row in rows]
    np.testing.assert_allclose(sample_activity(rows, measure), alone, rtol=1e-12)

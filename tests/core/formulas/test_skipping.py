"""The probability of a skip, against closed forms, sampling, and the formula that is wrong."""

from math import erf, inf, sqrt

import numpy as np
import pytest
from hypothesis import given, strategies

from nadoo_core.formulas import skip_probability

LEVELS = strategies.floats(0, 4)
DIMENSIONS = strategies.integers(1, 200)


def test_the_reference_values_at_128_dimensions() -> None:
    assert skip_probability(0.1, 128) == pytest.approx(0.0, abs=1e-12)
    assert skip_probability(0.8, 128) == pytest.approx(0.516, abs=5e-4)


def test_it_is_not_the_formula_in_circulation() -> None:
    circulating = erf(0.1 * sqrt(128) / sqrt(np.pi))
    assert circulating == pytest.approx(0.633, abs=5e-4)
    assert skip_probability(0.1, 128) < 1e-12


@given(LEVELS)
def test_one_dimension_is_the_error_function(level: float) -> None:
    """P = erf(τ/(σ√2)) for d = 1."""
    assert skip_probability(level, 1) == erf(level / sqrt(2))


@given(LEVELS)
def test_two_dimensions_are_its_square(level: float) -> None:
    """The rotated square |x| + |y| < 2τ has probability erf(τ/σ)²."""
    assert skip_probability(level, 2) == pytest.approx(erf(level) ** 2, abs=1e-10)


@pytest.mark.parametrize("dimension", [3, 8, 15, 16, 128])
@pytest.mark.parametrize("level", [0.5, 0.7, 0.8, 0.9, 1.2])
def test_sampling_agrees(dimension: int, level: float) -> None:
    samples = np.random.default_rng(0).standard_normal((20_000, dimension))
    share = float(np.mean(np.abs(samples).mean(axis=1) < level))
    assert skip_probability(level, dimension) == pytest.approx(share, abs=0.025)


@given(DIMENSIONS, strategies.floats(-2, 6), strategies.floats(-2, 6))
def test_a_higher_threshold_never_skips_less(dimension: int, first: float, second: float) -> None:
    """In [0, 1], 0 for τ ≤ 0, non-decreasing in τ."""
    low, high = sorted((first, second))
    below, over = skip_probability(low, dimension), skip_probability(high, dimension)
    assert 0 <= below <= over + 1e-10 <= 1 + 2e-10
    assert low > 0 or below == 0


@given(DIMENSIONS, LEVELS, strategies.floats(1e-3, 1e3))
def test_only_the_ratio_of_threshold_and_deviation_counts(dimension: int, level: float, factor: float) -> None:
    """P(cτ; cσ) = P(τ; σ) for c > 0."""
    scaled = skip_probability(level * factor, dimension, factor)
    assert scaled == pytest.approx(skip_probability(level, dimension), abs=1e-10)


@pytest.mark.parametrize("dimension", [1, 2, 15, 16])
def test_an_infinite_threshold_always_skips(dimension: int) -> None:
    assert skip_probability(inf, dimension) == 1
    assert skip_probability(-inf, dimension) == 0


def test_the_normal_approximation_begins_close_to_the_exact_distribution() -> None:
    assert skip_probability(0.8, 15) == pytest.approx(skip_probability(0.8, 16), abs=0.02)

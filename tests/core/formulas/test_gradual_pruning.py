"""Sparsity that grows along a cubic curve or round by round."""

import pytest
from hypothesis import given, strategies

from nadoo_core.formulas import CubicSparsity, FormulaError, remaining_share, rounds_to_reach

STEPS = strategies.floats(0, 1000)
CURVES = strategies.builds(
    lambda ends, start, updates, interval: CubicSparsity(
        initial=min(ends), final=max(ends), start=start, updates=updates, interval=interval
    ),
    strategies.tuples(strategies.floats(0, 1), strategies.floats(0, 1)),
    strategies.floats(0, 500),
    strategies.integers(1, 100),
    strategies.floats(0.5, 10),
)


def test_a_curve_by_hand() -> None:
    curve = CubicSparsity(final=0.8, start=10, updates=5, interval=2)
    assert [curve.sparsity(step) for step in (0, 10, 20, 99)] == [0, 0, 0.8, 0.8]
    assert curve.sparsity(15) == pytest.approx(0.8 * (1 - 0.5**3))


@given(CURVES, STEPS, STEPS)
def test_the_curve_rises_between_its_ends(curve: CubicSparsity, first: float, second: float) -> None:
    """Non-decreasing in t, s_i until t₀, s_f from t₀ + nΔ."""
    before, after = sorted((first, second))
    assert curve.initial <= curve.sparsity(before) <= curve.sparsity(after) + 1e-12
    assert curve.sparsity(after) <= curve.final
    assert curve.sparsity(curve.start) == curve.initial
    assert curve.sparsity(curve.start + 1.01 * curve.updates * curve.interval) == curve.final


@given(CURVES, strategies.floats(0, 1))
def test_the_curve_follows_its_formula(curve: CubicSparsity, progress: float) -> None:
    """s_f + (s_i − s_f)(1 − (t − t₀)/(nΔ))³."""
    step = curve.start + progress * curve.updates * curve.interval
    expected = curve.final + (curve.initial - curve.final) * (1 - progress) ** 3
    assert curve.sparsity(step) == pytest.approx(expected, abs=1e-9)


def test_a_curve_names_everything_that_is_wrong_with_it() -> None:
    with pytest.raises(FormulaError) as refusal:
        CubicSparsity(final=2, initial=-1, start=-1, updates=0, interval=0)
    assert [problem.where for problem in refusal.value.problems] == ["final", "initial", "start", "updates", "interval"]


def test_the_rounds_of_the_reference() -> None:
    assert rounds_to_reach(0.9, 0.2) == 11
    assert remaining_share(11, 0.2) <= 0.1 < remaining_share(10, 0.2)


@pytest.mark.parametrize(
    ("sparsity", "share", "rounds"), [(0.36, 0.2, 2), (0, 0.2, 0), (0.5, 1, 1), (0, 1, 0), (0.75, 0.5, 2)]
)
def test_a_whole_number_of_rounds_is_not_one_more(sparsity: float, share: float, rounds: int) -> None:
    assert rounds_to_reach(sparsity, share) == rounds


@given(strategies.floats(0, 0.999), strategies.floats(0.01, 1))
def test_the_rounds_suffice_and_one_less_does_not(sparsity: float, share: float) -> None:
    """The smallest r with (1 − p)^r ≤ 1 − S, up to rounding."""
    rounds = rounds_to_reach(sparsity, share)
    assert remaining_share(rounds, share) <= (1 - sparsity) * (1 + 1e-9)
    assert rounds == 0 or remaining_share(rounds - 1, share) > (1 - sparsity) * (1 - 1e-9)


@given(strategies.integers(0, 20), strategies.integers(0, 20), strategies.floats(0, 1))
def test_rounds_multiply(first: int, second: int, share: float) -> None:
    """remaining(r + q) = remaining(r)·remaining(q)."""
    product = remaining_share(first, share) * remaining_share(second, share)
    assert remaining_share(first + second, share) == pytest.approx(product, rel=1e-12, abs=1e-300)

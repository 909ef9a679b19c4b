"""Hold-out: Spearman's ρ on cases that are known, the errors of pairs, and how many new measurements fall inside."""

from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_core.cost.hold_out import HoldOut, rank_correlation

SEEDS, MODELS, NEW = 40, 25, 20


@pytest.mark.parametrize(
    ("first", "second", "correlation"),
    [
        ([1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.8207826816681233),  # published, with a tie
        ([86, 97, 99, 100, 101, 103, 106, 110, 112, 113], [2, 20, 28, 27, 50, 29, 7, 17, 6, 12], -29 / 165),
        ([1, 2, 3], [10, 20, 30], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        ([1, 2, 2, 3], [1, 2, 2, 3], 1.0),
        ([1, 2, 3, 4], [2, 1, 4, 3], 0.6),
    ],
)
def test_the_correlation_of_ranks_is_what_is_known(first: list[float], second: list[float], correlation: float) -> None:
    assert rank_correlation(first, second) == pytest.approx(correlation, abs=1e-12)


@pytest.mark.parametrize(("first", "second"), [([], []), ([1.0], [2.0]), ([1.0, 2.0], [3.0, 3.0])])
def test_a_single_value_has_no_order(first: list[float], second: list[float]) -> None:
    assert rank_correlation(first, second) is None


@given(st.lists(st.tuples(st.floats(0.1, 1e6), st.floats(0.1, 1e6)), min_size=2, max_size=12))
def test_the_correlation_is_symmetric_bounded_and_blind_to_scale(pairs: list[tuple[float, float]]) -> None:
    one, other = zip(*pairs, strict=True)
    found = rank_correlation(one, other)
    assert found == rank_correlation(other, one)
    assert found is None or -1 - 1e-9 <= found <= 1 + 1e-9
    assert found == rank_correlation([value * 2 for value in one], other)


def test_errors_are_relative_to_what_was_measured() -> None:
    found = HoldOut(((10.0, 12.0), (10.0, 9.0), (10.0, 10.0)))
    assert found.errors == pytest.approx((0.2, -0.1, 0.0))
    assert found.mean_error == pytest.approx(0.1)
    assert found.median_error == pytest.approx(0.1)
    assert found.worst_error == pytest.approx(0.2)


def test_nothing_held_out_says_nothing() -> None:
    found = HoldOut(())
    assert found.mean_error is found.median_error is found.worst_error is found.coverage is None
    assert found.interval is found.rank_correlation is None


def drawn(draw: np.random.Generator, count: int, spread: str) -> list[tuple[float, float]]:
    """Pairs whose errors are normal, or have heavy tails."""
    errors = draw.standard_normal(count) if spread == "normal" else draw.standard_t(2, count)
    return [(exp(0.1 * float(error)), 1.0) for error in errors]


@pytest.mark.parametrize("spread", ["normal", "heavy tails"])
def test_nine_new_measurements_in_ten_fall_inside_whatever_the_errors_look_like(spread: str) -> None:
    draw = np.random.default_rng(7)
    inside: list[bool] = []
    for _ in range(SEEDS):
        interval = HoldOut(tuple(drawn(draw, MODELS, spread))).interval
        assert interval is not None
        inside += [interval.below <= measured <= interval.above for measured, _ in drawn(draw, NEW, spread)]
    assert 0.88 <= np.mean(inside) <= 0.96  # 0.923 by theory for 25 models; intervals differ by 0.05 each


def test_its_own_coverage_is_that_of_each_pair_by_the_others() -> None:
    draw = np.random.default_rng(3)
    shares = [HoldOut(tuple(drawn(draw, MODELS, "normal"))).coverage for _ in range(SEEDS)]
    assert 0.86 <= np.mean([share or 0.0 for share in shares]) <= 0.98
    outlier = HoldOut(tuple([(1.0, 1.0), (1.01, 1.0)] * 6 + [(3.0, 1.0)]))
    assert outlier.coverage == pytest.approx(12 / 13)


@settings(max_examples=30)
@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=30), st.floats(0.01, 100))
def test_a_range_follows_the_unit_of_what_is_predicted(ratios: list[float], factor: float) -> None:
    one = HoldOut(tuple((ratio, 1.0) for ratio in ratios)).interval
    other = HoldOut(tuple((ratio * factor, factor) for ratio in ratios)).interval
    assert one is not None
    assert other is not None
    assert (one.below, one.above) == pytest.approx((other.below, other.above))

"""What skipping saves, with the figures of the seed."""

import pytest
from hypothesis import given, strategies

from nadoo_core.formulas import cost_reduction, expected_cost, worst_case_cost
from tests.core.formulas.drawn import shares

BLOCKS = strategies.integers(1, 1000)
DIMENSIONS = strategies.integers(1, 4096)


def test_the_costs_of_the_seed() -> None:
    assert worst_case_cost(3, 2) == 18
    assert expected_cost(3, 2, 0.5) == 12


@pytest.mark.parametrize(("skipped", "cost", "saved"), [(1 / 3, 66304, 0.3307), (2 / 3, 33536, 0.6615)])
def test_the_costs_of_six_blocks_of_128(skipped: float, cost: int, saved: float) -> None:
    assert expected_cost(6, 128, skipped) == pytest.approx(cost, rel=1e-12)
    assert cost_reduction(128, skipped) == pytest.approx(saved, abs=5e-5)


@given(BLOCKS, DIMENSIONS)
def test_without_skipping_the_expected_cost_is_the_worst(blocks: int, dimension: int) -> None:
    """C(s = 0) = B(d + d²), C(s = 1) = B·d, and no blocks cost nothing."""
    assert expected_cost(blocks, dimension, 0) == worst_case_cost(blocks, dimension)
    assert expected_cost(blocks, dimension, 1) == blocks * dimension
    assert worst_case_cost(blocks, dimension) == blocks * worst_case_cost(1, dimension)
    assert worst_case_cost(0, dimension) == 0


@given(BLOCKS, DIMENSIONS, shares(), shares())
def test_skipping_more_never_costs_more(blocks: int, dimension: int, first: float, second: float) -> None:
    """C is non-increasing in s."""
    less, more = sorted((first, second))
    assert expected_cost(blocks, dimension, more) <= expected_cost(blocks, dimension, less)


@given(BLOCKS, DIMENSIONS, shares())
def test_the_reduction_is_that_of_the_costs(blocks: int, dimension: int, skipped: float) -> None:
    """1 − C_exp/C_worst = s·d/(d + 1) ≤ s."""
    ratio = expected_cost(blocks, dimension, skipped) / worst_case_cost(blocks, dimension)
    assert cost_reduction(dimension, skipped) == pytest.approx(1 - ratio, abs=1e-12)
    assert cost_reduction(dimension, skipped) <= skipped

"""Rounding agrees with exact fractions on ties, near ties and beyond the mantissa, in both libraries."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_graphs.formats import Rounding, round_reals, shift_right

TIES = (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5)
TABLE = {
    Rounding.RNE: (-2, -2, 0, 0, 2, 2),
    Rounding.RHU: (-2, -1, 0, 1, 2, 3),
    Rounding.RHAZ: (-3, -2, -1, 1, 2, 3),
    Rounding.FLOOR: (-3, -2, -1, 0, 1, 2),
}
MODES = st.sampled_from(Rounding)


def exactly(value: Fraction, rounding: Rounding) -> int:
    """The definition, in fractions."""
    if rounding is Rounding.RNE:
        return round(value)
    if rounding is Rounding.RHU:
        return floor(value + Fraction(1, 2))
    if rounding is Rounding.FLOOR:
        return floor(value)
    return floor(value + Fraction(1, 2)) if value > 0 else ceil(value - Fraction(1, 2))


@pytest.mark.parametrize("rounding", Rounding)
def test_ties_follow_the_table(rounding: Rounding) -> None:
    assert tuple(round_reals(np.array(TIES), rounding)) == TABLE[rounding]
    assert tuple(round_reals(torch.tensor(TIES), rounding).tolist()) == TABLE[rounding]


@pytest.mark.parametrize("rounding", Rounding)
def test_halves_of_integers_follow_the_same_table(rounding: Rounding) -> None:
    doubled = [int(2 * tie) for tie in TIES]
    assert tuple(shift_right(np.array(doubled), 1, rounding)) == TABLE[rounding]
    assert tuple(shift_right(torch.tensor(doubled), 1, rounding).tolist()) == TABLE[rounding]


@given(st.floats(-(2.0**60), 2.0**60) | st.sampled_from([0.49999999999999994, -0.49999999999999994]), MODES)
def test_reals_round_exactly(value: float, rounding: Rounding) -> None:
    """round_reals(x) is the rounding of the real number x, with no error of its own."""
    expected = exactly(Fraction(value), rounding)
    assert int(round_reals(np.array([value]), rounding)[0]) == expected
    assert int(round_reals(torch.tensor([value], dtype=torch.float64), rounding)[0]) == expected


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 62), MODES)
def test_shifts_round_exactly(value: int, bits: int, rounding: Rounding) -> None:
    """shift_right(v, n) is the rounding of v / 2**n over the whole range of int64."""
    expected = exactly(Fraction(value, 1 << bits), rounding)
    assert int(shift_right(np.array([value]), bits, rounding)[0]) == expected
    assert int(shift_right(torch.tensor([value]), torch.tensor([bits]), rounding)[0]) == expected


@pytest.mark.parametrize("rounding", Rounding)
def test_the_dtype_is_kept_and_nothing_is_an_empty_result(rounding: Rounding) -> None:
    assert round_reals(np.zeros(0, dtype=np.float32), rounding).dtype == np.float32
    assert round_reals(torch.zeros(3, dtype=torch.float32), rounding).dtype == torch.float32
    assert shift_right(np.zeros(0, dtype=np.int64), 3, rounding).shape == (0,)


def test_every_mode_has_a_meaning_of_its_own() -> None:
    assert len({rounding.meaning for rounding in Rounding}) == len(Rounding)

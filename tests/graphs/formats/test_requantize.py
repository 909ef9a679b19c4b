"""Requantization: every vector, the laws of both modes over all of int32, and refusals."""

from collections.abc import Callable
from fractions import Fraction
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_graphs.errors import FormatError
from nadoo_graphs.formats import (
    Requantization,
    RequantizationMode,
    Rounding,
    decompose_multiplier,
    requantize,
)
from nadoo_graphs.formats.requantize import INT32_MAXIMUM, INT32_MINIMUM, doubling_high_product

DOUBLE, SINGLE = RequantizationMode.DOUBLE, RequantizationMode.SINGLE
WIDE = (INT32_MINIMUM, INT32_MAXIMUM)
ACCUMULATORS = st.integers(*WIDE) | st.integers(-300, 300)
FACTORS = st.floats(2.0**-40, 0.999) | st.floats(2.0**-12, 2.0**-1) | st.sampled_from([0.25, 0.5, 0.75])


def rescaled(accumulator: int, factor: float, mode: RequantizationMode) -> int:
    """One accumulator without zero point and bounds."""
    return int(Requantization.of(factor, 0, *WIDE, mode).apply(np.array([accumulator]))[0])


@pytest.mark.parametrize(
    ("factor", "accumulator", "double", "single"),
    [
        (0.25, -2, -1, 0),
        (0.25, 1, 1, 0),
        (0.5, 3, 2, 2),
        (0.5, -3, -1, -1),
        (0.5, 1, 1, 1),
        (0.5, -1, 0, 0),
        (1.5, 3, 5, 5),
        (1.5, -3, -4, -4),
        (0.007247427341846, 1000, 7, 7),
    ],
)
def test_the_vectors_of_both_modes(factor: float, accumulator: int, double: int, single: int) -> None:
    assert rescaled(accumulator, factor, DOUBLE) == double
    assert rescaled(accumulator, factor, SINGLE) == single


@pytest.mark.parametrize(
    ("factor", "pair"),
    [
        (0.007247427341846, (1992157658, -7)),
        (0.5, (1 << 30, 0)),
        (0.25, (1 << 30, -1)),
        (1.0, (1 << 30, 1)),
        (1.5, (3 << 29, 1)),
        (0.0, (0, 0)),
        (1 - 2.0**-40, (1 << 30, 1)),
        (2.0**-32, (1 << 30, -31)),
        (2.0**-33, (0, 0)),
        (5e-324, (0, 0)),
        (2.0**30, (1 << 30, 31)),
    ],
)
def test_factors_are_decomposed(factor: float, pair: tuple[int, int]) -> None:
    assert decompose_multiplier(factor) == pair


@given(st.floats(2.0**-32, 2.0**30))
def test_a_decomposed_factor_is_within_half_a_unit(factor: float) -> None:
    """multiplier / 2**31 * 2**exponent is the factor to a relative error of 2**-31."""
    multiplier, exponent = decompose_multiplier(factor)
    assert 1 << 30 <= multiplier < 1 << 31
    assert abs(multiplier * 2.0 ** (exponent - 31) - factor) <= factor * 2.0**-31


@pytest.mark.parametrize("factor", [nan, inf, -inf, -1.0, -5e-324, 2.0**31, 2.0**31 - 2.0**-20, 1e300])
def test_factors_without_integers_are_refused(factor: float) -> None:
    with pytest.raises(FormatError, match=r"multiplier of channel 1: the factor is .*; it must be"):
        Requantization.of([0.5, factor], 0, -128, 127)


@given(ACCUMULATORS, FACTORS)
def test_each_mode_is_as_near_to_the_real_product_as_it_claims(accumulator: int, factor: float) -> None:
    """|double - exact| <= 3/4 and |single - exact| <= 1/2 for every int32 and every factor below one."""
    multiplier, exponent = decompose_multiplier(factor)
    exact = accumulator * Fraction(multiplier) * Fraction(2) ** (exponent - 31)
    assert abs(rescaled(accumulator, factor, DOUBLE) - exact) <= Fraction(3, 4)
    assert abs(rescaled(accumulator, factor, SINGLE) - exact) <= Fraction(1, 2)


@given(ACCUMULATORS, FACTORS)
def test_double_rounding_is_that_of_the_kernels(accumulator: int, factor: float) -> None:
    """The reference kernel in Python integers, whose division truncates, gives the same."""
    multiplier, exponent = decompose_multiplier(factor)
    product = (accumulator << max(exponent, 0)) * multiplier
    nudged = product + ((1 << 30) if product >= 0 else 1 - (1 << 30))
    high = abs(nudged) // (1 << 31) * (1 if nudged >= 0 else -1)
    right = max(-exponent, 0)
    remainder = high & ((1 << right) - 1)
    threshold = (((1 << right) - 1) >> 1) + (high < 0)
    if WIDE[0] <= accumulator << max(exponent, 0) <= WIDE[1]:
        assert rescaled(accumulator, factor, DOUBLE) == (high >> right) + (remainder > threshold)


@given(
    st.lists(ACCUMULATORS, min_size=2, max_size=20),
    st.floats(0, 2.0**30),
    st.integers(-128, 127),
    st.sampled_from(RequantizationMode),
)
def test_requantization_is_monotone_and_stays_in_bounds(
    accumulators: list[int], factor: float, zero_point: int, mode: RequantizationMode
) -> None:
    """A larger accumulator never gives a smaller code, and no code leaves the bounds, for any factor."""
    codes = Requantization.of(factor, zero_point, -128, 127, mode).apply(np.array(sorted(accumulators)))
    assert bool((np.diff(codes) >= 0).all())
    assert codes.min() >= -128
    assert codes.max() <= 127


@given(
    st.lists(ACCUMULATORS, min_size=1, max_size=20),
    st.floats(1.0, 2.0**30),
    st.sampled_from(RequantizationMode),
)
def test_large_factors_saturate_rather_than_wrap(
    accumulators: list[int], factor: float, mode: RequantizationMode
) -> None:
    """Factors of one and more agree with the exact product, clamped to 16 bits, within one unit."""
    multiplier, exponent = decompose_multiplier(factor)
    codes = Requantization.of(factor, 0, -32768, 32767, mode).apply(np.array(accumulators))
    for accumulator, code in zip(accumulators, codes.tolist(), strict=True):
        exact = accumulator * Fraction(multiplier) * Fraction(2) ** (exponent - 31)
        assert abs(code - min(max(exact, -32768), 32767)) <= Fraction(1, 2)


@given(st.lists(ACCUMULATORS, max_size=20), FACTORS, st.sampled_from(RequantizationMode))
def test_arrays_and_tensors_agree(accumulators: list[int], factor: float, mode: RequantizationMode) -> None:
    """NumPy and torch give the same codes in the same dtype."""
    requantization = Requantization.of([factor] * 1, 3, -128, 127, mode)
    array = requantization.apply(np.array(accumulators, dtype=np.int64))
    tensor = requantization.apply(torch.tensor(accumulators, dtype=torch.int64))
    assert tensor.dtype == torch.int64
    assert tensor.tolist() == array.tolist()


@pytest.mark.parametrize("make", [np.array, torch.tensor])
@pytest.mark.parametrize("mode", RequantizationMode)
def test_each_channel_has_its_own_factor(make: Callable[[Any], Any], mode: RequantizationMode) -> None:
    factors = [0.5, 0.007247427341846, 1.5]
    requantization = Requantization.of(factors, -3, -128, 127, mode)
    columns = [[1000, 1000, 7], [-1000, -1000, -7]]
    expected = [
        [
            int(Requantization.of(factor, -3, -128, 127, mode).apply(np.array([value]))[0])
            for factor, value in zip(factors, line, strict=True)
        ]
        for line in columns
    ]
    assert requantization.apply(make(columns)).tolist() == expected
    transposed = [list(line) for line in zip(*columns, strict=True)]
    assert requantization.apply(make(transposed), axis=0).tolist() == [
        list(line) for line in zip(*expected, strict=True)
    ]


@pytest.mark.parametrize(("zero_point", "code"), [(5, 5), (300, 127), (-300, -128)])
@pytest.mark.parametrize("mode", RequantizationMode)
def test_a_factor_of_zero_gives_the_zero_point(zero_point: int, code: int, mode: RequantizationMode) -> None:
    accumulators = np.array([INT32_MINIMUM, -1, 0, INT32_MAXIMUM])
    assert Requantization.of(0.0, zero_point, -128, 127, mode).apply(accumulators).tolist() == [code] * 4


@pytest.mark.parametrize("mode", RequantizationMode)
def test_nothing_is_requantized_to_nothing(mode: RequantizationMode) -> None:
    assert Requantization.of(0.5, 0, -128, 127, mode).apply(np.zeros((0, 3), dtype=np.int64)).shape == (0, 3)


def test_a_left_shift_saturates_in_double_mode_and_has_room_in_single_mode() -> None:
    assert rescaled((1 << 30) + 1, 1.0, DOUBLE) == 1 << 30
    assert rescaled((1 << 30) + 1, 1.0, SINGLE) == (1 << 30) + 1


def test_the_one_product_that_saturates() -> None:
    product = doubling_high_product(np.array([INT32_MINIMUM]), INT32_MINIMUM)
    assert product.tolist() == [INT32_MAXIMUM]


def test_the_modes_differ_now_and_then_but_never_by_more_than_one() -> None:
    generator = np.random.default_rng(0)
    accumulators = generator.integers(-(2**20), 2**20, size=20_000)
    double, single = (Requantization.of(0.0009765, 0, *WIDE, mode).apply(accumulators) for mode in (DOUBLE, SINGLE))
    assert np.abs(double - single).max() == 1


def test_powers_of_two_are_recognised() -> None:
    assert Requantization.of([0.5, 0.0, 2.0**-9], 0, -128, 127).shifts_only
    assert not Requantization.of([0.5, 0.3], 0, -128, 127).shifts_only


def test_the_roundings_have_names() -> None:
    assert DOUBLE.roundings == (Rounding.RHU, Rounding.RHAZ)
    assert SINGLE.roundings == (Rounding.RHU,)


def test_the_factors_can_be_read_back() -> None:
    assert Requantization.of([0.25, 0.0, 1.5], 0, -128, 127).factors == (0.25, 0.0, 1.5)


def test_the_function_is_the_class_applied_once() -> None:
    accumulators = np.array([[1000, -1000]])
    assert requantize(accumulators, 1992157658, -7, 1, -128, 127, "single").tolist() == [[8, -6]]
    assert requantize(torch.tensor([[3, 3]]), [1 << 30, 3 << 29], [0, 1], 0, -128, 127).tolist() == [[2, 5]]


def test_everything_wrong_with_the_integers_is_reported_at_once() -> None:
    with pytest.raises(FormatError) as caught:
        Requantization(multipliers=(7, 1 << 31), exponents=(32,), zero_point=1 << 31, low=5, high=4)
    assert len(caught.value.problems) == 5
    for part in ("2 multipliers and 1 exponents", "[7, 2147483648]", "[32]", "5 and 4", "zero point"):
        assert part in str(caught.value)


def test_no_factor_at_all_is_refused() -> None:
    with pytest.raises(FormatError, match="0 multipliers and 0 exponents"):
        Requantization.of([], 0, -128, 127)


def test_an_unknown_mode_is_refused_with_the_known_ones() -> None:
    with pytest.raises(FormatError, match="'triple'; allowed: 'double', 'single'"):
        Requantization.of(0.5, 0, -128, 127, "triple")


@pytest.mark.parametrize("accumulator", [np.array([1 << 31]), torch.tensor([-(1 << 31) - 1])])
def test_accumulators_beyond_int32_are_refused(accumulator: Any) -> None:
    with pytest.raises(FormatError, match="1 elements do not fit in int32"):
        Requantization.of(0.5, 0, -128, 127).apply(accumulator)


@pytest.mark.parametrize("accumulator", [np.array([1], dtype=np.int32), torch.tensor([1.0])])
def test_accumulators_in_a_dtype_that_would_overflow_are_refused(accumulator: Any) -> None:
    with pytest.raises(FormatError, match="hold it in int64"):
        Requantization.of(0.5, 0, -128, 127).apply(accumulator)


@pytest.mark.parametrize(("shape", "axis"), [((2, 3), 1), ((2,), 1), ((2, 2), 2), ((), -1)])
def test_factors_that_do_not_match_the_channels_are_refused(shape: tuple[int, ...], axis: int) -> None:
    with pytest.raises(FormatError, match=f"2 factors for axis {axis} of the shape"):
        Requantization.of([0.5, 0.5], 0, -128, 127).apply(np.zeros(shape, dtype=np.int64), axis)

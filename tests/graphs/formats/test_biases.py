"""Biases, folded zero points and fused clamps give the integers that a layer needs, exactly."""

from math import inf, nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_graphs.errors import FormatError, NonFiniteError
from nadoo_graphs.formats import fold_zero_point, fused_bounds, quantize_bias


def test_a_bias_is_in_units_of_the_accumulator() -> None:
    codes = quantize_bias(torch.tensor([1.0, -0.375, 0.0]), 0.5, 0.25)
    assert codes.dtype == torch.int32
    assert codes.tolist() == [8, -3, 0]


def test_each_channel_has_its_own_unit_and_ties_go_to_even() -> None:
    assert quantize_bias(torch.tensor([2.5, 2.5]), 1.0, torch.tensor([1.0, 0.5])).tolist() == [2, 5]


def test_a_bias_beyond_int32_is_clamped() -> None:
    codes = quantize_bias(torch.tensor([1e30, -1e30]), 1.0, 1.0)
    assert codes.tolist() == [2**31 - 1, -(2**31)]


def test_an_empty_bias_stays_empty() -> None:
    assert quantize_bias(torch.zeros(0), 1.0, 1.0).shape == (0,)


def test_biases_and_scales_without_a_meaning_are_refused() -> None:
    with pytest.raises(NonFiniteError, match=r"fc\.bias: 1 of 2"):
        quantize_bias(torch.tensor([nan, 1.0]), 1.0, 1.0, "fc.bias")
    for scale in (0.0, -1.0, nan, inf):
        with pytest.raises(FormatError, match="input scale times weight scale: the scale is"):
            quantize_bias(torch.ones(2), scale, 1.0)
    with pytest.raises(FormatError, match=r"shape \(3,\) for values of shape \(2,\)"):
        quantize_bias(torch.ones(2), 1.0, torch.ones(3))
    with pytest.raises(FormatError, match="takes real numbers"):
        quantize_bias(torch.ones(2, dtype=torch.int32), 1.0, 1.0)


@given(st.integers(-128, 127), st.integers(0, 2**32 - 1))
def test_a_folded_zero_point_changes_no_accumulator(zero_point: int, seed: int) -> None:
    """sum (x - z) w + b = sum x w + (b - z sum w)."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randint(-127, 128, (3, 2, 2), generator=generator, dtype=torch.int8)
    inputs = torch.randint(-128, 128, (2, 2), generator=generator)
    bias = torch.randint(-1000, 1000, (3,), generator=generator, dtype=torch.int32)
    direct = ((inputs - zero_point) * weights).sum((1, 2)) + bias
    folded = (inputs * weights).sum((1, 2)) + fold_zero_point(bias, weights, zero_point)
    assert torch.equal(direct, folded)


def test_a_folded_bias_beyond_int32_is_refused() -> None:
    bias = torch.tensor([2**31 - 1, 0], dtype=torch.int32)
    with pytest.raises(FormatError, match="fc: 1 of 2 folded biases do not fit in int32"):
        fold_zero_point(bias, torch.ones(2, 3, dtype=torch.int8), -1, "fc")


@pytest.mark.parametrize("shape", [(3, 4), (2,), ()])
def test_a_bias_that_is_not_one_for_each_channel_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(FormatError, match="one bias for each output channel"):
        fold_zero_point(torch.zeros(2, dtype=torch.int32), torch.zeros(shape, dtype=torch.int8), 1)


@pytest.mark.parametrize(
    ("real_low", "real_high", "bounds"),
    [
        (None, None, (-128, 127)),
        (0.0, None, (-100, 127)),
        (0.0, 6.0, (-100, -40)),
        (-inf, 1e300, (-128, 127)),
        (-1.0, 1.0, (-110, -90)),
    ],
)
def test_activations_become_bounds(real_low: float | None, real_high: float | None, bounds: tuple[int, int]) -> None:
    assert fused_bounds(0.1, -100, -128, 127, real_low, real_high) == bounds


def test_bounds_without_a_meaning_are_refused() -> None:
    with pytest.raises(FormatError, match="the scale is 0"):
        fused_bounds(0.0, 0, -128, 127, 0.0, None)
    with pytest.raises(FormatError, match="it is 200; it must be a code from -128 to 127"):
        fused_bounds(1.0, 200, -128, 127, 0.0, None)
    with pytest.raises(FormatError, match=r"6\.0 exceeds 0\.0"):
        fused_bounds(1.0, 0, -128, 127, 6.0, 0.0)
    with pytest.raises(FormatError, match="nan"):
        fused_bounds(1.0, 0, -128, 127, nan, None)

"""The four residual forms, with the values of the specification and what must hold between them."""

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from nadoo_core.formulas import residual_inside, residual_outside, residual_scaled_inside, residual_scaled_outside
from tests.core.formulas.drawn import elements, pairs

X, F = (-0.5, 1.0, 2.0), (1.0, -2.0, 0.5)
Both = tuple[NDArray[np.float64], NDArray[np.float64]]


def test_the_reference_values() -> None:
    assert residual_inside(X, F).tolist() == [0.5, 0, 2.5]
    assert residual_outside(X, F).tolist() == [0.5, 1, 2.5]
    assert residual_scaled_outside(X, F, 0.5).tolist() == [0.75, 0.5, 1.5]
    assert residual_scaled_inside(X, F, 0.5).tolist() == [0.75, 0, 1.5]
    assert residual_scaled_inside(X, F, -1).tolist() == [1.5, 0, 0]
    assert residual_scaled_outside(X, F, -1).tolist() == [1.5, -1, -1.5]


def test_a_scale_per_channel_broadcasts() -> None:
    scaled = residual_scaled_outside(np.ones((2, 3)), np.zeros((2, 3)), [[1.0], [2.0]])
    assert scaled.tolist() == [[1, 1, 1], [2, 2, 2]]


@given(pairs())
def test_a_scale_of_zero_changes_nothing(both: Both) -> None:
    """At s = 0 both scaled forms are relu(f(x)) exactly."""
    skip, branch = both
    for form in (residual_scaled_inside, residual_scaled_outside):
        np.testing.assert_array_equal(form(skip, branch, 0.0), np.maximum(branch, 0))


@given(pairs())
def test_a_scale_of_one_is_the_form_without_a_scale(both: Both) -> None:
    """R4 at s = 1 is R1, R3 at s = 1 is R2."""
    skip, branch = both
    np.testing.assert_array_equal(residual_scaled_inside(skip, branch, 1.0), residual_inside(skip, branch))
    np.testing.assert_array_equal(residual_inside(skip, branch), np.maximum(skip + branch, 0))
    np.testing.assert_array_equal(residual_scaled_outside(skip, branch, 1.0), residual_outside(skip, branch))
    np.testing.assert_array_equal(residual_outside(skip, branch), skip + np.maximum(branch, 0))


@given(pairs(), elements())
def test_forms_inside_are_not_negative_and_forms_outside_not_below_the_skip(both: Both, scale: float) -> None:
    """R1, R4 ≥ 0; R2 ≥ x; R3 ≥ s·x."""
    skip, branch = both
    assert (residual_inside(skip, branch) >= 0).all()
    assert (residual_scaled_inside(skip, branch, scale) >= 0).all()
    assert (residual_outside(skip, branch) >= skip).all()
    assert (residual_scaled_outside(skip, branch, scale) >= scale * skip).all()


@given(pairs(), elements())
def test_an_empty_branch_leaves_the_skip(both: Both, scale: float) -> None:
    """f ≡ 0: R1 is relu(x), R2 is x, R3 is s·x."""
    skip, nothing = both[0], np.zeros_like(both[0])
    np.testing.assert_array_equal(residual_inside(skip, nothing), np.maximum(skip, 0))
    np.testing.assert_array_equal(residual_outside(skip, nothing), skip)
    np.testing.assert_array_equal(residual_scaled_outside(skip, nothing, scale), scale * skip)


def test_the_gradient_of_the_scale_is_the_skip_where_it_is_active() -> None:
    step, skip, branch = 1e-6, np.array(X), np.array(F)
    for form, expected in (
        (residual_scaled_outside, skip),
        (residual_scaled_inside, np.where(0.5 * skip + branch > 0, skip, 0.0)),
    ):
        slope = (form(skip, branch, 0.5 + step) - form(skip, branch, 0.5 - step)) / (2 * step)
        np.testing.assert_allclose(slope, expected, atol=1e-9)


def test_float32_is_computed_in_float64() -> None:
    thirds = np.full(2, 1 / 3, np.float32)
    assert residual_outside(thirds, thirds).dtype == np.float64
    assert residual_outside(thirds, thirds)[0] == pytest.approx(2 / 3, rel=1e-7)

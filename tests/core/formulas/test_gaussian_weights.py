"""Magnitude pruning of normally distributed weights, against the table of the specification and against samples."""

import numpy as np
import pytest
from hypothesis import given, strategies

from nadoo_core.formulas import (
    energy_kept,
    gaussian_energy_kept,
    gaussian_relative_error,
    gaussian_threshold,
    magnitude_mask,
)

SHARES = strategies.floats(0, 0.9999)


@pytest.mark.parametrize(
    ("share", "threshold", "energy", "error"),
    [
        (0.3, 0.3853, 0.98544, 0.1206),
        (0.5, 0.6745, 0.92867, 0.2671),
        (0.7, 1.0364, 0.78331, 0.4655),
        (0.9, 1.6449, 0.43929, 0.7488),
        (0.95, 1.9600, 0.27910, 0.8491),
    ],
)
def test_the_reference_table(share: float, threshold: float, energy: float, error: float) -> None:
    assert gaussian_threshold(share) == pytest.approx(threshold, abs=5.1e-5)
    assert gaussian_energy_kept(share) == pytest.approx(energy, abs=5.1e-6)
    assert gaussian_relative_error(share) == pytest.approx(error, abs=1e-4)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_sampled_layer_agrees(share: float) -> None:
    weights = np.random.default_rng(0).standard_normal(100_000)
    mask = magnitude_mask(weights, share)
    assert np.abs(weights[mask]).min() == pytest.approx(gaussian_threshold(share), abs=0.02)
    assert energy_kept(weights, mask) == pytest.approx(gaussian_energy_kept(share), abs=0.01)


@given(SHARES, SHARES)
def test_pruning_more_takes_a_higher_threshold_and_keeps_less(first: float, second: float) -> None:
    """t increasing, energy decreasing from 1, error = √(1 − energy), energy ≥ 1 − ρ."""
    less, more = sorted((first, second))
    assert 0 <= gaussian_threshold(less) <= gaussian_threshold(more)
    assert 1 >= gaussian_energy_kept(less) >= gaussian_energy_kept(more) - 1e-12 >= 0 - 1e-12
    assert gaussian_energy_kept(less) >= 1 - less
    assert gaussian_relative_error(less) ** 2 == pytest.approx(1 - gaussian_energy_kept(less), abs=1e-12)


def test_pruning_nothing_loses_nothing() -> None:
    assert (gaussian_threshold(0), gaussian_energy_kept(0), gaussian_relative_error(0)) == (0, 1, 0)

"""What truncation loses and which rank suffices, against decompositions of real matrices."""

import numpy as np
import pytest
from hypothesis import given, strategies
from numpy.typing import NDArray

from nadoo_core.formulas import (
    energy_rank,
    error_rank,
    nuclear_rank,
    relative_error,
    spectral_error,
    stable_rank,
    truncation_error,
)
from tests.core.formulas.drawn import powers_of_two, shares, spectra

MATRIX = np.array([[2.0, 1.0], [1.0, 3.0], [0.0, 1.0]])
HILBERT = np.linalg.svd([[1 / (i + j + 1) for j in range(5)] for i in range(5)], compute_uv=False)
POSITIVE_SHARES = shares().filter(lambda share: share > 0)


def test_the_matrix_of_the_reference() -> None:
    values = np.linalg.svd(MATRIX, compute_uv=False)
    np.testing.assert_allclose(values, [3.718999, 1.472769], atol=5e-7)
    assert truncation_error(values, 1) == pytest.approx(1.472769, abs=5e-7)
    assert spectral_error(values, 1) == truncation_error(values, 1)
    assert 1 - relative_error(values, 1) ** 2 == pytest.approx(0.864434, abs=5e-7)


@pytest.mark.parametrize(("share", "energy", "nuclear"), [(0.9, 1, 2), (0.99, 2, 2), (0.999, 2, 3), (0.99999, 3, 4)])
def test_the_ranks_of_the_hilbert_matrix(share: float, energy: int, nuclear: int) -> None:
    assert energy_rank(HILBERT, share) == energy
    assert nuclear_rank(HILBERT, share) == nuclear


def test_a_matrix_of_zeros_loses_nothing_and_takes_the_smallest_rank() -> None:
    zeros = np.zeros(4)
    assert [rank(zeros, 0.5) for rank in (energy_rank, nuclear_rank, error_rank)] == [1, 1, 1]
    assert energy_rank(zeros, 0.5, minimum=0) == 0
    assert (relative_error(zeros, 0), stable_rank(zeros)) == (0, 0)


def test_equal_shares_are_reached_exactly() -> None:
    assert [energy_rank(np.ones(10), share / 10) for share in range(1, 11)] == list(range(1, 11))


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_squares_neither_vanish_nor_overflow(scale: float) -> None:
    values = np.array([4.0, 3.0]) * scale
    assert truncation_error(values, 0) == pytest.approx(5 * scale, rel=1e-12)
    assert energy_rank(values, 0.5) == 1


@given(strategies.integers(0, 2**32 - 1), strategies.integers(1, 6), strategies.integers(1, 6), strategies.data())
def test_no_matrix_of_that_rank_is_closer(seed: int, rows: int, columns: int, data: strategies.DataObject) -> None:
    """Eckart and Young: the formulas are the norms of W − W_r, and random factors of rank r are no closer."""
    random = np.random.default_rng(seed)
    matrix = random.standard_normal((rows, columns))
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    rank = data.draw(strategies.integers(0, len(values)))
    rest = matrix - (left[:, :rank] * values[:rank]) @ right[:rank]
    assert truncation_error(values, rank) == pytest.approx(np.linalg.norm(rest), abs=1e-10)
    assert spectral_error(values, rank) == pytest.approx(np.linalg.norm(rest, 2), abs=1e-10)
    other = random.standard_normal((rows, rank)) @ random.standard_normal((rank, columns))
    assert np.linalg.norm(matrix - other) >= truncation_error(values, rank) - 1e-10


@given(spectra())
def test_errors_fall_with_the_rank_from_everything_to_nothing(values: NDArray[np.float64]) -> None:
    """e_r non-increasing in [0, 1], σ_{r+1} ≤ the Frobenius error ≤ √(k − r)·σ_{r+1}."""
    errors = [relative_error(values, rank) for rank in range(values.size + 1)]
    assert errors == sorted(errors, reverse=True)
    assert (errors[0], errors[-1]) == (1 if values.any() else 0, 0)
    for rank in range(values.size):
        spectral, frobenius = spectral_error(values, rank), truncation_error(values, rank)
        assert spectral <= frobenius * (1 + 1e-12)
        assert frobenius <= spectral * (values.size - rank) ** 0.5 * (1 + 1e-12)


@given(spectra(), powers_of_two(), POSITIVE_SHARES)
def test_a_factor_changes_neither_relative_errors_nor_ranks(
    values: NDArray[np.float64], factor: float, share: float
) -> None:
    """e_r(cW) = e_r(W)."""
    scaled = values * factor
    assert relative_error(scaled, 1) == relative_error(values, 1)
    assert stable_rank(scaled) == stable_rank(values)
    for rank in (energy_rank, nuclear_rank, error_rank):
        assert rank(scaled, share) == rank(values, share)


@given(spectra(), POSITIVE_SHARES)
def test_the_energy_rank_is_the_smallest_that_suffices(values: NDArray[np.float64], share: float) -> None:
    """Σ_{i≤r} σ_i² ≥ τΣσ_i², and one less does not reach it."""
    rank = energy_rank(values, share, minimum=0)
    squares = np.square(values / (values[0] or 1.0))
    assert squares[:rank].sum() >= share * squares.sum() * (1 - 1e-12)
    assert rank == 0 or share == 1 or squares[: rank - 1].sum() < share * squares.sum() * (1 + 1e-12)


@given(spectra(), POSITIVE_SHARES, POSITIVE_SHARES)
def test_keeping_more_takes_no_smaller_rank(values: NDArray[np.float64], first: float, second: float) -> None:
    """Ranks are non-decreasing in τ; the nuclear rank is at least the energy rank; τ = 1 keeps all that is not 0."""
    less, more = sorted((first, second))
    for rank in (energy_rank, nuclear_rank):
        assert 1 <= rank(values, less) <= rank(values, more) <= rank(values, 1) <= values.size
    assert energy_rank(values, less * (1 - 1e-9)) <= nuclear_rank(values, less)
    assert nuclear_rank(values, 1, minimum=0) == np.count_nonzero(values)


@given(spectra(), shares(), shares())
def test_the_error_rank_keeps_its_bound(values: NDArray[np.float64], first: float, second: float) -> None:
    """e_r ≤ ε, one less exceeds it, and a looser bound takes no larger rank."""
    tight, loose = sorted((first, second))
    rank = error_rank(values, tight, minimum=0)
    assert relative_error(values, rank) <= tight + 1e-9
    assert rank == 0 or relative_error(values, rank - 1) > tight - 1e-9
    assert error_rank(values, loose) <= error_rank(values, tight)


@given(spectra().filter(np.any))
def test_the_stable_rank_lies_between_one_and_the_rank(values: NDArray[np.float64]) -> None:
    """1 ≤ ‖W‖_F²/‖W‖₂² ≤ rank."""
    assert 1 <= stable_rank(values) <= np.count_nonzero(values) * (1 + 1e-12)

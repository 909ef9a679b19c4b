"""What is lost when a matrix keeps only its largest singular values, and how many it must keep.

Singular values are given in decreasing order, as every decomposition returns them.
"""

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from nadoo_core.formulas.arrays import Reals, magnitudes, refused, unit_of
from nadoo_core.formulas.parameters import between, require, share_above_zero, whole
from nadoo_graphs.errors import Code


def spectrum(singular_values: ArrayLike) -> Reals:
    """Singular values, refused where they are negative or not in decreasing order.

    Law: σ₁ ≥ σ₂ ≥ … ≥ 0.
    """
    values = magnitudes(singular_values, "singular_values")
    if bool((np.diff(values) > 0).any()):
        message = "the values are not in decreasing order; sort them, the largest first"
        raise refused(Code.DATA, "singular_values", message)
    return values


def tail_energies(values: Reals) -> Reals:
    """The sum of squares that each rank from 0 to all leaves out, smallest values added first.

    Law: non-increasing, from the whole energy at rank 0 to exactly 0 at full rank.
    """
    return np.append(np.cumsum(np.square(values[::-1]))[::-1], 0.0)


def truncation_error(singular_values: ArrayLike, rank: int) -> float:
    """The Frobenius norm of what the best approximation of that rank leaves out.

    Law (Eckart and Young): √Σ_{i>r} σ_i², and no matrix of rank r is closer; non-increasing in r; 0 at full rank.
    """
    values = spectrum(singular_values)
    require(whole("rank", rank, 0, values.size))
    rest = values[rank:]
    unit = unit_of(rest)
    return sqrt(float(tail_energies(rest / unit)[0])) * unit


def spectral_error(singular_values: ArrayLike, rank: int) -> float:
    """The spectral norm of what the best approximation of that rank leaves out.

    Law (Eckart and Young): σ_{r+1}; at most the Frobenius error; 0 at full rank.
    """
    values = spectrum(singular_values)
    require(whole("rank", rank, 0, values.size))
    return float(values[rank]) if rank < values.size else 0.0


def relative_error(singular_values: ArrayLike, rank: int) -> float:
    """The truncation error as a share of the matrix; 0 for a matrix of zeros.

    Law: √(Σ_{i>r} σ_i²/Σσ_i²), in [0, 1], non-increasing in r, unchanged when the matrix is multiplied by a number.
    """
    whole_norm = truncation_error(singular_values, 0)
    return truncation_error(singular_values, rank) / whole_norm if whole_norm else 0.0


def energy_rank(singular_values: ArrayLike, share: float, minimum: int = 1) -> int:
    """The smallest rank that keeps a share of the energy Σσ²; the minimum for a matrix of zeros.

    Law: smallest r with Σ_{i≤r} σ_i² ≥ τ·Σσ_i²; non-decreasing in τ; at τ = 1 every σ greater than 0 is kept.
    """
    values = spectrum(singular_values)
    return mass_rank(np.square(values / unit_of(values)), share, minimum)


def nuclear_rank(singular_values: ArrayLike, share: float, minimum: int = 1) -> int:
    """The smallest rank that keeps a share of the nuclear norm Σσ, which weighs small singular values more.

    Law: smallest r with Σ_{i≤r} σ_i ≥ τ·Σσ_i; at least the energy rank of the same share.
    """
    values = spectrum(singular_values)
    return mass_rank(values / unit_of(values), share, minimum)


def mass_rank(masses: Reals, share: float, minimum: int) -> int:
    """The smallest number of leading masses that reaches a share of them all, and at least the minimum.

    Law: non-decreasing in the share; the number of masses greater than 0 at a share of 1.
    """
    require(share_above_zero("share", share), whole("minimum", minimum, 0, masses.size))
    if share == 1:
        return max(minimum, int(np.count_nonzero(masses)))
    kept = np.append(0.0, np.cumsum(masses))
    return max(minimum, int(np.argmax(kept >= share * kept[-1])))


def error_rank(singular_values: ArrayLike, error: float, minimum: int = 1) -> int:
    """The smallest rank whose relative error is within a bound.

    Law: smallest r with e_r ≤ ε, which is the energy rank of τ = 1 − ε²; non-increasing in ε.
    """
    values = spectrum(singular_values)
    require(between("error", error, 0, 1), whole("minimum", minimum, 0, values.size))
    tails = tail_energies(values / unit_of(values))
    return max(minimum, int(np.argmax(tails <= error * error * tails[0])))


def stable_rank(singular_values: ArrayLike) -> float:
    """A smooth hint at the rank; 0 for a matrix of zeros.

    Law: ‖W‖_F²/‖W‖₂², between 1 and the rank.
    """
    values = spectrum(singular_values)
    scaled = values / (float(values[0]) or 1.0)
    return float(np.square(scaled).sum())

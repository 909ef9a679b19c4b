"""What magnitude pruning does to weights that are normally distributed: a first guess before any weight is seen."""

from math import exp, pi, sqrt
from statistics import NormalDist

from nadoo_core.formulas.parameters import below, require


def gaussian_threshold(share: float) -> float:
    """The magnitude, in standard deviations, below which the given share of Gaussian weights lies.

    Law: Φ⁻¹((1 + ρ)/2); 0 at ρ = 0, increasing, without bound towards ρ = 1.
    """
    require(below("share", share, 0, 1))
    return NormalDist().inv_cdf((1.0 + share) / 2.0)


def gaussian_energy_kept(share: float) -> float:
    """The share of the sum of squares that stays when that share of Gaussian weights is pruned.

    Law: 1 − ρ + 2t·φ(t) with the threshold t; from 1 at ρ = 0 it decreases, and it is never less than 1 − ρ.
    """
    threshold = gaussian_threshold(share)
    density = exp(-threshold * threshold / 2.0) / sqrt(2.0 * pi)
    return min(1.0 - share + 2.0 * threshold * density, 1.0)


def gaussian_relative_error(share: float) -> float:
    """The relative error ‖W − Ŵ‖/‖W‖ of pruning that share of Gaussian weights.

    Law: √(1 − energy kept).
    """
    return sqrt(1.0 - gaussian_energy_kept(share))

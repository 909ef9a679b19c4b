"""How likely an activity threshold skips a block whose input is Gaussian noise.

The activity is a mean of d half-normal magnitudes, which concentrates at σ·√(2/π) as d grows. A formula with
erf(τ√d/(σ√π)) is in circulation and wrong: it tends to 1 where the probability tends to 0.
"""

from math import erf, pi, sqrt
from statistics import NormalDist

import numpy as np
from numpy.polynomial import chebyshev, legendre

from nadoo_core.formulas.arrays import Reals
from nadoo_core.formulas.parameters import above, ordered, require, whole

HALF_NORMAL_MEAN = sqrt(2.0 / pi)
HALF_NORMAL_SPREAD = sqrt(1.0 - 2.0 / pi)
NORMAL_FROM = 16
"""From this dimension on the mean of magnitudes is taken as normal."""
NODES = 96
CERTAIN = 9.0
"""Standard deviations above the mean from where the probability is 1 in float64."""


def skip_probability(threshold: float, dimension: int, deviation: float = 1.0) -> float:
    """P(mean |x| < τ) for x of d independent N(0, σ²) elements.

    Law: erf(τ/(σ√2)) for d = 1, the exact distribution for d < 16, Φ((τ − σ√(2/π))·√d/(σ√(1 − 2/π))) from there;
    in [0, 1], 0 for τ ≤ 0, non-decreasing in τ, unchanged when τ and σ are multiplied by one positive number.
    """
    require(ordered("threshold", threshold), whole("dimension", dimension, 1), above("deviation", deviation, 0))
    level = threshold / deviation
    if level <= 0:
        return 0.0
    distance = (level - HALF_NORMAL_MEAN) * sqrt(dimension) / HALF_NORMAL_SPREAD
    if dimension >= NORMAL_FROM:
        return NormalDist().cdf(distance)
    if dimension == 1 or distance > CERTAIN:
        return erf(level / sqrt(2.0)) if dimension == 1 else 1.0
    return half_normal_sum(level * dimension, dimension)


def half_normal_sum(bound: float, terms: int) -> float:
    """P(|z₁| + … + |zₙ| < bound) for standard normal z, by adding one magnitude at a time.

    Law: Fₙ(t) = ∫₀ᵗ f(u)·Fₙ₋₁(t − u) du; erf(t/2)² for two terms.
    """
    points = chebyshev.chebpts1(NODES)
    totals = bound * (1.0 + points) / 2.0
    abscissae, weights = legendre.leggauss(NODES)
    steps = totals[:, None] * (1.0 + abscissae) / 2.0
    masses = HALF_NORMAL_MEAN * np.exp(-np.square(steps) / 2.0) * totals[:, None] * weights / 2.0
    places = 2.0 * (totals[:, None] - steps) / bound - 1.0
    fit = np.linalg.inv(chebyshev.chebvander(points, NODES - 1))
    share: Reals = np.array([erf(total / sqrt(2.0)) for total in totals])
    for _ in range(terms - 1):
        share = np.sum(masses * chebyshev.chebval(places, fit @ share), axis=1)
    return float(np.clip(np.sum(fit @ share), 0.0, 1.0))

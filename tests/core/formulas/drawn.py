"""What the properties draw: vectors of many kinds, powers of two, and three ways to be not finite."""

from math import inf, nan

import numpy as np
from hypothesis import strategies
from numpy.typing import NDArray

NOT_FINITE = (nan, inf, -inf)


def elements() -> strategies.SearchStrategy[float]:
    """Finite numbers whose squares and small multiples are normal, often small integers, so that ties occur."""
    positive = strategies.floats(1e-140, 1e3)
    return strategies.one_of(positive, positive.map(lambda value: -value), strategies.integers(-3, 3).map(float))


def vectors(smallest: int = 1, largest: int = 40) -> strategies.SearchStrategy[NDArray[np.float64]]:
    """Vectors of finite numbers: drawn one by one, constant, or all zero."""
    drawn = strategies.lists(elements(), min_size=smallest, max_size=largest)
    sizes = strategies.integers(smallest, largest)
    constant = strategies.builds(lambda size, value: [value] * size, sizes, elements())
    return strategies.one_of(drawn, constant, sizes.map(lambda size: [0.0] * size)).map(np.array)


def pairs(largest: int = 30) -> strategies.SearchStrategy[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Two vectors of one length."""
    drawn = strategies.lists(strategies.tuples(elements(), elements()), min_size=1, max_size=largest)
    return drawn.map(lambda items: (np.array([x for x, _ in items]), np.array([y for _, y in items])))


def spectra() -> strategies.SearchStrategy[NDArray[np.float64]]:
    """Singular values: not negative, in decreasing order."""
    return vectors().map(lambda values: np.sort(np.abs(values))[::-1])


def powers_of_two() -> strategies.SearchStrategy[float]:
    """Factors by which multiplying is exact."""
    return strategies.integers(-20, 20).map(lambda power: 2.0**power)


def shares() -> strategies.SearchStrategy[float]:
    """Shares from nothing to everything."""
    return strategies.one_of(strategies.floats(0, 1, allow_subnormal=False), strategies.sampled_from([0.0, 0.5, 1.0]))

"""Differences of neighbouring codes, plain and modulo the number of levels."""

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def plain_deltas(codes: Codes, axis: int = -1) -> Codes:
    """The first code and then d_i = c_i - c_{i-1} along an axis.

    Law: cumulative sums give the codes back; |d| < L, so one more bit than the codes.
    """
    return np.diff(codes, axis=axis, prepend=0)


def modular_deltas(codes: Codes, levels: int, axis: int = -1) -> Codes:
    """The first code and then d_i = (c_i - c_{i-1}) mod L along an axis.

    Law: undone by `codes_of`; 0 ≤ d < L, so no more bits than the codes; 0 behind the first of a constant row.
    """
    return plain_deltas(codes, axis) % levels


def codes_of(deltas: Codes, levels: int, axis: int = -1) -> Codes:
    """The codes whose modular deltas these are.

    Law: inverse of `modular_deltas` for every sequence of codes in [0, L).
    """
    return np.cumsum(deltas, axis=axis) % levels

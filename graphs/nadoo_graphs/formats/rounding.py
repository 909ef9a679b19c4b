"""Rounding with a name: two programs that agree on everything but ties disagree on results.

Each mode exists twice, for real numbers and for integers divided by a power of two, because kernels do the
second and training does the first. Both take NumPy arrays and torch tensors.
"""

from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

Numbers = TypeVar("Numbers", NDArray[Any], torch.Tensor)
"""A NumPy array or a torch tensor; what goes in comes out."""


class Rounding(StrEnum):
    """What happens to a number between two integers."""

    RNE = "rne"
    RHU = "rhu"
    RHAZ = "rhaz"
    FLOOR = "floor"

    @property
    def meaning(self) -> str:
        """One line for reports and for comments in generated code."""
        return MEANINGS[self]


MEANINGS = {
    Rounding.RNE: "to nearest, ties to even",
    Rounding.RHU: "to nearest, ties towards plus infinity",
    Rounding.RHAZ: "to nearest, ties away from zero",
    Rounding.FLOOR: "towards minus infinity",
}


def round_reals(values: Numbers, rounding: Rounding) -> Numbers:
    """Round real numbers without adding one half, which is inexact just below it and for large numbers."""
    if rounding is Rounding.RNE:
        return values.round()
    if rounding is Rounding.FLOOR:
        return floor_of(values)
    if rounding is Rounding.RHU:
        return half_up(values)
    return half_up(values).clip(0) - half_up(-values).clip(0)


def half_up(values: Numbers) -> Numbers:
    """To nearest, ties towards plus infinity; exact where it matters, since a distance to the floor is."""
    lower = floor_of(values)
    return lower + (values - lower >= 0.5)


def floor_of(values: Numbers) -> Numbers:
    """The largest integer that is not greater, in the library the numbers come from."""
    if isinstance(values, torch.Tensor):
        return torch.floor(values)
    return np.floor(values)


def shift_right(values: Numbers, bits: int | Numbers, rounding: Rounding) -> Numbers:
    """Divide integers by 2**bits (0 to 62 of int64); nothing is added before the shift or overflows."""
    quotient = values >> bits
    if rounding is Rounding.FLOOR:
        return quotient
    mask = (1 << bits) - 1
    remainder = values & mask
    below_half = mask >> 1
    if rounding is Rounding.RHU:
        return quotient + (remainder > below_half)
    if rounding is Rounding.RHAZ:
        return quotient + (remainder > below_half + (values < 0))
    return quotient + (remainder + (quotient & 1) > below_half + 1)

"""Weights by input: levels as unsigned fields of 2 or 4 bits, those of eight outputs in one word."""

from typing import Any

import numpy as np
from attrs import frozen

GROUP = 8
"""The outputs that are computed together: four registers with two sums each."""
LANE_MAXIMUM = (1 << 16) - 1
Array = np.ndarray[Any, Any]


@frozen(eq=False)
class Columns:
    """Integers as offset + step × level, with levels of at least 0."""

    levels: Array
    """[outputs, features]"""
    step: int
    offset: int

    @classmethod
    def of(cls, integers: Array, bits: int) -> "Columns | None":
        """The levels of some weights, if that many bits hold them."""
        offset = int(integers.min()) if integers.size else 0
        distances = integers.astype(np.int64) - offset
        step = max(1, int(np.gcd.reduce(distances.reshape(-1), initial=0)))
        levels = distances // step
        return cls(levels, step, offset) if levels.max(initial=0) < 1 << bits else None

    @property
    def outputs(self) -> int:
        """The rows of the matrix."""
        return int(self.levels.shape[0])

    @property
    def features(self) -> int:
        """The columns of the matrix."""
        return int(self.levels.shape[1])

    @property
    def groups(self) -> int:
        """How many words an input has."""
        return -(-self.outputs // GROUP)

    def packed(self, bits: int) -> Array:
        """One word for every input, group after group; the first of eight outputs is in the lowest bits."""
        padded = np.zeros((self.groups * GROUP, self.features), np.int64)
        padded[: self.outputs] = self.levels
        fields = padded.reshape(self.groups, GROUP, self.features)
        shifts = (np.arange(GROUP) * bits).reshape(1, GROUP, 1)
        return (fields << shifts).sum(1).reshape(-1)

    def turns(self, largest: int) -> int:
        """How many products of a level and an input a lane holds for certain."""
        return LANE_MAXIMUM // max(1, largest * int(self.levels.max(initial=0)))

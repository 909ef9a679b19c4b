"""The range of an option: what numbers and lengths it admits, and how that is said."""

import math
from collections.abc import Sized
from typing import TypeVar

from attrs import evolve, frozen

Number = TypeVar("Number", int, float)

LOWEST = -(2**63)
HIGHEST = 2**63 - 1


@frozen(kw_only=True)
class Bounds:
    """Limits on numbers and on lengths; a number must be finite unless said otherwise."""

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    allow_nonfinite: bool = False

    def admits(self, number: float) -> bool:
        """Whether a number lies within; NaN lies nowhere, but may be allowed as such."""
        if not math.isfinite(number):
            return self.allow_nonfinite
        return (
            (self.minimum is None or number >= self.minimum)
            and (self.maximum is None or number <= self.maximum)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    def admits_length(self, value: Sized) -> bool:
        """Whether something has as many items, or characters, as it may."""
        least, most = self.min_length, self.max_length
        return (least is None or len(value) >= least) and (most is None or len(value) <= most)

    def without_lengths(self) -> "Bounds":
        """The limits for the items of what has a length."""
        return evolve(self, min_length=None, max_length=None)

    def narrowed(self, other: "Bounds") -> "Bounds":
        """These limits and others; where both name one, the other's counts."""
        return Bounds(
            minimum=first_given(other.minimum, self.minimum),
            maximum=first_given(other.maximum, self.maximum),
            above=first_given(other.above, self.above),
            below=first_given(other.below, self.below),
            min_length=first_given(other.min_length, self.min_length),
            max_length=first_given(other.max_length, self.max_length),
            allow_nonfinite=self.allow_nonfinite or other.allow_nonfinite,
        )

    @property
    def text(self) -> str:
        """The range as the end of a phrase, such as " from 1 to 8"; empty where all numbers are fine."""
        if self.minimum is not None and self.maximum is not None:
            return f" from {self.minimum:g} to {self.maximum:g}"
        parts = {"of at least": self.minimum, "above": self.above, "of at most": self.maximum, "below": self.below}
        said = [f"{words} {limit:g}" for words, limit in parts.items() if limit is not None]
        return f" {' and '.join(said)}" if said else ""

    @property
    def length_text(self) -> str:
        """The allowed lengths as the end of a phrase; empty where all are fine."""
        least, most = self.min_length, self.max_length
        if least is None and most is None:
            return ""
        if least is None or most is None:
            return f"at most {most}" if least is None else f"at least {least}"
        return f"exactly {least}" if least == most else f"{least} to {most}"


def first_given(first: Number | None, second: Number | None) -> Number | None:
    """The first of two values that is not None."""
    return second if first is None else first

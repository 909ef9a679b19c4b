"""Cost numbers: a value with the range that a measurement falls into, or the reasons why it is not known.

An unknown is never zero: it stays unknown through every sum, and its reasons with it.
"""

from collections.abc import Iterable
from typing import Any

from attrs import evolve, frozen


@frozen
class CostNumber:
    """One cost: its value between `low` and `high`, or None and why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reasons: tuple[str, ...] = ()
    """Why it is not known, each a sentence such as "clock_hz is not known"."""

    @classmethod
    def exact(cls, value: float) -> "CostNumber":
        """A number that was counted, not estimated."""
        return cls(value, value, value)

    @classmethod
    def within(cls, value: float, below: float, above: float) -> "CostNumber":
        """An estimate whose measurement lies between these multiples of it."""
        return cls(value, value * below, value * above)

    @classmethod
    def unknown(cls, *reasons: str) -> "CostNumber":
        """A cost that is not known."""
        return cls(None, reasons=tuple(dict.fromkeys(reasons)))

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    @property
    def width(self) -> float:
        """How wide the range is, relative to the value; infinite for an unknown."""
        if self.value is None or self.low is None or self.high is None:
            return float("inf")
        return (self.high - self.low) / self.value if self.value else 0.0

    def plus(self, other: "CostNumber") -> "CostNumber":
        """The sum; errors are taken to go together, because they come from the same facts."""
        reasons = tuple(dict.fromkeys((*self.reasons, *other.reasons)))
        if self.value is None or other.value is None:
            return CostNumber(None, reasons=reasons)
        low = None if self.low is None or other.low is None else self.low + other.low
        high = None if self.high is None or other.high is None else self.high + other.high
        return CostNumber(self.value + other.value, low, high, reasons)

    def times(self, factor: float) -> "CostNumber":
        """So many of it."""
        if self.value is None:
            return self
        low = None if self.low is None else self.low * factor
        high = None if self.high is None else self.high * factor
        return evolve(self, value=self.value * factor, low=low, high=high)

    def document(self, name: str) -> dict[str, Any]:
        """The three numbers under a name, null where they are not known."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


NOTHING = CostNumber.exact(0.0)


def total(numbers: Iterable[CostNumber]) -> CostNumber:
    """The sum of costs; of none it is nothing."""
    found = NOTHING
    for number in numbers:
        found = found.plus(number)
    return found

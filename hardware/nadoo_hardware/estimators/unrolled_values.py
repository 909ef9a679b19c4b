"""The values of a kernel as a compiler sees them: equal ones are one value, and each knows which loops it hangs on."""

from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

from attrs import define, field

from nadoo_graphs.lowered.intervals import Interval

NUMBER, BEGINNING = "number", "beginning"
"""Names of values that are no code: constants and loop variables, and what a loop or condition leaves in a local."""
NO_LOOP = 0
Pairs = tuple[tuple[int, int], ...]


class Sum(NamedTuple):
    """An integer as multiples of values and a constant; a value by itself is one multiple."""

    parts: Pairs = ()
    constant: int = 0

    @property
    def alone(self) -> bool:
        """Whether it is one value as it is."""
        return len(self.parts) == 1 and self.parts[0][1] == 1 and not self.constant

    def plus(self, other: "Sum", sign: int) -> "Sum":
        """The sum or the difference of two."""
        found = dict(self.parts)
        for value, many in other.parts:
            found[value] = found.get(value, 0) + sign * many
        left = tuple(sorted((value, many) for value, many in found.items() if many))
        return Sum(left, self.constant + sign * other.constant)

    def times(self, factor: int) -> "Sum":
        """A multiple of it."""
        parts = tuple((value, many * factor) for value, many in self.parts) if factor else ()
        return Sum(parts, self.constant * factor)


Used = dict[int, None]
"""The values that a piece of code computes, in their order."""


@define
class Values:
    """All values of a kernel; loops are the bits of a number, so that what hangs on one is found fast."""

    numbers: dict[Hashable, int] = field(factory=dict[Hashable, int])
    intervals: list[Interval] = field(factory=list[Interval])
    loops: list[int] = field(factory=list[int])
    names: list[str] = field(factory=list[str])

    def value(self, key: Hashable, name: str, loops: int = NO_LOOP, interval: Interval = (0, 0)) -> int:
        """The number of the value with a key; a new one where there is none."""
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = len(self.names)
            self.intervals.append(interval)
            self.loops.append(loops)
            self.names.append(name)
        return found

    def new(self, name: str, loops: int, interval: Interval = (0, 0)) -> int:
        """A value that equals no other."""
        return self.value(("new", len(self.names)), name, loops, interval)

    def interval(self, total: Sum) -> Interval:
        """Between which integers a sum lies."""
        low = high = total.constant
        for value, many in total.parts:
            least, most = self.intervals[value]
            low, high = low + min(many * least, many * most), high + max(many * least, many * most)
        return low, high

    def loops_of(self, totals: Iterable[Sum]) -> int:
        """The loops that sums hang on."""
        found = NO_LOOP
        for total in totals:
            for value, _ in total.parts:
                found |= self.loops[value]
        return found

    def size(self, used: Iterable[int], loop: int, costs: Mapping[str, int]) -> int:
        """The cost of what is used and hangs on a loop, 1 where a name has none; the rest is moved out of the loop."""
        return sum(costs.get(self.names[value], 1) for value in used if self.loops[value] & loop)

    def size_beside(self, used: Iterable[int], others: Used, loop: int, costs: Mapping[str, int]) -> int:
        """The cost of what is used, without what others have that does not hang on a loop."""
        kept = (value for value in used if value not in others or self.loops[value] & loop)
        return sum(costs.get(self.names[value], 1) for value in kept)

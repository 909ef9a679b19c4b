"""How long each buffer is needed, and how many bytes are needed at each step.

The largest total over the steps is what no placement of the buffers can beat; everything else in this package
is measured against it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from attrs import evolve, frozen

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.memory.errors import MemoryPlanError


@frozen
class Buffer:
    """Bytes that hold one value from the step `first` to the step `last`, both included."""

    name: str
    size: int
    first: int
    last: int

    def overlaps(self, other: "Buffer") -> bool:
        """Whether some step needs both, so that they must not share a byte."""
        return self.first <= other.last and other.first <= self.last

    def aligned(self, alignment: int) -> "Buffer":
        """The same buffer with its size rounded up, so that what follows it starts on a boundary."""
        return evolve(self, size=round_up(self.size, alignment))


def round_up(size: int, alignment: int) -> int:
    """The smallest multiple of `alignment` that holds `size` bytes."""
    return -(-size // alignment) * alignment


@frozen
class Timeline:
    """The bytes that each step needs; its peak is the least memory that this order of steps can run in."""

    totals: tuple[int, ...]

    @property
    def peak(self) -> int:
        """The most bytes that any step needs: the lower bound of every placement."""
        return max(self.totals, default=0)

    @property
    def peak_step(self) -> int:
        """The first step that needs the most."""
        return self.totals.index(self.peak) if self.totals else 0


def timeline(buffers: Iterable[Buffer], steps: int = 0) -> Timeline:
    """The bytes live at each step; at least `steps` of them, since the last may need none."""
    known = check_buffers(buffers)
    length = max((buffer.last + 1 for buffer in known), default=0)
    length = max(length, steps)
    changes = [0] * (length + 1)
    for buffer in known:
        changes[buffer.first] += buffer.size
        changes[buffer.last + 1] -= buffer.size
    return Timeline(tuple(accumulate(changes[:-1])))


def live_sets(buffers: Iterable[Buffer]) -> tuple[tuple[Buffer, ...], ...]:
    """The buffers that each step needs, in the order given."""
    known = check_buffers(buffers)
    length = max((buffer.last + 1 for buffer in known), default=0)
    live: list[list[Buffer]] = [[] for _ in range(length)]
    for buffer in known:
        for step in range(buffer.first, buffer.last + 1):
            live[step].append(buffer)
    return tuple(tuple(members) for members in live)


def lower_bound(buffers: Iterable[Buffer]) -> int:
    """The bytes below which no plan for these buffers exists."""
    return timeline(buffers).peak


def check_buffers(buffers: Iterable[Buffer]) -> tuple[Buffer, ...]:
    """The buffers as a tuple; all double names, negative sizes and reversed lifetimes are refused."""
    known = tuple(buffers)
    problems = tuple(buffer_problems(known))
    if problems:
        raise MemoryPlanError(problems, "no memory plan can be made for these buffers")
    return known


def buffer_problems(buffers: Sequence[Buffer]) -> Iterator[Problem]:
    """Everything that is wrong with the buffers."""
    for name, count in Counter(buffer.name for buffer in buffers).items():
        if count > 1:
            yield Problem(Code.NAME, name, f"{count} buffers have this name; give each its own")
    for buffer in buffers:
        if buffer.size < 0:
            yield Problem(Code.LIMIT, buffer.name, f"the size is {buffer.size}; it must be at least 0 bytes")
        if not 0 <= buffer.first <= buffer.last:
            span = f"it lives from step {buffer.first} to {buffer.last}"
            yield Problem(Code.LIMIT, buffer.name, f"{span}; steps count from 0 and the first comes first")

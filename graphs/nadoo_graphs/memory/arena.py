"""Where each buffer lies in one shared block of memory (the arena).

Fast planners place the buffers one by one in some order, each at the lowest free offset; which order is best
differs from graph to graph, so `best_plan` keeps the smallest and asks the exact search when none meets the
lower bound.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.memory.arena_search import SEARCH_LIMIT, smallest_placement
from nadoo_graphs.memory.errors import MemoryPlanError
from nadoo_graphs.memory.liveness import Buffer, check_buffers, live_sets, lower_bound
from nadoo_graphs.node import frozen_mapping

EXACT_BUFFERS = 256
"""Buffers up to which the best plan is searched for; networks of this size take a tenth of a second."""


@frozen
class ArenaPlan:
    """An offset for every buffer, and the size of the arena that holds them all."""

    offsets: Mapping[str, int] = field(converter=frozen_mapping)
    size: int
    buffers: tuple[Buffer, ...]
    method: str = "given"
    optimal: bool = False
    """Whether no smaller arena exists; False means not known."""

    @property
    def lower_bound(self) -> int:
        """The bytes live at the busiest step, which no arena can be smaller than."""
        return lower_bound(self.buffers)

    def conflicts(self) -> tuple[tuple[Buffer, Buffer], ...]:
        """The pairs that some step needs together and that share a byte; a plan that works has none."""
        placed = [buffer for buffer in self.buffers if buffer.size and buffer.name in self.offsets]
        return tuple(
            (one, other)
            for index, one in enumerate(placed)
            for other in placed[index + 1 :]
            if one.overlaps(other) and self._share_bytes(one, other)
        )

    def check(self) -> None:
        """Refuse a plan that would let two live values overwrite each other or that leaves the arena."""
        problems = tuple(self._problems())
        if problems:
            raise MemoryPlanError(problems, "the arena plan does not work")

    def _share_bytes(self, one: Buffer, other: Buffer) -> bool:
        start, other_start = self.offsets[one.name], self.offsets[other.name]
        return start < other_start + other.size and other_start < start + one.size

    def _problems(self) -> Iterator[Problem]:
        for buffer in self.buffers:
            offset = self.offsets.get(buffer.name)
            if offset is None:
                yield Problem(Code.DATA, buffer.name, "the plan gives it no offset; place every buffer")
            elif offset < 0 or offset + buffer.size > self.size:
                place = f"bytes {offset} to {offset + buffer.size} lie outside the arena of {self.size}"
                yield Problem(Code.LIMIT, buffer.name, f"{place}; move it or enlarge the arena")
        for one, other in self.conflicts():
            message = f"shares bytes with {other.name!r} while both are live; move one of them"
            yield Problem(Code.DATA, one.name, message)


def greedy_by_size(buffers: Iterable[Buffer], alignment: int = 1) -> ArenaPlan:
    """The largest first: big buffers are the hardest to place once the arena is broken up."""
    order = sorted(check_buffers(buffers), key=lambda buffer: -buffer.size)
    return place_in_order(order, "greedy by size", alignment)


def greedy_by_breadth(buffers: Iterable[Buffer], alignment: int = 1) -> ArenaPlan:
    """The busiest step first, packed without gaps: it decides the peak, so it has the first choice."""
    steps = live_sets(buffers)
    by_total = sorted(steps, key=lambda members: -sum(buffer.size for buffer in members))
    order = (buffer for members in by_total for buffer in sorted(members, key=lambda buffer: -buffer.size))
    return place_in_order(tuple(dict.fromkeys(order)), "greedy by breadth", alignment)


def greedy_by_duration(buffers: Iterable[Buffer], alignment: int = 1) -> ArenaPlan:
    """The longest-lived first, at the bottom: skip connections then break up nothing above them."""
    order = sorted(check_buffers(buffers), key=lambda buffer: (buffer.first - buffer.last, -buffer.size))
    return place_in_order(order, "greedy by duration", alignment)


def first_fit(buffers: Iterable[Buffer], alignment: int = 1) -> ArenaPlan:
    """In the order of execution, as an allocator at run time would do it."""
    order = sorted(check_buffers(buffers), key=lambda buffer: buffer.first)
    return place_in_order(order, "first fit", alignment)


def exact(buffers: Iterable[Buffer], alignment: int = 1, limit: int = SEARCH_LIMIT) -> ArenaPlan:
    """The smallest arena there is; `optimal` is False when the search met its limit before the proof."""
    known = check_buffers(buffers)
    start = smallest(greedy_plans(known, alignment))
    if start.optimal:
        return start
    aligned = [buffer.aligned(alignment) for buffer in known]
    found = smallest_placement(aligned, start.offsets, limit)
    return ArenaPlan(found.offsets, found.size, known, "exact", found.proven)


def best_plan(
    buffers: Iterable[Buffer],
    alignment: int = 1,
    exact_up_to: int = EXACT_BUFFERS,
    limit: int = SEARCH_LIMIT,
) -> ArenaPlan:
    """The smallest of the fast plans, or the exact one where these miss the bound and the buffers are few."""
    known = check_buffers(buffers)
    start = smallest(greedy_plans(known, alignment))
    if start.optimal or len(known) > exact_up_to:
        return start
    return exact(known, alignment, limit)


def greedy_plans(buffers: Sequence[Buffer], alignment: int) -> Iterator[ArenaPlan]:
    """The fast plans one after the other, so that the first that meets the bound ends the work."""
    planners = (greedy_by_size, greedy_by_breadth, greedy_by_duration, first_fit)
    for planner in planners:
        yield planner(buffers, alignment)


def smallest(plans: Iterator[ArenaPlan]) -> ArenaPlan:
    """The smallest of the plans, the earlier on a tie; stops at the first that is known to be optimal."""
    best = next(plans)
    for plan in plans:
        if best.optimal:
            return best
        best = min(best, plan, key=lambda candidate: candidate.size)
    return best


def place_in_order(order: Sequence[Buffer], method: str, alignment: int = 1) -> ArenaPlan:
    """Each buffer at the lowest aligned offset that is free during its whole life."""
    if alignment < 1:
        message = f"the alignment is {alignment}; give the number of bytes of a boundary, at least 1"
        raise MemoryPlanError(Problem(Code.LIMIT, "alignment", message))
    offsets: dict[str, int] = {}
    placed: list[Buffer] = []
    for buffer in (member.aligned(alignment) for member in order):
        taken = [(offsets[other.name], other.size) for other in placed if buffer.overlaps(other)]
        offsets[buffer.name] = lowest_gap(taken, buffer.size)
        placed.append(buffer)
    size = max((offsets[buffer.name] + buffer.size for buffer in placed), default=0)
    return ArenaPlan(offsets, size, tuple(order), method, size == lower_bound(placed))


def lowest_gap(taken: Iterable[tuple[int, int]], size: int) -> int:
    """The lowest offset at which `size` bytes touch none of the taken (offset, size) ranges."""
    offset = 0
    for start, length in sorted(taken):
        if start >= offset + size:
            return offset
        offset = max(offset, start + length)
    return offset

"""The smallest arena, by a search that fills the valleys of a skyline.

Lifetimes are fixed, so a placement is a stack of blocks in which each block keeps its columns and only falls.
In some smallest stack every block rests on another or on the floor. So a valley either has a leftmost block
that rests on its ground, or stays empty up to its lower wall; trying each of these misses nothing, and the
valley with the fewest choices is tried first. What is stacked in a column and what is still to come bound
every branch from below, parts that share no column are solved alone, and what a part needs is remembered.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from typing import TypeAlias

from attrs import Factory, define, frozen

from nadoo_graphs.memory.liveness import Buffer, live_sets

SEARCH_LIMIT = 20_000
"""Parts looked at before the search gives up on a proof: about a second."""
FIRST_ALLOWANCE = 200
"""Parts looked at in the first attempt; each later one gets a quarter more."""
SEARCH_BLOCKS = 64
"""Blocks beyond which the search is not tried: it recurses a few frames a block."""


@frozen
class Placement:
    """Offsets, the arena they need, and whether a smaller one was ruled out."""

    offsets: Mapping[str, int]
    size: int
    proven: bool


@frozen
class Block:
    """A buffer over the columns that the search works on."""

    index: int
    left: int
    right: int
    size: int


@frozen
class Part:
    """Blocks still to be placed that share columns; the skyline of these now, and at least in the end."""

    blocks: tuple[Block, ...]
    left: int
    skyline: tuple[int, ...]
    loads: tuple[int, ...]


@frozen
class Valley:
    """A stretch of a skyline that is lower than both sides; a wall is None where nothing can cross it."""

    ground: int
    start: int
    end: int
    left_wall: int | None
    right_wall: int | None


@frozen
class Branch:
    """One way to go on in a valley: a block on its ground, or nothing there; and what is left then."""

    block: Block | None
    ground: int
    rest: Part

    @property
    def bound(self) -> int:
        """What this way needs at least."""
        return max(self.rest.loads)

    def place(self, offsets: dict[int, int]) -> None:
        """Write down where the block lies."""
        if self.block is not None:
            offsets[self.block.index] = self.ground


PREFERENCES: tuple[Callable[[Block], int], ...] = (
    lambda block: block.left,
    lambda block: -block.size,
    lambda block: block.left - block.right,
    lambda block: -block.right,
    lambda block: block.size,
    lambda block: block.size * (block.left - block.right - 1),
)
"""Which block to try first, one rule an attempt: an unlucky rule costs thousands of steps, a change few."""


PartKey: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]


class OutOfStepsError(Exception):
    """An attempt met its allowance without an answer."""


def smallest_placement(buffers: Sequence[Buffer], start: Mapping[str, int], limit: int) -> Placement:
    """The smallest placement that `limit` steps find, never larger than the one given to start from."""
    sized = [buffer for buffer in buffers if buffer.size]
    if len(sized) > SEARCH_BLOCKS:
        return Placement(start, height(sized, start), proven=False)
    search = Search.over(sized, limit)
    best, needed = dict(start), search.bound
    low = capacity = needed
    while low < (size := height(sized, best)):
        need = search.run(min(capacity, size - 1))
        if need is None:
            low = capacity + 1
        elif need > capacity:
            low = needed = int(need)
        else:
            best.update((sized[index].name, offset) for index, offset in search.offsets.items())
        capacity = (low + height(sized, best) - 1) // 2
    return Placement(best, height(sized, best), proven=needed >= height(sized, best))


def height(buffers: Sequence[Buffer], offsets: Mapping[str, int]) -> int:
    """The bytes that a placement reaches up to."""
    return max((offsets[buffer.name] + buffer.size for buffer in buffers), default=0)


def busiest_columns(buffers: Sequence[Buffer]) -> list[frozenset[Buffer]]:
    """The live sets that no neighbour contains: buffers share a step exactly if they share one of these."""
    columns: list[frozenset[Buffer]] = []
    for live in map(frozenset, live_sets(buffers)):
        if columns and live <= columns[-1]:
            continue
        while columns and columns[-1] <= live:
            columns.pop()
        columns.append(live)
    return columns


def blocks_over(buffers: Sequence[Buffer], columns: Sequence[frozenset[Buffer]]) -> tuple[Block, ...]:
    """One block a buffer, over the columns that hold it; from left to right, the widest and largest first."""
    blocks: list[Block] = []
    for index, buffer in enumerate(buffers):
        spanned = [column for column, members in enumerate(columns) if buffer in members]
        blocks.append(Block(index, spanned[0], spanned[-1], buffer.size))
    return tuple(sorted(blocks, key=lambda block: (block.left, -block.right, -block.size, block.index)))


@define
class Search:
    """The search over one set of buffers; what it learns about a part holds for every capacity."""

    root: Part
    limit: int
    capacity: int = 0
    steps: int = 0
    stop: int = 0
    attempt: int = 0
    needs: dict[PartKey, float] = Factory(dict[PartKey, float])
    offsets: dict[int, int] = Factory(dict[int, int])

    @classmethod
    def over(cls, buffers: Sequence[Buffer], limit: int) -> "Search":
        """A search that has placed nothing yet."""
        columns = busiest_columns(buffers)
        loads = tuple(sum(buffer.size for buffer in column) for column in columns)
        return cls(Part(blocks_over(buffers, columns), 0, (0,) * len(columns), loads), limit)

    @property
    def bound(self) -> int:
        """What is needed in any case: the highest column without a gap."""
        return max(self.root.loads, default=0)

    def run(self, capacity: int) -> float | None:
        """At most `capacity` if `offsets` now holds such a placement, else more, which is then needed.

        None if half of the steps that are left give no answer; the other half is for other capacities.
        """
        self.capacity = capacity
        end = (self.steps + self.limit) // 2
        allowance = FIRST_ALLOWANCE
        while self.steps < end:
            self.stop = min(self.steps + allowance, end)
            try:
                return self._need(self.root)
            except OutOfStepsError:
                self.attempt += 1
                allowance += allowance // 4
        return None

    def _need(self, parent: Part) -> float:
        """What the parts of a part need; the first that does not fit decides."""
        for part in parts(parent):
            need = self._part_need(part)
            if need > self.capacity:
                return need
        return 0

    def _part_need(self, part: Part) -> float:
        key = tuple(block.index for block in part.blocks), part.skyline
        known = self.needs.get(key, 0)
        if known > self.capacity:
            return known
        self.steps += 1
        if self.steps > self.stop:
            raise OutOfStepsError
        need = self._least_branch(part)
        if need > self.capacity:
            self.needs[key] = need
        return need

    def _least_branch(self, part: Part) -> float:
        """The least that any way of filling one valley needs; the first that fits ends the search."""
        hopeful, least = self._narrowest(part)
        for branch in self._preferred(hopeful):
            need = self._need(branch.rest)
            if need <= self.capacity:
                branch.place(self.offsets)
                return need
            least = min(least, need)
        return least

    def _preferred(self, hopeful: Sequence[Branch]) -> list[Branch]:
        """The branches as this attempt takes them; an empty valley, which wastes most, comes last."""
        rule = PREFERENCES[self.attempt % len(PREFERENCES)]
        return sorted(hopeful, key=lambda branch: inf if branch.block is None else rule(branch.block))

    def _narrowest(self, part: Part) -> tuple[list[Branch], float]:
        """Of the valley with the fewest branches within the capacity: these, and what its others need."""
        narrowest: tuple[list[Branch], float] | None = None
        for valley in valleys(part.skyline):
            every = tuple(branches(part, valley))
            hopeful = [branch for branch in every if branch.bound <= self.capacity]
            if narrowest is None or len(hopeful) < len(narrowest[0]):
                over = min((branch.bound for branch in every if branch.bound > self.capacity), default=inf)
                narrowest = hopeful, over
            if not hopeful:
                break
        return narrowest or ([], inf)


def parts(parent: Part) -> Iterator[Part]:
    """The groups of blocks that share no column with each other, from left to right."""
    group: list[Block] = []
    right = -1
    for block in parent.blocks:
        if group and block.left > right:
            yield part_of(parent, group, right)
            group = []
        group.append(block)
        right = max(right, block.right)
    if group:
        yield part_of(parent, group, right)


def part_of(parent: Part, group: Sequence[Block], right: int) -> Part:
    """A group of blocks with its columns."""
    left = group[0].left
    window = slice(left - parent.left, right + 1 - parent.left)
    return Part(tuple(group), left, parent.skyline[window], parent.loads[window])


def valleys(skyline: Sequence[int]) -> Iterator[Valley]:
    """Every stretch that is lower than what stands on either side of it, from left to right."""
    start, wall = 0, None
    for column, ground in enumerate(skyline):
        following = skyline[column + 1] if column + 1 < len(skyline) else None
        if following == ground:
            continue
        if (wall is None or wall > ground) and (following is None or following > ground):
            yield Valley(ground, start, column, wall, following)
        start, wall = column + 1, ground


def branches(part: Part, valley: Valley) -> Iterator[Branch]:
    """Each block as the leftmost on the ground of the valley, then the valley left empty."""
    walls = [wall for wall in (valley.left_wall, valley.right_wall) if wall is not None]
    spanning = next((block for block in part.blocks if spans(block, part)), None)
    if spanning and not walls:
        yield Branch(spanning, valley.ground, with_block(part, valley, spanning))
        return
    seen: set[tuple[int, int, int]] = set()
    for block in part.blocks:
        kind = block.left, block.right, block.size
        inside = valley.start <= block.left - part.left and block.right - part.left <= valley.end
        if inside and kind not in seen:
            seen.add(kind)
            yield Branch(block, valley.ground, with_block(part, valley, block))
    if walls:
        yield Branch(None, valley.ground, left_empty(part, valley.start, valley.end, min(walls)))


def spans(block: Block, part: Part) -> bool:
    """Whether a block covers a whole part: on level ground it may lie at the bottom of every stack."""
    return block.left == part.left and block.right == part.left + len(part.skyline) - 1


def with_block(part: Part, valley: Valley, block: Block) -> Part:
    """The block on the ground; what lies left of it in the valley can then only rest on it or on the wall."""
    top = valley.ground + block.size
    left, right = block.left - part.left, block.right - part.left
    floor = top if valley.left_wall is None else min(valley.left_wall, top)
    filled = left_empty(part, valley.start, left - 1, floor)
    skyline = filled.skyline[:left] + (top,) * (right + 1 - left) + filled.skyline[right + 1 :]
    rest = tuple(other for other in part.blocks if other is not block)
    return Part(rest, part.left, skyline, filled.loads)


def left_empty(part: Part, start: int, end: int, floor: int) -> Part:
    """The columns from `start` to `end` raised to `floor`, and the bytes lost by it added to their loads."""
    if end < start:
        return part
    lost = floor - part.skyline[start]
    skyline = part.skyline[:start] + (floor,) * (end + 1 - start) + part.skyline[end + 1 :]
    raised = tuple(load + lost for load in part.loads[start : end + 1])
    return Part(part.blocks, part.left, skyline, part.loads[:start] + raised + part.loads[end + 1 :])

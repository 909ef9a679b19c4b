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

SEARCH_LIMIT = 200_000
"""Blocks looked at before the search gives up on a proof: about a second."""
FIRST_ALLOWANCE = 50
"""How often the first attempt may look at each block on average; each later one may a quarter more."""


PartKey: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]


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

    @property
    def key(self) -> PartKey:
        """What decides the need of a part: which blocks it has and what they stand on."""
        return tuple(block.index for block in self.blocks), self.skyline


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
    """One way to go on in a valley: some columns left empty up to a floor, and next to them a block on the ground."""

    part: Part
    block: Block | None
    ground: int
    start: int
    end: int
    floor: int

    @property
    def bound(self) -> int:
        """What the columns left empty need at least; the others need what they needed before."""
        return max(self.part.loads[self.start : self.end], default=0) + self.floor - self.ground

    def rest(self) -> Part:
        """What is left to be placed, above the columns as they are then."""
        part, lost = self.part, self.floor - self.ground
        empty = self.end - self.start
        raised = tuple(load + lost for load in part.loads[self.start : self.end])
        loads = part.loads[: self.start] + raised + part.loads[self.end :]
        if self.block is None:
            skyline = part.skyline[: self.start] + (self.floor,) * empty + part.skyline[self.end :]
            return Part(part.blocks, part.left, skyline, loads)
        width, top = self.block.right + 1 - self.block.left, self.ground + self.block.size
        filled = (self.floor,) * empty + (top,) * width
        skyline = part.skyline[: self.start] + filled + part.skyline[self.end + width :]
        return Part(tuple(other for other in part.blocks if other is not self.block), part.left, skyline, loads)


PREFERENCES: tuple[Callable[[Block], int], ...] = (
    lambda block: block.left,
    lambda block: -block.size,
    lambda block: block.left - block.right,
    lambda block: -block.right,
    lambda block: block.size,
    lambda block: block.size * (block.left - block.right - 1),
)
"""Which block to try first, one rule an attempt: an unlucky rule costs thousands of steps, a change few."""


def smallest_placement(buffers: Sequence[Buffer], start: Mapping[str, int], limit: int) -> Placement:
    """The smallest placement that looking at `limit` blocks finds, never larger than the one given to start from."""
    sized = [buffer for buffer in buffers if buffer.size]
    search = Search.over(sized, limit)
    best, needed = dict(start), search.bound
    low = capacity = needed
    while low < height(sized, best):
        need = search.run(capacity)
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
    work: int = 0
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

        None if half of the work that is left gives no answer; the other half is for other capacities.
        """
        self.capacity = capacity
        end = (self.work + self.limit) // 2
        allowance = FIRST_ALLOWANCE * len(self.root.blocks)
        while self.work < end:
            self.stop = min(self.work + allowance, end)
            need = self._attempt()
            if need is not None:
                return need
            self.attempt += 1
            allowance += allowance // 4
        return None

    def _attempt(self) -> float | None:
        """What the root needs, depth first with a stack of our own; None if the work exceeds what is allowed."""
        frames = [Frame(iter((Branch(self.root, None, 0, 0, 0, 0),)), inf)]
        need: float = 0
        while frames:
            part = frames[-1].next_part(need, self.capacity)
            if part is None:
                need = self._closed(frames.pop())
                continue
            need = self.needs.get(part.key, 0)
            if need <= self.capacity:
                self.work += len(part.blocks)
                if self.work > self.stop:
                    return None
                frames.append(self._opened(part))
        return need

    def _opened(self, part: Part) -> "Frame":
        """The branches of the valley with the fewest within the capacity, as this attempt takes them."""
        hopeful, least = self._narrowest(part)
        rule = PREFERENCES[self.attempt % len(PREFERENCES)]
        hopeful.sort(key=lambda branch: inf if branch.block is None else rule(branch.block))
        return Frame(iter(hopeful), least, part)

    def _closed(self, frame: "Frame") -> float:
        """What the part of a frame needs: nothing beyond the capacity, if a branch was found to fit."""
        if frame.branch is not None:
            if frame.branch.block is not None:
                self.offsets[frame.branch.block.index] = frame.branch.ground
            return 0
        if frame.part is not None:
            self.needs[frame.part.key] = frame.least
        return frame.least

    def _narrowest(self, part: Part) -> tuple[list[Branch], float]:
        """Of the valley with the fewest branches within the capacity: these, and what its others need."""
        narrowest: tuple[list[Branch], float] | None = None
        for valley in valleys(part.skyline):
            every = [(branch.bound, branch) for branch in branches(part, valley)]
            hopeful = [branch for bound, branch in every if bound <= self.capacity]
            if narrowest is None or len(hopeful) < len(narrowest[0]):
                narrowest = hopeful, min((bound for bound, _ in every if bound > self.capacity), default=inf)
            if not hopeful:
                break
        return narrowest or ([], inf)


@define
class Frame:
    """A part being searched: the branches still to be tried, and the parts still to fit of the one being tried."""

    branches: Iterator[Branch]
    least: float
    """What the branches that do not fit need at least."""
    part: Part | None = None
    branch: Branch | None = None
    todo: list[Part] = Factory(list[Part])

    def next_part(self, need: float, capacity: int) -> Part | None:
        """The part to be searched next, given what the one before needs; None when a branch fits or all have failed."""
        if need > capacity:
            self.least = min(self.least, need)
            self.branch = None
        while self.branch is None or self.todo:
            if self.branch is not None:
                return self.todo.pop()
            self.branch = next(self.branches, None)
            if self.branch is None:
                return None
            self.todo = [*parts(self.branch.rest())][::-1]
        return None


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
            yield Valley(ground, start, column + 1, wall, following)
        start, wall = column + 1, ground


def branches(part: Part, valley: Valley) -> Iterator[Branch]:
    """Each block as the leftmost on the ground of the valley, then the valley left empty."""
    walls = [wall for wall in (valley.left_wall, valley.right_wall) if wall is not None]
    spanning = next((block for block in part.blocks if spans(block, part)), None)
    if spanning and not walls:
        yield Branch(part, spanning, valley.ground, 0, 0, valley.ground)
        return
    seen: set[tuple[int, int, int]] = set()
    for block in part.blocks:
        kind = left, right, size = block.left - part.left, block.right - part.left, block.size
        if valley.start <= left and right < valley.end and kind not in seen:
            seen.add(kind)
            top = valley.ground + size
            floor = top if valley.left_wall is None else min(valley.left_wall, top)
            yield Branch(part, block, valley.ground, valley.start, left, floor)
    if walls:
        yield Branch(part, None, valley.ground, valley.start, valley.end, min(walls))


def spans(block: Block, part: Part) -> bool:
    """Whether a block covers a whole part: on level ground it may lie at the bottom of every stack."""
    return block.left == part.left and block.right == part.left + len(part.skyline) - 1

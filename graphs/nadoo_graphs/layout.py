"""Where the nodes of a drawing stand: in layers from top to bottom, with few crossings and straight long edges.

The layout knows names, widths and edges only. An edge that passes through layers has a bend in each; all edges of
one source share their bends, so that a value read in many places is one line that branches.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from attrs import frozen

Bend: TypeAlias = tuple[str, int]
Item: TypeAlias = str | Bend
Edge: TypeAlias = tuple[str, str]
Links: TypeAlias = Mapping[Item, Sequence[Item]]

MOST_IN_ROW = 6
BEND_WIDTH = 10.0
SPACE = 18.0
LINE_SPACE = 4.0
SWEEPS = 6
NODE_WEIGHT = 1000.0


@frozen
class Layout:
    """The middle of every node and bend on its row, and the rows from top to bottom."""

    rows: tuple[tuple[Item, ...], ...]
    centres: Mapping[Item, float]
    widths: Mapping[Item, float]
    row_of: Mapping[str, int]

    @property
    def left(self) -> float:
        """The left end of what stands furthest left."""
        return min((self.centres[item] - self.widths[item] / 2 for row in self.rows for item in row), default=0)

    @property
    def right(self) -> float:
        """The right end of what stands furthest right."""
        return max((self.centres[item] + self.widths[item] / 2 for row in self.rows for item in row), default=0)

    def bends(self, source: str, reader: str) -> list[tuple[float, int]]:
        """The middle and row of every bend on the way from a node to a reader."""
        rows = range(self.row_of[source] + 1, self.row_of[reader])
        return [(self.centres[source, row], row) for row in rows]


def laid_out(names: Sequence[str], edges: Sequence[Edge], widths: Mapping[str, float]) -> Layout:
    """The layout of nodes given in topological order."""
    row_of = layered(names, edges)
    rows = filled_rows(names, edges, row_of)
    down, up = linked(edges, row_of)
    rows = untangled(rows, down, up)
    sizes: dict[Item, float] = {
        item: widths.get(item, 0) if isinstance(item, str) else BEND_WIDTH for row in rows for item in row
    }
    centres = placed(rows, down, up, sizes)
    return Layout(tuple(map(tuple, rows)), centres, sizes, row_of)


def layered(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The row of each node: below all that it reads, rows no fuller than allowed, sources near their readers."""
    sources, readers = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for source, reader in edges:
        sources[reader].append(source)
        readers[source].append(reader)
    row_of: dict[str, int] = {}
    filled = defaultdict[int, int](int)
    for name in names:
        row = max((row_of[source] + 1 for source in sources[name]), default=0)
        while filled[row] >= MOST_IN_ROW:
            row += 1
        row_of[name] = row
        filled[row] += 1
    for name in reversed(names):
        lowest = min((row_of[reader] for reader in readers[name]), default=0)
        free = [row for row in range(row_of[name] + 1, lowest) if filled[row] < MOST_IN_ROW]
        if free and not sources[name]:
            filled[row_of[name]] -= 1
            filled[free[-1]] += 1
            row_of[name] = free[-1]
    return row_of


def filled_rows(names: Sequence[str], edges: Iterable[Edge], row_of: Mapping[str, int]) -> list[list[Item]]:
    """The rows with their nodes in order, then the bends of edges that pass through."""
    rows: list[list[Item]] = [[] for _ in range(max(row_of.values(), default=-1) + 1)]
    for name in names:
        rows[row_of[name]].append(name)
    lowest = dict(row_of)
    for source, reader in edges:
        lowest[source] = max(lowest[source], row_of[reader] - 1)
    for name in names:
        for row in range(row_of[name] + 1, lowest[name] + 1):
            rows[row].append((name, row))
    return rows


def linked(edges: Iterable[Edge], row_of: Mapping[str, int]) -> tuple[Links, Links]:
    """What each node and bend is drawn to in the next row, and the same upwards."""
    down, up = defaultdict[Item, list[Item]](list), defaultdict[Item, list[Item]](list)
    for source, reader in edges:
        bends: list[Item] = [(source, row) for row in range(row_of[source] + 1, row_of[reader])]
        for upper, lower in zip([source, *bends], [*bends, reader], strict=True):
            if lower not in down[upper]:
                down[upper].append(lower)
                up[lower].append(upper)
    return down, up


def untangled(rows: list[list[Item]], down: Links, up: Links) -> list[list[Item]]:
    """The rows in the order with the fewest crossings that sorting by the middle of neighbours finds."""
    best, fewest = rows, crossings(rows, down)
    for sweep in range(SWEEPS):
        if not fewest:
            return best
        rows = swept(rows, up) if sweep % 2 == 0 else swept(rows[::-1], down)[::-1]
        found = crossings(rows, down)
        if found < fewest:
            best, fewest = rows, found
    return best


def swept(rows: Sequence[Sequence[Item]], neighbours: Links) -> list[list[Item]]:
    """Each row sorted by the mean place of its neighbours in the row before; who has none stays where it is."""
    places: dict[Item, int] = {}
    result: list[list[Item]] = []
    for row in rows:
        wanted = {
            item: mean([places[other] for other in neighbours.get(item, ())], index) for index, item in enumerate(row)
        }
        result.append(sorted(row, key=lambda item: wanted[item]))
        places = {item: index for index, item in enumerate(result[-1])}
    return result


def mean(values: Sequence[float], default: float) -> float:
    """The mean, or what stands for it where there are no values."""
    return sum(values) / len(values) if values else default


def crossings(rows: Sequence[Sequence[Item]], down: Links) -> int:
    """How many pairs of edges between neighbouring rows cross."""
    count = 0
    for upper, lower in pairwise(rows):
        places = {item: index for index, item in enumerate(lower)}
        ends: list[int] = []
        for item in upper:
            reached = sorted(places[other] for other in down.get(item, ()))
            count += sum(len(ends) - bisect_left(ends, place + 1) for place in reached)
            for place in reached:
                insort(ends, place)
    return count


def placed(rows: Sequence[Sequence[Item]], down: Links, up: Links, widths: Mapping[Item, float]) -> dict[Item, float]:
    """The middle of each item, as near to its neighbours as its row allows."""
    centres: dict[Item, float] = {}
    for row in rows:
        centres.update(spread(row, dict.fromkeys(row, 0.0), widths))
    for sweep in range(2 * SWEEPS + 1):
        move(rows, up if sweep % 2 == 0 else down, centres, widths, upwards=sweep % 2 == 1)
    for upwards in (True, False, True):
        move(rows, down if upwards else up, centres, widths, upwards=upwards, settled=True)
    return centres


def move(
    rows: Sequence[Sequence[Item]],
    neighbours: Links,
    centres: dict[Item, float],
    widths: Mapping[Item, float],
    *,
    upwards: bool,
    settled: bool = False,
) -> None:
    """Draw each row to the one before; once nodes have settled, only bends follow, which straightens long edges."""
    for row in rows[::-1] if upwards else rows:
        wanted = {item: pulled(item, neighbours.get(item, ()), centres) for item in row}
        fixed = {item: centres[item] for item in row if isinstance(item, str)} if settled else lone(row)
        centres.update(spread(row, wanted | fixed, widths))


def lone(row: Sequence[Item]) -> dict[Item, float]:
    """A node that has its row for itself stands in the middle, so that a long chain does not wander."""
    nodes = [item for item in row if isinstance(item, str)]
    return dict.fromkeys(nodes, 0.0) if len(nodes) == 1 else {}


def pulled(item: Item, neighbours: Sequence[Item], centres: Mapping[Item, float]) -> float:
    """Where its neighbours want an item to stand: nodes below nodes, bends below bends, where there are any."""
    if isinstance(item, str):
        nodes = [other for other in neighbours if isinstance(other, str)]
        return mean([centres[other] for other in nodes or map(source_of, neighbours)], centres[item])
    bends = [other for other in neighbours if not isinstance(other, str)]
    return mean([centres[other] for other in bends or neighbours], centres[item])


def source_of(item: Item) -> str:
    """The node itself, or the one whose value a bend carries."""
    return item if isinstance(item, str) else item[0]


def spread(row: Sequence[Item], wanted: Mapping[Item, float], widths: Mapping[Item, float]) -> dict[Item, float]:
    """The places nearest to the wanted ones that keep order and distance: a weighted isotonic regression."""
    offsets, offset = list[float](), 0.0
    for index, item in enumerate(row):
        before = widths[row[index - 1]] if index else widths[item]
        offset += (before + widths[item]) / 2 + gap(row[index - 1] if index else item, item)
        offsets.append(offset)
    blocks: list[tuple[float, float, int]] = []
    for item, shift in zip(row, offsets, strict=True):
        weight = NODE_WEIGHT if isinstance(item, str) else 1.0
        block = (wanted[item] - shift, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            block = merged(blocks.pop(), block)
        blocks.append(block)
    places = [place for place, _, count in blocks for _ in range(count)]
    return {item: place + shift for item, place, shift in zip(row, places, offsets, strict=True)}


def gap(left: Item, right: Item) -> float:
    """The room between neighbours; lines that run side by side need less than boxes."""
    return SPACE if isinstance(left, str) or isinstance(right, str) else LINE_SPACE


def merged(left: tuple[float, float, int], right: tuple[float, float, int]) -> tuple[float, float, int]:
    """Two blocks that push each other, standing where their weights balance."""
    weight = left[1] + right[1]
    return ((left[0] * left[1] + right[0] * right[1]) / weight, weight, left[2] + right[2])

"""The clip with the smallest mean square error of the quantizer as it really is, clipping and rounding together.

A grid of 71 ratios of the largest magnitude is followed by a golden-section search around the best of them. The error
of a row as long as a layer's is smooth in the clip: there a fifth of the grid is visited, and the search goes further.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import torch
from attrs import frozen

from nadoo_core.quantizing.algebra import square_sums
from nadoo_core.quantizing.book import Book
from nadoo_core.quantizing.rows import CHUNK, ascending, portions, require_rows

RATIOS = torch.linspace(0.3, 1.0, 71, dtype=torch.float64)
SPACING = float(RATIOS[1] - RATIOS[0])
DEPTH = 6
"""How often the grid goes on below its lower end, where heavy tails and few levels have their best clip."""
COARSE = 5
LONG_ROW = 512
SEARCHED = 1 << 19
"""Elements that are searched at a time: with their sums they take three times the room."""
GOLDEN = (5**0.5 - 1) / 2
GOLDEN_STEPS = 8

Error: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
"""The square error of every row at a clip of its own."""


def mean_square_clip(rows: torch.Tensor, book: Book) -> torch.Tensor:
    """The clip of each row with the least square error, in float64; 0 for a row of zeros.

    Law: its error is at most that of every clip on the grid; s(cX) = c·s(X) for c > 0; the result for several rows is
    that for each of them.
    """
    require_rows(rows, "rows")
    found = [portion_clip(part, book) for part in portions(rows.detach(), CHUNK if book.step is not None else SEARCHED)]
    return torch.cat(found)


def square_error(rows: torch.Tensor, book: Book, clip: torch.Tensor) -> torch.Tensor:
    """The square error of each row at a clip, in float64."""
    require_rows(rows, "rows")
    return error_function(rows.detach(), book)(clip.double().reshape(-1, 1)).reshape(-1)


def portion_clip(rows: torch.Tensor, book: Book, most: torch.Tensor | None = None, depth: int = DEPTH) -> torch.Tensor:
    """The clips of a few rows, at most as large as given; what is best at the lower end is sought further down."""
    largest = rows.abs().amax(1, keepdim=True).double() if most is None else most
    error = error_function(rows, book)
    search = Search.begun(largest, error)
    stride = 1 if rows.shape[1] < LONG_ROW else COARSE
    search = search.visited(range(0, len(RATIOS), stride), error)
    found = golden_section(search, error, stride)
    low = (search.place[:, 0] == 0).nonzero()[:, 0]
    if len(low) and depth:
        below = portion_clip(rows[low], book, largest[low] * (RATIOS[0] + SPACING), depth - 1)
        better = error_function(rows[low], book)(below[:, None]) < error(found)[low]
        found[low] = torch.where(better, below[:, None], found[low])
    return found.reshape(-1)


@frozen
class Search:
    """The best place on the grid so far, for every row."""

    largest: torch.Tensor
    place: torch.Tensor
    error: torch.Tensor

    @classmethod
    def begun(cls, largest: torch.Tensor, error: Error) -> "Search":
        """At the end of the grid, where nothing is clipped."""
        return cls(largest, torch.full_like(largest, len(RATIOS) - 1, dtype=torch.int64), error(largest))

    def visited(self, places: Iterable[int], error: Error) -> "Search":
        """The search after looking at some points of the grid, the same for every row."""
        found = self
        for place in places:
            found = found.with_place(torch.full_like(self.place, place), error)
        return found

    def with_place(self, place: torch.Tensor, error: Error) -> "Search":
        """The better of the best so far and one more point."""
        new = error(self.largest * RATIOS[place])
        better = new < self.error
        return Search(self.largest, torch.where(better, place, self.place), torch.where(better, new, self.error))

    @property
    def clip(self) -> torch.Tensor:
        """The best clip so far."""
        return self.largest * RATIOS[self.place]

    def bracket(self, stride: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The visited neighbours between which the best one lies; nothing is gained beyond the largest."""
        centre, reach = RATIOS[self.place], SPACING * stride
        return self.largest * (centre - reach), self.largest * (centre + reach).clamp(max=1.0)


def golden_section(search: Search, error: Error, stride: int) -> torch.Tensor:
    """The best clip between the neighbours of the best point on the grid; never worse than that point."""
    low, high = search.bracket(stride)
    inner = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
    errors = [error(inner[0]), error(inner[1])]
    best, least = search.clip, search.error
    for _ in range(GOLDEN_STEPS):
        for point, value in zip(inner, errors, strict=True):
            better = value < least
            best, least = torch.where(better, point, best), torch.where(better, value, least)
        left = errors[0] < errors[1]
        low, high = torch.where(left, low, inner[0]), torch.where(left, inner[1], high)
        new = torch.where(left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        value = error(new)
        inner = [torch.where(left, new, inner[1]), torch.where(left, inner[0], new)]
        errors = [torch.where(left, value, errors[1]), torch.where(left, errors[0], value)]
    return best


# --- the error of a quantizer -----------------------------------------------------------------------------------------


def error_function(rows: torch.Tensor, book: Book) -> Error:
    """How far rows are from their levels: by arithmetic where the levels are evenly spaced, else by looking them up."""
    return uniform_error(rows, book, book.step) if book.step is not None else looked_up_error(rows, book)


def uniform_error(rows: torch.Tensor, book: Book, step: float) -> Error:
    """The error of levels with one step; `held` is written over and over, because memory is what takes the time."""
    held = torch.empty_like(rows)
    first, last = float(book.levels[0]) / step, float(book.levels[-1]) / step
    shift = first - round(first)

    def error(clip: torch.Tensor) -> torch.Tensor:
        width = (book.scale(clip) * step).to(rows.dtype)
        torch.mul(rows, width.reciprocal(), out=held)
        if shift:
            held.sub_(shift).round_().add_(shift)
        else:
            held.round_()
        held.clamp_(first, last).mul_(width).sub_(rows)
        return square_sums(held).double().reshape(-1, 1)

    return error


def looked_up_error(rows: torch.Tensor, book: Book) -> Error:
    """The error of any levels: in ascending order the numbers of a level are neighbours, and their sums differences.

    Σ(x − l)² = Σx² − 2·l·Σx + l²·n, so that a clip costs a search for every midpoint instead of one for every number.
    """
    ordered = ascending(rows)
    doubles = ordered.double()
    squares = square_sums(doubles).reshape(-1, 1)
    sums = torch.zeros(len(rows), rows.shape[1] + 1, dtype=torch.float64)
    torch.cumsum(doubles, 1, out=sums[:, 1:])
    ends = torch.zeros(len(rows), 1, dtype=torch.int64), torch.full((len(rows), 1), rows.shape[1])

    def error(clip: torch.Tensor) -> torch.Tensor:
        scale = book.scale(clip)
        inner = torch.searchsorted(ordered, (scale * book.midpoints).to(rows.dtype))
        borders = torch.cat([ends[0], inner, ends[1]], 1)
        counts, parts = borders.diff(), sums.gather(1, borders).diff()
        levels = scale * book.levels
        return (squares + (levels * (levels * counts - 2 * parts)).sum(1, keepdim=True)).clamp(min=0)

    return error

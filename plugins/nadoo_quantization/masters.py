"""Master weights for levels that were chosen: as near to the weight that was there as the level allows.

A training that follows then begins where the float model was, and not in the middle of every level.
"""

import torch

from nadoo_core.quantizing import Book
from nadoo_graphs.formats import Format

MARGIN = 0.02
"""How far from the border of a level a master stays, as a share of the way to it."""


def master_within(
    levels: torch.Tensor, scale: torch.Tensor, original: torch.Tensor, row: Format, book: Book
) -> torch.Tensor:
    """A weight in the precision of the original that encodes to the levels; on them, where a format rounds otherwise.

    A format that encodes a tensor as a whole gets the levels themselves, because no number there is by itself.
    `scale` lies along the weight, in float64.
    """
    grid = (levels * scale).to(original.dtype)
    if getattr(row.codec, "whole", False):
        return grid
    index = torch.bucketize(levels, book.midpoints)
    ends = torch.full((1,), float("inf"), dtype=torch.float64)
    borders = torch.cat([-ends, book.midpoints, ends])
    low, high = (borders[index + place] for place in (0, 1))
    low, high = (torch.where(edge.isfinite(), edge + MARGIN * (levels - edge), edge) for edge in (low, high))
    near = (original.double() / scale).clamp(low, high)
    held = (near * scale).to(original.dtype)
    same = row.encode(held, scale, allow_degenerate=True) == row.encode(grid, scale, allow_degenerate=True)
    return torch.where(same, held, grid)

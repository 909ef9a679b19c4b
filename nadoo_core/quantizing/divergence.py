"""The clip that keeps the distribution: least Kullback-Leibler divergence of a histogram and its quantized form."""

import torch

from nadoo_core.quantizing.rows import require_rows

BINS = 2048
LEVELS = 128
SMOOTHING = 1e-4


def divergence_clip(rows: torch.Tensor, *, levels: int = LEVELS, stride: int = 16) -> torch.Tensor:
    """The upper edge of the last bin of the histogram of |x| that is kept, for each row; 0 for a row of zeros.

    Law: s ≤ max|x|; s(cX) = |c|·s(X) but for the edges of the bins.
    """
    require_rows(rows, "rows")
    return torch.stack([row_clip(row, levels, stride) for row in rows.detach().double().abs()])


def row_clip(magnitudes: torch.Tensor, levels: int, stride: int) -> torch.Tensor:
    """The clip of one row."""
    largest = magnitudes.max()
    if not bool(largest > 0):
        return largest
    counts = torch.histc(magnitudes, BINS, 0.0, float(largest))
    kept = [*range(levels, BINS, stride), BINS]
    found = torch.stack([divergence(counts, count, levels) for count in kept])
    return largest * kept[int(found.argmin())] / BINS


def divergence(counts: torch.Tensor, kept: int, levels: int) -> torch.Tensor:
    """KL(P‖Q): P has the outliers in its last bin, Q the bins without them, merged into levels and spread again."""
    inside = counts[:kept]
    wanted = inside.clone()
    wanted[-1] += counts[kept:].sum()
    group = torch.arange(kept) * levels // kept
    filled = (inside > 0).double()
    sums = torch.zeros(levels, dtype=torch.float64).index_add_(0, group, inside)
    members = torch.zeros(levels, dtype=torch.float64).index_add_(0, group, filled)
    spread = (sums / members.clamp(min=1))[group] * filled
    first, second = smoothed(wanted), smoothed(spread)
    return (first * (first / second).log()).sum()


def smoothed(counts: torch.Tensor) -> torch.Tensor:
    """Shares without zeros, because a bin that was seen and cannot be represented would cost infinitely much."""
    shares = counts / counts.sum().clamp(min=torch.finfo(torch.float64).tiny)
    lifted = torch.where(shares > 0, shares, SMOOTHING)
    return lifted / lifted.sum()

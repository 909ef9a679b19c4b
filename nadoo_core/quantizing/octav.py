"""OCTAV: the clip at which what is lost by clipping and what is lost by rounding balance.

s = Σ_{|x|>s}|x| / (βk·#{0<|x|≤s} + #{|x|>s}), where k·s² is the mean square of rounding with a step of 2s/2^B.
"""

import torch

from nadoo_core.quantizing.rows import portions, require_rows, sorted_magnitudes

SIGNED, UNSIGNED = 3.0, 12.0
FIRST_CLIP = 0.25
ITERATIONS = 10


def noise_factor(bits: float, beta: float = 1.0, *, signed: bool = True) -> float:
    """βk: the mean square of the rounding error at a clip of 1."""
    return float(beta * 4.0**-bits / (SIGNED if signed else UNSIGNED))


def exact_octav(
    rows: torch.Tensor, bits: float, *, beta: float = 1.0, count_zeros: bool = False, signed: bool = True
) -> torch.Tensor:
    """The fixed point of each row, solved on the sorted magnitudes; 0 for a row of zeros.

    Law: s(cX) = |c|·s(X); unchanged by signs, order, duplication and, unless zeros are counted, by added zeros;
    0 < s ≤ max|x|; does not fall with more bits and does not rise with β.
    """
    require_rows(rows, "rows")
    factor = noise_factor(bits, beta, signed=signed)
    found = [solved(sorted_magnitudes(part).double(), factor, count_zeros=count_zeros) for part in portions(rows)]
    return torch.cat(found)


def solved(magnitudes: torch.Tensor, factor: float, *, count_zeros: bool) -> torch.Tensor:
    """The smallest s at which k·s·#{a ≤ s} − Σ_{a>s}(a − s) is not negative, for each row of ascending magnitudes.

    Between two neighbours a_j ≤ s < a_{j+1} the balance is at s_j = Σ_{i>j} a_i / (k·j + n − j). It does not fall, so
    the first j whose s_j lies below a_{j+1} is the place, and s is s_j or a_j, whichever is larger.
    """
    count = magnitudes.shape[1]
    places = torch.arange(count, dtype=torch.float64)
    zeros = (magnitudes == 0).sum(1, keepdim=True) * (not count_zeros)
    total = magnitudes.flip(1).cumsum(1).flip(1)
    balance = total / ((places - zeros).clamp(min=0) * factor + (count - places))
    fits = balance < magnitudes
    place = torch.where(fits.any(1), fits.to(torch.int8).argmax(1), count)[:, None]
    zero = torch.zeros(len(magnitudes), 1, dtype=torch.float64)
    below = torch.cat([zero, magnitudes], 1).gather(1, place)
    return torch.maximum(below, torch.cat([balance, zero], 1).gather(1, place))[:, 0]


def newton_octav(
    rows: torch.Tensor,
    bits: float,
    *,
    beta: float = 1.0,
    count_zeros: bool = True,
    signed: bool = True,
    start: torch.Tensor | None = None,
    iterations: int = ITERATIONS,
) -> torch.Tensor:
    """The iteration of the original, for results that have to be the same; it may cycle, and then gives what it has.

    A step that would leave zero, from which it does not come back, is not taken.
    """
    require_rows(rows, "rows")
    factor = noise_factor(bits, beta, signed=signed)
    magnitudes = rows.detach().double().abs()
    clip = FIRST_CLIP * magnitudes.mean(1, keepdim=True) if start is None else start.double().reshape(-1, 1)
    for _ in range(iterations):
        outside = magnitudes > clip
        inside = ~outside if count_zeros else ~outside & (magnitudes > 0)
        weight = factor * inside.sum(1, keepdim=True) + outside.sum(1, keepdim=True)
        wanted = (magnitudes * outside).sum(1, keepdim=True) / weight.clamp(min=torch.finfo(torch.float64).tiny)
        clip = torch.where(wanted > 0, wanted, clip)
    return clip.reshape(-1)

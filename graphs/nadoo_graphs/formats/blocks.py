"""Work on large tensors piece by piece, so that intermediates in float64 stay in the processor's cache."""

from collections.abc import Callable, Iterator

import torch

BLOCK_ELEMENTS = 1 << 16
"""Half a MiB in float64, which fits in the cache of one core."""


def in_blocks(
    rounded: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    values: torch.Tensor,
    scale: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    """`rounded(values, scale)` in a dtype, for a function of each element by itself and its scale."""
    if values.numel() <= BLOCK_ELEMENTS:
        return rounded(values.to(torch.float64), scale).to(dtype)
    result = torch.empty(values.shape, dtype=dtype, device=values.device)
    for value, step, target in pieces(values, scale, result):
        target.copy_(rounded(value.to(torch.float64), step))
    return result


def pieces(
    values: torch.Tensor, scale: torch.Tensor, result: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Parts of the values with their scales and their place in the result."""
    if scale.numel() == 1 and values.is_contiguous():
        step = scale.reshape(())
        flat, target = values.view(-1), result.view(-1)
        parts = (slice(start, start + BLOCK_ELEMENTS) for start in range(0, flat.numel(), BLOCK_ELEMENTS))
        yield from ((flat[part], step, target[part]) for part in parts)
        return
    rows = max(1, BLOCK_ELEMENTS * values.shape[0] // values.numel())
    for start in range(0, values.shape[0], rows):
        part = slice(start, start + rows)
        step = scale[part] if scale.ndim and scale.shape[0] > 1 else scale
        yield values[part], step, result[part]

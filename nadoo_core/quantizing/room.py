"""Room for biases: the smallest scale of a weight at which its layer's bias still fits into the accumulator.

A bias is held in units of input scale times weight scale. Where a channel's weights are next to nothing, as a batch
norm leaves those of a dead channel, its clip alone would make that unit so small that the bias leaves 32 bits.
"""

import torch

LARGEST_BIAS = 1 << 29
"""A quarter of the accumulator, which leaves room for the sums, for rounding by the data and for training."""


def room_for_bias(
    scale: torch.Tensor, bias: torch.Tensor | None, input_scale: float | torch.Tensor, unit: float
) -> torch.Tensor:
    """The scales, [out] or a single number, none of them smaller than the bias needs.

    Law: |bias| / (input scale · weight scale / unit) ≤ 2²⁹; scales at which that holds already stay.
    """
    if bias is None:
        return scale
    least = bias.detach().abs().double() * unit / (input_scale * LARGEST_BIAS)
    least = (least if scale.ndim else least.max()).to(scale.device)
    return torch.where(scale.double() < least, least, scale.double()).to(scale.dtype)

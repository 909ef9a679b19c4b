"""What is folded into a layer's integers before it runs: bias, zero point and the clamp of its activation."""

from math import isnan

import numpy as np
import torch

from nadoo_graphs.errors import Code
from nadoo_graphs.formats.checks import refusal, require_finite, require_reals, require_scale
from nadoo_graphs.formats.requantize import INT32_MAXIMUM, INT32_MINIMUM


def quantize_bias(
    bias: torch.Tensor, input_scale: float, weight_scale: float | torch.Tensor, where: str = "bias"
) -> torch.Tensor:
    """The bias in units of the accumulator, clamped to int32; weight scales per channel lie along it."""
    require_reals(bias, where)
    require_finite(bias, where)
    unit = input_scale * torch.as_tensor(weight_scale, dtype=torch.float64, device=bias.device)
    require_scale(unit, bias, f"{where}: input scale times weight scale")
    codes = (bias.detach().to(torch.float64) / unit).round()
    return codes.clamp(INT32_MINIMUM, INT32_MAXIMUM).to(torch.int32)


def fold_zero_point(
    bias_codes: torch.Tensor, weight_codes: torch.Tensor, zero_point: int, where: str = "bias"
) -> torch.Tensor:
    """The bias that makes up for the input's zero point: bias - zero_point * sum of the channel's weights.

    It holds where padding, too, is filled with the zero point.
    """
    if weight_codes.ndim < 2 or bias_codes.shape != weight_codes.shape[:1]:
        message = f"the bias has shape {tuple(bias_codes.shape)} for weights of shape {tuple(weight_codes.shape)}"
        raise refusal(Code.SHAPE, where, f"{message}; give one bias for each output channel, the first axis")
    sums = weight_codes.sum(dim=tuple(range(1, weight_codes.ndim)), dtype=torch.int64)
    folded = bias_codes.to(torch.int64) - zero_point * sums
    outside = (folded < INT32_MINIMUM) | (folded > INT32_MAXIMUM)
    if bool(outside.any()):
        message = f"{int(outside.sum())} of {folded.numel()} folded biases do not fit in int32"
        raise refusal(Code.DATA, where, f"{message}; use a larger input or weight scale")
    return folded.to(torch.int32)


def fused_bounds(
    scale: float, zero_point: int, low: int, high: int, real_low: float | None, real_high: float | None
) -> tuple[int, int]:
    """The clamp of an output that is also an activation: ReLU is (0, None), ReLU6 is (0, 6)."""
    require_scale(scale, torch.zeros(()), "output scale")
    if not low <= zero_point <= high:
        raise refusal(Code.DATA, "zero point", f"it is {zero_point}; it must be a code from {low} to {high}")
    if any(bound is not None and isnan(bound) for bound in (real_low, real_high)):
        raise refusal(Code.NONFINITE, "bounds", f"they are {real_low} and {real_high}; nan bounds nothing, give None")
    if real_low is not None and real_high is not None and real_low > real_high:
        raise refusal(Code.DATA, "bounds", f"{real_low} exceeds {real_high}; give the lower bound first")
    return (
        low if real_low is None else nearest_code(real_low, scale, zero_point, low, high),
        high if real_high is None else nearest_code(real_high, scale, zero_point, low, high),
    )


def nearest_code(real: float, scale: float, zero_point: int, low: int, high: int) -> int:
    """The code of one real number, clamped before it is made an integer so that infinities are bounds too."""
    return int(np.clip(np.rint(real / scale) + zero_point, low, high))

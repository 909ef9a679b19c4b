"""The layer of the relu that shifts."""

from typing import Any

import torch
from torch import Tensor, nn

from nadoo_graphs.ops.op import Making
from nadoo_graphs.ops.quantized.applying import applied
from nadoo_graphs.ops.quantized.exporting import refuse_export
from nadoo_graphs.tensors import torch_dtype


def shifted_right(values: Tensor, scale: Tensor | float, half: Tensor | float) -> Tensor:
    """(z + half) >> shift of integers carried in floating point, the half already in units of the result."""
    return values.mul(scale).add_(half).floor_()


class Shifted(torch.autograd.Function):
    """Integers carried in floating point, shifted right with rounding until the largest fits."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        context: Any, values: Tensor, axes: list[int], maximum: int, dtype: torch.dtype, normalized: bool
    ) -> Tensor:
        """0 below zero, else min((z + half) >> shift, maximum)."""
        largest = values.detach().amax(axes, keepdim=True) if values.numel() else values
        _, lengths = torch.frexp(largest.clamp(min=0))
        shifts = (lengths - maximum.bit_length()).clamp(min=0).to(values.dtype)
        scale = torch.exp2(-shifts)
        half = (shifts > 0).to(values.dtype).mul_(0.5)
        shifted = shifted_right(values, scale, half).clamp_(0, maximum).to(dtype)
        if any(context.needs_input_grad):
            rest = (values,) if normalized else ()
            context.save_for_backward(values > 0, scale, *rest)
            context.axes = axes
        return shifted

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The shift is a constant, or follows the root mean square as the norm that it stands for."""
        inside, scale, *rest = context.saved_tensors
        passed = gradients[0].to(scale.dtype) * inside
        if rest:
            (values,) = rest
            energy = values.square().sum(context.axes, keepdim=True).clamp(min=1)
            passed = passed - values * ((passed * values).sum(context.axes, keepdim=True) / energy)
        return passed.mul_(scale), None, None, None, None


class FixedShift(torch.autograd.Function):
    """Integers carried in floating point, shifted right with rounding by as much as is said."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        context: Any, values: Tensor, shift: int, maximum: int, dtype: torch.dtype
    ) -> Tensor:
        """0 below zero, else min((z + half) >> shift, maximum)."""
        shifted = shifted_right(values, 2.0**-shift, 0.5 if shift else 0.0)
        if any(context.needs_input_grad):
            context.save_for_backward((values > 0) & (shifted <= maximum))
            context.scale, context.given = 2.0**-shift, values.dtype
        return shifted.clamp_(0, maximum).to(dtype)

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Straight through where nothing was cut off."""
        (inside,) = context.saved_tensors
        return (gradients[0].to(context.given) * inside).mul_(context.scale), None, None, None


class ReluNorm(nn.Module):
    """Small codes of large accumulators, without any scale."""

    def __init__(self, making: Making) -> None:
        super().__init__()
        attributes = making.attributes
        self.where = making.node
        self.granularity = str(attributes["granularity"])
        self.normalized = attributes["gradient"] == "rms"
        self.shift = attributes["shift"]
        self.maximum = int(making.formats[str(attributes["format"])].maximum)
        self.dtype = torch_dtype(str(attributes["dtype"]))

    def forward(self, x: Tensor) -> Tensor:
        """The shifted relu."""
        refuse_export(self.where)
        if self.shift is not None:
            return applied(FixedShift, x, int(self.shift), self.maximum, self.dtype)
        kept = {"tensor": 0, "sample": 1, "token": x.ndim - 1}[self.granularity]
        axes = list(range(min(kept, x.ndim - 1), x.ndim)) if x.ndim else []
        return applied(Shifted, x, axes, self.maximum, self.dtype, self.normalized)

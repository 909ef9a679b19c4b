"""The layers of the rows where codes begin, end or change their scale."""

from typing import Any

import torch
from torch import Tensor, nn

from nadoo_graphs.ops.op import Making
from nadoo_graphs.ops.quantized.applying import applied
from nadoo_graphs.ops.quantized.codes import bounds_of, range_of
from nadoo_graphs.ops.quantized.exporting import refuse_export
from nadoo_graphs.ops.quantized.numerics import (
    Quantize as QuantizeFunction,
)
from nadoo_graphs.ops.quantized.numerics import (
    Rescale,
    Target,
    point_of,
    step_of,
)
from nadoo_graphs.tensors import torch_dtype

SMALLEST_LARGEST = 1e-5
"""The least that a largest magnitude counts as, so that a row of zeros is divided by something."""


def laid(values: Tensor, rank: int, axis: int) -> Tensor:
    """One number as it is, or one for each index of an axis laid along it."""
    if values.ndim == 0:
        return values
    shape = [1] * rank
    shape[axis] = -1
    return values.reshape(shape)


class Quantize(nn.Module):
    """Codes of a fixed scale."""

    def __init__(self, making: Making) -> None:
        super().__init__()
        self.where = making.node
        self.rule = str(making.attributes["step_gradient"])
        found = making.formats[str(making.attributes["format"])]
        self.bounds = found.code_range(with_zero_point="zero_point" in making.tensors)

    def forward(self, x: Tensor, scale: Tensor, zero_point: Tensor | None = None) -> Tensor:
        """clamp(rne(x / scale) + zero point)."""
        refuse_export(self.where)
        low, high = self.bounds
        target = Target(point_of(zero_point), low, high, x.dtype, "none", self.rule, self.where)
        step = step_of(scale)
        return applied(QuantizeFunction, x, step, target)


class DynamicQuantize(nn.Module):
    """Codes of the scale at which the largest magnitude is the largest code, and that scale."""

    def __init__(self, making: Making) -> None:
        super().__init__()
        self.where = making.node
        self.granularity = str(making.attributes["granularity"])
        self.bounds = making.formats[str(making.attributes["format"])].code_range(with_zero_point=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Codes and scale; the scale is taken as a constant by the gradient of the codes."""
        refuse_export(self.where)
        low, high = self.bounds
        kept = {"tensor": (), "sample": (0,), "token": tuple(range(x.ndim - 1))}[self.granularity]
        folded = [axis for axis in range(x.ndim) if axis not in kept]
        largest = x.detach().abs().amax(folded, keepdim=True) if folded and x.numel() else x.detach().abs()
        scale = (largest.to(torch.float64).clamp(min=SMALLEST_LARGEST) / high).to(x.dtype)
        target = Target(0, low, high, x.dtype, "none", "plain", self.where)
        codes = applied(StraightThrough, x, scale.to(torch.float64), target)
        return codes, scale


class StraightThrough(QuantizeFunction):
    """Codes whose step follows the values, so that nothing is clipped and every gradient passes."""

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Straight through."""
        values, step, *_ = context.saved_tensors
        return gradients[0] / step.to(values.dtype), None, None


class Dequantize(nn.Module):
    """Numbers of codes."""

    def __init__(self, making: Making) -> None:
        super().__init__()
        self.where = making.node
        self.axis = int(making.attributes["axis"])
        self.dtype = torch_dtype(making.type.dtype)

    def forward(
        self,
        x: Tensor,
        *scales: Tensor,
        scale: Tensor | None = None,
        weight_scale: Tensor | None = None,
        zero_point: Tensor | None = None,
    ) -> Tensor:
        """(q - zero point) times all scales."""
        refuse_export(self.where)
        numbers = x.to(torch.float64) - point_of(zero_point) if zero_point is not None else x.to(torch.float64)
        if scale is not None:
            numbers = numbers * step_of(scale)
        if weight_scale is not None:
            numbers = numbers * laid(step_of(weight_scale), x.ndim, self.axis)
        for each in scales:
            numbers = numbers * each
        return numbers.to(self.dtype)


class Requantize(nn.Module):
    """Codes of another scale."""

    def __init__(self, making: Making) -> None:
        super().__init__()
        self.where = making.node
        self.axis = int(making.attributes["axis"])
        self.mode, self.rule = (str(making.attributes[name]) for name in ("requantize", "step_gradient"))
        self.range, self.bounds = range_of(making), bounds_of(making)
        self.dtype = torch_dtype(making.type.dtype)

    def forward(
        self,
        x: Tensor,
        input_scale: Tensor,
        output_scale: Tensor,
        input_zero_point: Tensor | None = None,
        output_zero_point: Tensor | None = None,
        weight_scale: Tensor | None = None,
    ) -> Tensor:
        """The rescaled distance from the zero point."""
        refuse_export(self.where)
        point, (low, high) = point_of(input_zero_point), self.bounds
        factor = step_of(input_scale)
        if weight_scale is not None:
            factor = factor * laid(step_of(weight_scale), x.ndim, self.axis)
        step = step_of(output_scale)
        target = Target(point_of(output_zero_point), low, high, self.dtype, self.mode, self.rule, self.where)
        bound = float(max(self.range[1] - point, point - self.range[0]))
        return applied(Rescale, x - point if point else x, factor, step, target, bound)


class Clamp(nn.Module):
    """Codes between two codes."""

    def __init__(self, minimum: int | None, maximum: int | None) -> None:
        super().__init__()
        self.minimum = minimum
        self.maximum = maximum

    def forward(self, x: Tensor) -> Tensor:
        """The clamp, or the codes themselves where there is none."""
        if self.minimum is None and self.maximum is None:
            return x
        return x.clamp(self.minimum, self.maximum)

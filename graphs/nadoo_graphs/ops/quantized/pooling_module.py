"""The layers that average codes."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nadoo_graphs.ops.op import Making
from nadoo_graphs.ops.quantized.arithmetic_module import Rescaling, reach_of
from nadoo_graphs.ops.quantized.codes import range_of
from nadoo_graphs.ops.quantized.exporting import refuse_export
from nadoo_graphs.ops.quantized.numerics import EXACT_FLOAT32, point_of, require_accumulator, step_of


class Average(Rescaling):
    """Sums over windows or axes, each divided by what its window counts."""

    def __init__(self, name: str, making: Making) -> None:
        super().__init__(making)
        self.name = name
        self.settings: Mapping[str, Any] = making.attributes
        self.range = range_of(making)

    def forward(
        self,
        x: Tensor,
        input_scale: Tensor,
        output_scale: Tensor,
        input_zero_point: Tensor | None = None,
        output_zero_point: Tensor | None = None,
    ) -> Tensor:
        """The sums, requantized by a factor for each count."""
        refuse_export(self.where)
        point = point_of(input_zero_point)
        reach = reach_of(self.range, point)
        bound = float(reach * self.terms(x))
        require_accumulator(bound, f"node {self.where!r}")
        wide = x.to(torch.float64) if bound > EXACT_FLOAT32 else x
        sums, counts = self.summed(wide - point if point else wide)
        step = step_of(input_scale)
        return self.finished(sums, step / counts, output_scale, output_zero_point, bound)

    def terms(self, x: Tensor) -> int:
        """The most terms that a sum has."""
        if self.name == "mean":
            dims = self.settings["dim"] or range(x.ndim)
            return prod(x.shape[dim] for dim in dims)
        if self.name.startswith("adaptive"):
            wanted = self.settings["output_size"]
            return prod(-(-size // count) + 1 for size, count in zip(x.shape[-len(wanted) :], wanted, strict=True))
        return prod(self.settings["kernel_size"])

    def summed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Sums and the counts to divide by, which are laid along the last axes."""
        if self.name == "mean":
            dims = list(self.settings["dim"] or range(x.ndim))
            return x.sum(dims, keepdim=self.settings["keepdim"]), x.new_tensor(self.terms(x), dtype=torch.float64)
        if self.name.startswith("adaptive"):
            return adaptive_sums(x, self.settings["output_size"])
        return window_sums(x, self.settings)


def window_sums(x: Tensor, settings: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Sums of windows of a fixed size; one axis is averaged as the last of two."""
    kernel, stride, padding = (two_axes(settings[name]) for name in ("kernel_size", "stride", "padding"))
    flat = len(settings["kernel_size"]) == 1
    image = x.unsqueeze(-2) if flat else x
    kernel, padding = fill(kernel, 1), fill(padding, 0)
    steps = fill(stride, 1) if stride else kernel
    options: dict[str, Any] = {"kernel_size": kernel, "stride": steps, "padding": padding}
    options["ceil_mode"] = settings["ceil_mode"]
    sums = F.avg_pool2d(image, **options, divisor_override=1)
    ones = torch.ones(1, *image.shape[-2:], dtype=torch.float64, device=x.device)
    held = F.avg_pool2d(ones, **options, divisor_override=1)
    divided: dict[str, Any] = {"count_include_pad": settings["count_include_pad"]}
    divided["divisor_override"] = settings.get("divisor_override")
    counts = (held / F.avg_pool2d(ones, **options, **divided)).round()[0]
    return (sums.squeeze(-2), counts.squeeze(-2)) if flat else (sums, counts)


def two_axes(sizes: Sequence[int]) -> tuple[int, ...]:
    """Sizes as a tuple."""
    return tuple(sizes)


def fill(sizes: tuple[int, ...], missing: int) -> tuple[int, ...]:
    """Two sizes, of which the first may be missing."""
    return sizes if len(sizes) > 1 else (missing, *sizes)


def adaptive_sums(x: Tensor, wanted: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Sums of as many windows as asked for: from floor(i·H/n) to ceil((i + 1)·H/n)."""
    counts = torch.ones((), dtype=torch.float64, device=x.device)
    for size, count in zip(x.shape[-len(wanted) :], wanted, strict=True):
        starts = torch.arange(count, device=x.device) * size
        lengths = -(-(starts + size) // count) - starts // count
        counts = counts.unsqueeze(-1) * lengths.to(torch.float64)
    pool: Any = F.adaptive_avg_pool1d if len(wanted) == 1 else F.adaptive_avg_pool2d
    means = pool(x.to(torch.float64), wanted if len(wanted) > 1 else wanted[0])
    return rounded(means * counts), counts


def rounded(sums: Tensor) -> Tensor:
    """Sums that are integers but for the rounding of a mean."""
    return sums + (sums.round() - sums).detach()

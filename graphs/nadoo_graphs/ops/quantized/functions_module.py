"""The layers of functions of codes."""

from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nadoo_graphs.ops.op import Making
from nadoo_graphs.ops.quantized.applying import applied
from nadoo_graphs.ops.quantized.arithmetic_module import Rescaling
from nadoo_graphs.ops.quantized.codes import range_of
from nadoo_graphs.ops.quantized.exporting import refuse_export
from nadoo_graphs.ops.quantized.integer_norm import NORM_UNIT, norm_bound, normalized
from nadoo_graphs.ops.quantized.numerics import (
    Encode,
    EncodeBias,
    point_of,
    require_accumulator,
    step_of,
)
from nadoo_graphs.ops.quantized.substitution import in_steps, substituted
from nadoo_graphs.ops.quantized.tables import Affine, exponential_table, function_of, settings_of, table_of


class Lookup(Rescaling):
    """A table of codes."""

    def __init__(self, making: Making) -> None:
        super().__init__(making)
        self.range = range_of(making)
        settings = settings_of(making.attributes["settings"])
        self.function = function_of(making.ops[str(making.attributes["op"])], settings)
        self.known: tuple[tuple[float, int, float, int], Tensor] | None = None

    def forward(
        self,
        x: Tensor,
        input_scale: Tensor,
        output_scale: Tensor,
        input_zero_point: Tensor | None = None,
        output_zero_point: Tensor | None = None,
    ) -> Tensor:
        """The entry of each code."""
        refuse_export(self.where)
        points, (low, high) = (point_of(input_zero_point), point_of(output_zero_point)), self.bounds

        def exact() -> Tensor:
            table = self.table(step_of(input_scale.detach()), points[0], step_of(output_scale.detach()), points[1])
            return table.to(self.dtype)[(x - self.range[0]).long()]

        def smooth() -> Tensor:
            step = step_of(input_scale)
            real = self.function((x - points[0]) * step.to(x.dtype))
            codes = exact() if self.rule == "pact" else real
            return in_steps(real, step_of(output_scale), codes, points[1], self.rule)

        return substituted(exact, smooth, low, high)

    def table(self, source: Tensor, source_point: int, target: Tensor, target_point: int) -> Tensor:
        """The table, made anew when a scale has changed."""
        key = (float(source), source_point, float(target), target_point)
        if self.known is None or self.known[0] != key:
            ends = Affine(source, source_point, *self.range), Affine(target, target_point, *self.bounds)
            self.known = key, table_of(self.function, *ends, f"node {self.where!r}")
        return self.known[1]


class Softmax(Rescaling):
    """A softmax in integers."""

    def __init__(self, making: Making) -> None:
        super().__init__(making)
        self.range = range_of(making)
        self.dim = int(making.attributes["dim"])

    def forward(
        self, x: Tensor, input_scale: Tensor, output_scale: Tensor, output_zero_point: Tensor | None = None
    ) -> Tensor:
        """Table entries, times the output's levels, over their sum, rounded half up."""
        refuse_export(self.where)
        point, (low, high) = point_of(output_zero_point), self.bounds

        def exact() -> Tensor:
            entries = exponential_table(step_of(input_scale), self.range[1] - self.range[0] + 1).to(x.device)
            powers = entries[(x.amax(self.dim, keepdim=True) - x).long()]
            total = powers.sum(self.dim, keepdim=True)
            levels = torch.round(1.0 / step_of(output_scale))
            shares = powers.mul(2.0 * levels).add_(total).div_(2.0 * total).floor_()
            return shares.add_(point).clamp_(low, high).to(self.dtype)

        def smooth() -> Tensor:
            step = step_of(input_scale)
            real = torch.softmax(x * step, self.dim)
            codes = exact() if self.rule == "pact" else real
            return in_steps(real, step_of(output_scale), codes, point, self.rule)

        return substituted(exact, smooth, low, high)


class Norm(Rescaling):
    """A layer norm or root-mean-square norm in integers."""

    centred = True

    def __init__(self, making: Making) -> None:
        super().__init__(making)
        self.range = range_of(making)
        self.shape = tuple(making.attributes["normalized_shape"])
        self.eps = float(making.attributes["eps"])
        self.format = making.formats[str(making.attributes["weight_format"])]
        self.weight_name = f"tensor {making.tensors.get('weight')!r}"

    def forward(
        self,
        x: Tensor,
        input_scale: Tensor,
        output_scale: Tensor,
        weight: Tensor | None = None,
        weight_scale: Tensor | None = None,
        bias: Tensor | None = None,
        input_zero_point: Tensor | None = None,
        output_zero_point: Tensor | None = None,
    ) -> Tensor:
        """Integers of the norm, times the weights, and the biases, requantized."""
        refuse_export(self.where)
        step = step_of(input_scale)
        moved = x - point_of(input_zero_point)
        norms = self.norms(moved, step)
        factor = step_of(input_scale.new_ones(()))
        largest = 1.0
        if weight is not None and weight_scale is not None:
            factor = step_of(weight_scale)
            codes = applied(Encode, weight, factor, self.format, "straight-through", self.weight_name)
            norms, largest = norms * codes, float(codes.detach().abs().max())
        bound = norm_bound(prod(self.shape)) * largest
        if bias is not None:
            biases = applied(EncodeBias, bias, factor / NORM_UNIT)
            norms, bound = norms + biases, bound + float(biases.detach().abs().max())
        require_accumulator(bound, f"node {self.where!r}")
        return self.finished(norms, factor / NORM_UNIT, output_scale, output_zero_point, bound)

    def norms(self, x: Tensor, step: Tensor) -> Tensor:
        """The norm in units of 1/1024."""
        axes = list(range(-len(self.shape), 0))

        def exact() -> Tensor:
            return normalized(x, axes, self.eps, step, centred=self.centred)

        def smooth() -> Tensor:
            real = x * step
            if self.centred:
                return F.layer_norm(real, self.shape, eps=self.eps) * NORM_UNIT
            return real * torch.rsqrt(real.square().mean(axes, keepdim=True) + self.eps) * NORM_UNIT

        return substituted(exact, smooth)


class RootMeanSquareNorm(Norm):
    """The norm that subtracts no mean."""

    centred = False


LAYERS: Mapping[str, Callable[[Making], nn.Module]] = MappingProxyType(
    {"lookup": Lookup, "softmax": Softmax, "layer_norm": Norm, "rms_norm": RootMeanSquareNorm}
)

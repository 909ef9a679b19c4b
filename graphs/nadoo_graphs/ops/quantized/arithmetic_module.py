"""The layers that combine codes of several scales."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.ops.op import Making
from nadoo_graphs.ops.quantized.applying import applied
from nadoo_graphs.ops.quantized.codes import bounds_of, range_of
from nadoo_graphs.ops.quantized.exporting import refuse_export
from nadoo_graphs.ops.quantized.numerics import (
    EXACT_FLOAT32,
    Rescale,
    Target,
    point_of,
    require_accumulator,
    step_of,
)
from nadoo_graphs.ops.quantized.substitution import in_steps, substituted
from nadoo_graphs.tensors import torch_dtype

SUM_BITS = 20
MOST_SHIFT = 31


def reach_of(bounds: tuple[int, int], point: int) -> int:
    """The largest distance of a code from its zero point."""
    return max(bounds[1] - point, point - bounds[0])


class Rescaling(nn.Module):
    """What layers that end in requantized codes share."""

    def __init__(self, making: Making) -> None:
        super().__init__()
        self.where = making.node
        self.mode = str(making.attributes.get("requantize", "single"))
        self.rule = str(making.attributes["step_gradient"])
        self.bounds = bounds_of(making)
        self.dtype = torch_dtype(making.type.dtype)

    def finished(
        self, accumulator: Tensor, factor: Tensor, scale: Tensor, point: Tensor | None, bound: float
    ) -> Tensor:
        """Accumulators as codes of the output."""
        low, high = self.bounds
        target = Target(point_of(point), low, high, self.dtype, self.mode, self.rule, self.where)
        step = step_of(scale)
        return applied(Rescale, accumulator, factor, step, target, bound)


class Pair(Rescaling):
    """What layers with two operands share."""

    def __init__(self, making: Making) -> None:
        super().__init__(making)
        self.ranges = range_of(making), range_of(making, 1)

    def moved(self, a: Tensor, b: Tensor, points: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Both operands as distances from their zero points."""
        return a - points[0] if points[0] else a, b - points[1] if points[1] else b

    def steps(self, a: Tensor, b: Tensor, scales: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Both scales, which may learn."""
        first = step_of(scales[0])
        return first, step_of(scales[1])

    def reaches(self, points: tuple[int, int]) -> tuple[int, int]:
        """The largest distances from both zero points."""
        return reach_of(self.ranges[0], points[0]), reach_of(self.ranges[1], points[1])


class Sum(Pair):
    """The sum of two values with 20 bits of their ratio."""

    def __init__(self, making: Making) -> None:
        super().__init__(making)
        self.sign = -1 if making.attributes["subtract"] else 1

    def forward(
        self,
        a: Tensor,
        b: Tensor,
        input_scale: Tensor,
        other_scale: Tensor,
        output_scale: Tensor,
        input_zero_point: Tensor | None = None,
        other_zero_point: Tensor | None = None,
        output_zero_point: Tensor | None = None,
    ) -> Tensor:
        """Both distances times their multipliers, shifted right once."""
        refuse_export(self.where)
        points, point = (point_of(input_zero_point), point_of(other_zero_point)), point_of(output_zero_point)
        one, two = self.moved(a, b, points)
        low, high = self.bounds

        def exact() -> Tensor:
            first, second, shift = sum_multipliers(input_scale, other_scale, output_scale, self.where)
            total = one.to(torch.float64) * first + two.to(torch.float64) * (self.sign * second)
            return (total * 2.0**-shift).add_(0.5).floor_().add_(point).clamp_(low, high).to(self.dtype)

        def smooth() -> Tensor:
            first, second = self.steps(a, b, (input_scale, other_scale))
            step = step_of(output_scale)
            real = one * first + self.sign * (two * second)
            return in_steps(real, step, exact() if self.rule == "pact" else real, point, self.rule)

        return substituted(exact, smooth, low, high)


def sum_multipliers(one: Tensor, two: Tensor, output: Tensor, where: str) -> tuple[float, float, int]:
    """Two integers and a shift: the scales over the output's, the larger one with 20 bits."""
    ratios = [float(step_of(scale.detach()) / step_of(output.detach())) for scale in (one, two)]
    _, exponent = torch.frexp(torch.tensor(max(ratios), dtype=torch.float64))
    if int(exponent) > SUM_BITS:
        message = f"a scale is {max(ratios):.3g} times the output's; at most 2^{SUM_BITS} can be added"
        raise GraphError(Problem(Code.DATA, f"node {where!r}", f"{message}: give the output a larger scale"))
    shift = max(0, min(SUM_BITS - int(exponent), MOST_SHIFT))
    first, second = (float(torch.tensor(ratio * 2.0**shift, dtype=torch.float64).round()) for ratio in ratios)
    return first, second, shift


class Product(Pair):
    """The product, element by element."""

    alpha: float = 1.0

    def terms(self, a: Tensor) -> int:
        """How many products are summed to one output."""
        return 1

    def together(self, one: Tensor, two: Tensor) -> Tensor:
        """The products of distances from the zero points."""
        return one * two

    def forward(
        self,
        a: Tensor,
        b: Tensor,
        input_scale: Tensor,
        other_scale: Tensor,
        output_scale: Tensor,
        input_zero_point: Tensor | None = None,
        other_zero_point: Tensor | None = None,
        output_zero_point: Tensor | None = None,
    ) -> Tensor:
        """The products of both distances, requantized."""
        refuse_export(self.where)
        points = (point_of(input_zero_point), point_of(other_zero_point))
        first, second = self.steps(a, b, (input_scale, other_scale))
        reaches = self.reaches(points)
        bound = float(reaches[0] * reaches[1] * self.terms(a))
        require_accumulator(bound, f"node {self.where!r}")
        dtype = torch.float64 if bound > EXACT_FLOAT32 else self.dtype
        one, two = self.moved(a.to(dtype), b.to(dtype), points)
        factor = first * second * self.alpha
        return self.finished(self.together(one, two), factor, output_scale, output_zero_point, bound)


class MatrixProduct(Product):
    """The matrix product: sums of products along the last axis of the first operand, times a constant."""

    def __init__(self, making: Making) -> None:
        super().__init__(making)
        self.alpha = float(making.attributes["alpha"])

    def terms(self, a: Tensor) -> int:
        """The length of the axis that is summed over."""
        return a.shape[-1]

    def together(self, one: Tensor, two: Tensor) -> Tensor:
        """Sums of products of distances."""
        return torch.matmul(one, two)


class Join(Rescaling):
    """Values of several scales side by side."""

    def __init__(self, making: Making) -> None:
        super().__init__(making)
        self.dim = int(making.attributes["dim"])
        self.ranges = [range_of(making, index) for index in range(len(making.operands))]

    def forward(
        self, *parts: Tensor, output_scale: Tensor, output_zero_point: Tensor | None = None, **tensors: Tensor
    ) -> Tensor:
        """Each requantized, then joined."""
        refuse_export(self.where)
        found: list[Tensor] = []
        for index, part in enumerate(parts):
            point = point_of(tensors.get(f"input_zero_point_{index}"))
            factor = step_of(tensors[f"input_scale_{index}"])
            moved, bound = part - point if point else part, float(reach_of(self.ranges[index], point))
            found.append(self.finished(moved, factor, output_scale, output_zero_point, bound))
        return torch.cat(found, self.dim)


LAYERS: Mapping[str, Callable[[Making], nn.Module]] = MappingProxyType(
    {"add": Sum, "mul": Product, "matmul": MatrixProduct, "cat": Join}
)

"""The layers over codes, and the float layers with encoded weights."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from attrs import frozen
from torch import Tensor, nn
from torch.nn import functional as F

from nadoo_graphs.formats import Format, GradientRule, Kind
from nadoo_graphs.ops.op import Making
from nadoo_graphs.ops.quantized.applying import applied
from nadoo_graphs.ops.quantized.borders_module import laid
from nadoo_graphs.ops.quantized.codes import ACCUMULATOR, bounds_of, range_of
from nadoo_graphs.ops.quantized.exporting import refuse_export
from nadoo_graphs.ops.quantized.numerics import (
    EXACT_FLOAT32,
    Encode,
    EncodeBias,
    Rescale,
    Target,
    point_of,
    require_accumulator,
    step_of,
)
from nadoo_graphs.tensors import torch_dtype

ROOM = 4
"""So much smaller sums can be halved, and get a half added, without any rounding in float32."""
Product = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def product_of(name: str, attributes: Any) -> Product:
    """The float operator of a layer: input, weight and bias to output."""
    if name == "linear":
        return F.linear
    call: Any = F.conv1d if name == "conv1d" else F.conv2d
    padding = attributes["padding"]
    edges = padding if isinstance(padding, str) else tuple(padding)
    stride, dilation = tuple(attributes["stride"]), tuple(attributes["dilation"])
    return partial(call, stride=stride, padding=edges, dilation=dilation, groups=attributes["groups"])


@frozen
class Prepared:
    """The integers of a layer: weights, biases, and the largest magnitude that an accumulator can have."""

    weight: Tensor
    bias: Tensor | None
    bound: float


class Remembered:
    """What a layer prepared last in evaluation, and copies of the tensors that it was prepared from."""

    def __init__(self) -> None:
        self.sources: tuple[Tensor | None, ...] = ()
        self.prepared: Prepared | None = None

    def find(self, sources: tuple[Tensor | None, ...]) -> Prepared | None:
        """What was prepared, if every tensor still holds the same numbers."""
        if self.prepared is None or not all(map(same, sources, self.sources)):
            return None
        return self.prepared

    def keep(self, sources: tuple[Tensor | None, ...], prepared: Prepared) -> None:
        """Remember for the next time."""
        self.sources = tuple(None if each is None else each.detach().clone() for each in sources)
        self.prepared = prepared


def same(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether two tensors, if they are there, are equal."""
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and one.device == other.device and torch.equal(one, other)


class WeightedLayer(nn.Module):
    """What layers with encoded weights share: the format, the rule of the gradient, and names for messages."""

    def __init__(self, making: Making) -> None:
        super().__init__()
        self.where = making.node
        self.weight_name = f"tensor {making.tensors['weight']!r}"
        self.format: Format = making.formats[str(making.attributes["weight_format"])]
        self.rule = str(making.attributes["weight_gradient"])
        self.step_rule = str(making.attributes["step_gradient"])

    def integers(self, weight: Tensor, step: Tensor) -> Tensor:
        """The integers of a weight, in its dtype."""
        laid_step = laid(step, weight.ndim, 0)
        return applied(Encode, weight, laid_step, self.format, self.rule, self.weight_name)


class QuantizedLayer(WeightedLayer):
    """A linear layer or convolution over codes, exact as integers."""

    def __init__(self, name: str, making: Making) -> None:
        super().__init__(making)
        attributes = making.attributes
        self.product = product_of(name, attributes)
        self.axis = -1 if name == "linear" else -2 if name == "conv1d" else -3
        self.raw = attributes["output_format"] == ACCUMULATOR
        self.mode = str(attributes["requantize"])
        self.range = range_of(making)
        self.bounds = (0, 0) if self.raw else bounds_of(making)
        self.dtype = torch_dtype(making.type.dtype)
        self.remembered = Remembered()

    def forward(
        self,
        x: Tensor,
        weight: Tensor,
        weight_scale: Tensor,
        input_scale: Tensor,
        bias: Tensor | None = None,
        input_zero_point: Tensor | None = None,
        output_scale: Tensor | None = None,
        output_zero_point: Tensor | None = None,
    ) -> Tensor:
        """Sums of integers, handed out as they are or requantized."""
        refuse_export(self.where)
        point = point_of(input_zero_point)
        input_step = step_of(input_scale)
        weight_step = step_of(weight_scale)
        factor = input_step * (weight_step / self.format.unit)
        prepared = self.prepare(weight, weight_scale, bias, input_scale, weight_step, factor, point)
        accumulator = self.accumulated(x - point if point else x, prepared)
        if self.raw or output_scale is None:
            return accumulator if self.narrow(prepared) else accumulator.to(self.dtype)
        low, high = self.bounds
        target = Target(point_of(output_zero_point), low, high, self.dtype, self.mode, self.step_rule, self.where)
        step = step_of(output_scale)
        factor = laid(factor, accumulator.ndim, self.axis)
        return applied(Rescale, accumulator, factor, step, target, prepared.bound)

    def narrow(self, prepared: Prepared) -> bool:
        """Whether sums stay in float32, with room to round them: half of the time and memory that training takes."""
        return self.training and prepared.bound <= EXACT_FLOAT32 / ROOM

    def prepare(
        self,
        weight: Tensor,
        weight_scale: Tensor,
        bias: Tensor | None,
        input_scale: Tensor,
        weight_step: Tensor,
        factor: Tensor,
        point: int,
    ) -> Prepared:
        """The integers of the layer, encoded anew only if something changed or is trained."""
        sources = (weight, weight_scale, bias, input_scale)
        learns = torch.is_grad_enabled() and any(each is not None and each.requires_grad for each in sources)
        found = None if learns else self.remembered.find(sources)
        if found is not None:
            return found
        codes = self.integers(weight, weight_step)
        biases = None if bias is None else applied(EncodeBias, bias, factor)
        prepared = Prepared(codes, biases, self.bound_of(codes.detach(), biases, point))
        if not learns:
            self.remembered.keep(sources, prepared)
        return prepared

    def bound_of(self, codes: Tensor, biases: Tensor | None, point: int) -> float:
        """The largest magnitude of an accumulator over all that the operand can hold."""
        reach = max(self.range[1] - point, point - self.range[0])
        rows = codes.flatten(1).abs()
        exact = rows.shape[1] * self.format.largest_integer <= EXACT_FLOAT32
        sums = rows.sum(1, dtype=None if exact else torch.float64).to(torch.float64) * reach
        if biases is not None:
            sums = sums + biases.detach().abs()
        bound = float(sums.max()) if sums.numel() else 0.0
        require_accumulator(bound, f"node {self.where!r}")
        return bound

    def accumulated(self, x: Tensor, prepared: Prepared) -> Tensor:
        """The sums, in float32 where that is exact."""
        wide = prepared.bound > EXACT_FLOAT32 or prepared.weight.dtype == torch.float64
        dtype = torch.float64 if wide else torch.float32
        bias = None if prepared.bias is None else prepared.bias.to(dtype)
        return self.product(x.to(dtype), prepared.weight.to(dtype), bias)


class EncodedLayer(WeightedLayer):
    """A float layer, or a look-up, whose weight is what its format makes of it."""

    def __init__(self, name: str, making: Making) -> None:
        super().__init__(making)
        attributes = making.attributes
        self.padding = int(attributes["padding_idx"]) if name == "embedding" else -1
        self.product = None if name == "embedding" else product_of(name, attributes)

    def forward(
        self, x: Tensor, weight: Tensor, weight_scale: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """The float operator with the decoded weight."""
        refuse_export(self.where)
        decoded = self.decoded(weight, weight_scale)
        if self.product is None:
            return F.embedding(x, decoded, self.padding if self.padding >= 0 else None)
        return self.product(x, decoded, bias)

    def decoded(self, weight: Tensor, weight_scale: Tensor | None) -> Tensor:
        """The weight as it is after storing, with a gradient that passes as the format says."""
        step = weight.new_ones((), dtype=torch.float64) if weight_scale is None else step_of(weight_scale)
        laid_step = laid(step, weight.ndim, 0)
        if self.format.kind is Kind.FLOAT:
            return applied(Decoded, weight, laid_step, self.format, self.rule, self.weight_name)
        if self.format.decodes_integers:
            return (self.integers(weight, step) * (laid_step / self.format.unit)).to(weight.dtype)
        return applied(Decoded, weight, laid_step, self.format, self.rule, self.weight_name)


class Decoded(torch.autograd.Function):
    """A weight encoded and decoded, for formats whose levels are no integers; the step does not learn."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        context: Any, weight: Tensor, step: Tensor, form: Format, rule: str, where: str
    ) -> Tensor:
        """What storing leaves of the weight."""
        if any(context.needs_input_grad):
            context.save_for_backward(weight, step)
            context.form, context.rule = form, rule
        scale = 1.0 if step.ndim == 0 and float(step) == 1.0 else step
        codes = form.encode(weight.detach(), scale, where=where, allow_degenerate=True)
        return form.decode(codes, scale, None, weight.dtype)

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Straight through, by the rule of the format."""
        weight, step = context.saved_tensors
        factor = context.form.gradient(weight, step, None, GradientRule(context.rule))
        return gradients[0] * factor, None, None, None, None


class QuantizedEmbedding(WeightedLayer):
    """Rows of codes by index."""

    def __init__(self, making: Making) -> None:
        super().__init__(making)
        self.padding = int(making.attributes["padding_idx"])

    def forward(self, x: Tensor, weight: Tensor, weight_scale: Tensor) -> Tensor:
        """The codes of the rows."""
        refuse_export(self.where)
        codes = self.integers(weight, step_of(weight_scale))
        return F.embedding(x, codes, self.padding if self.padding >= 0 else None)

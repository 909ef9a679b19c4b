"""Linear layers and convolutions over codes, and float layers whose weights alone are codes."""

from math import prod

import numpy as np
import torch

from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name, i32
from nadoo_graphs.lowered.rules.convolution import geometry_of, slide
from nadoo_graphs.lowered.rules.linear import bias_of, first
from nadoo_graphs.lowered.rules.nests import nest, scaled
from nadoo_graphs.lowered.rules.quantized.scales import (
    Requantizer,
    code_range,
    distance,
    has,
    point,
    reach,
    require_bound,
    step,
)
from nadoo_graphs.lowered.rules.quantized.weights import Weights, encoded
from nadoo_graphs.lowered.rules.shaping import bounded_index
from nadoo_graphs.lowered.types import Kind

RAW = "int32"


def factor_of(call: LoweringCall, weights: Weights) -> torch.Tensor:
    """The scale of the accumulators: input step times (weight step over unit)."""
    return step(call, "input_scale") * (step(call, "weight_scale") / weights.form.unit)


def bias_codes(call: LoweringCall, factor: torch.Tensor) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]] | None":
    """The bias in units of the accumulator."""
    bias = call.tensor("bias")
    if bias is None:
        return None
    codes = (bias.to(torch.float64) / factor).round().clamp(-(1 << 31), (1 << 31) - 1)
    return codes.to(torch.int64).numpy()


def starting_sums(call: LoweringCall, weights: Weights, factor: torch.Tensor, *, fold: bool) -> Place | None:
    """What the sums begin with: the bias, less what the input's zero point would add if it is not taken off.

    Sums that might leave 32 bits are refused, both of distances from the zero point and of codes.
    """
    zero_point, codes = point(call, "input_zero_point"), bias_codes(call, factor)
    magnitudes = np.abs(weights.integers.astype(np.int64)).sum(1)
    start = np.zeros(len(weights.integers), np.int64) if codes is None else codes
    require_bound(call, float((magnitudes * reach(call, zero_point) + np.abs(start)).max(initial=0)))
    call.starts = start.astype(np.int32) if np.any(start) else None
    if fold and zero_point:
        start = start - zero_point * weights.integers.astype(np.int64).sum(1)
        largest = max(abs(edge) for edge in code_range(call))
        require_bound(call, float((magnitudes * largest + np.abs(start)).max(initial=0)))
    return call.flash("bias", start, Kind.I32) if np.any(start) else None


def begin(bias: Place | None, output: Expression) -> Expression:
    """What one sum begins with."""
    return i32(0) if bias is None else bias.at(output)


def finisher(call: LoweringCall, factor: torch.Tensor) -> Requantizer | None:
    """The requantization of a layer, unless it gives its accumulators."""
    if call.attributes["output_format"] == RAW:
        return None
    return Requantizer.of(call, factor, str(call.attributes["requantize"]))


def finished(requantizer: Requantizer | None, total: Expression, output: Expression) -> Expression:
    """The code of a sum, or the sum."""
    return total if requantizer is None else requantizer.apply(total, output)


def facts(call: LoweringCall, requantizer: Requantizer | None) -> dict[str, object]:
    """What other kernels of the layer are chosen by."""
    raw: dict[str, object] = {"requantize": "none", "output_zero_point": 0, "per_channel": False}
    low, high = code_range(call)
    return {
        "weight_format": str(call.attributes["weight_format"]),
        "output_format": str(call.attributes["output_format"]),
        "zero_point": point(call, "input_zero_point"),
        "input_low": low,
        "input_high": high,
        **(raw if requantizer is None else requantizer.facts()),
    }


def linear(call: LoweringCall) -> None:
    """Sums of weight integers times codes, from the bias on, requantized."""
    weights, rows = encoded(call), prod(call.shape()[:-1])
    outputs, features = weights.integers.shape
    factor = factor_of(call, weights)
    bias, requantizer = starting_sums(call, weights, factor, fold=True), finisher(call, factor)
    x, y, body = call.operand(), call.result(), call.body
    call.facts = {"rows": rows, "features": features, "outputs": outputs, **facts(call, requantizer)}
    with nest(body, (rows, outputs), "ro") as (row, output):
        total = body.let("total", begin(bias, output))

        def add(k: Expression, weight: Expression) -> None:
            body.assign(total, total + x.at(scaled(row, features) + k) * weight)

        weights.each(body, output, add)
        body.store(y, scaled(row, outputs) + output, finished(requantizer, total, output))


def convolution(call: LoweringCall) -> None:
    """A convolution over codes; outside the input lies its zero point, which adds nothing."""
    weights = encoded(call)
    geometry = geometry_of(call, call.required("weight").shape)
    padded = any(window.leaves for window in geometry.windows)
    zero_point, factor = point(call, "input_zero_point"), factor_of(call, weights)
    bias = starting_sums(call, weights, factor, fold=not padded)
    requantizer = finisher(call, factor)
    x, y, body = call.operand(), call.result(), call.body
    call.facts = {**geometry.facts(), **facts(call, requantizer)}
    taken = zero_point if padded else 0

    def accumulate(total: Name, source: Expression, output: Expression, term: Expression) -> None:
        body.assign(total, total + distance(x.at(source), taken) * weights.at(output, term))

    slide(
        body,
        geometry,
        y,
        lambda output: begin(bias, output),
        accumulate,
        lambda total, output: finished(requantizer, total, output),
    )


def real_weight(scales: Place, output: Expression, weight: Expression) -> Expression:
    """An integer as the weight that it stands for; one scale for all, or one for each output."""
    scale = scales.at(output if scales.role == "scales" else i32(0))
    return weight.to(Kind.F32) * scale


def scales_of(call: LoweringCall, weights: Weights) -> Place:
    """The scales of encoded weights, in float32."""
    given = step(call, "weight_scale") if has(call, "weight_scale") else torch.ones((), dtype=torch.float64)
    real = weights.levels is not None and weights.levels.memory is Kind.F32
    factors = (given if real else given / weights.form.unit).reshape(-1).numpy()
    return call.flash("scales" if factors.size > 1 else "scale", factors, Kind.F32)


def encoded_linear(call: LoweringCall) -> None:
    """A float layer; each weight is its integer times a scale."""
    weights, rows = encoded(call, real=True), prod(call.shape()[:-1])
    outputs, features = weights.integers.shape
    scales, bias = scales_of(call, weights), bias_of(call)
    x, y, body = call.operand(), call.result(), call.body
    with nest(body, (rows, outputs), "ro") as (row, output):
        total = body.let("total", first(bias, output))

        def add(k: Expression, weight: Expression) -> None:
            real = real_weight(scales, output, weight)
            body.assign(total, total + x.at(scaled(row, features) + k) * real)

        weights.each(body, output, add)
        body.store(y, scaled(row, outputs) + output, total)


def encoded_convolution(call: LoweringCall) -> None:
    """A float convolution; each weight is its integer times a scale."""
    weights = encoded(call, real=True)
    geometry = geometry_of(call, call.required("weight").shape)
    scales, bias = scales_of(call, weights), bias_of(call)
    x, y, body = call.operand(), call.result(), call.body

    def accumulate(total: Name, source: Expression, output: Expression, term: Expression) -> None:
        real = real_weight(scales, output, weights.at(output, term))
        body.assign(total, total + x.at(source) * real)

    slide(body, geometry, y, lambda output: first(bias, output), accumulate, lambda total, output: total)


def embedding(call: LoweringCall) -> None:
    """Rows of codes, or of the real numbers that they stand for."""
    real = call.node.op == "encoded_embedding"
    weights = encoded(call, real=real)
    rows, features = weights.integers.shape
    scales = scales_of(call, weights) if real else None
    count, body = call.operands[0].length, call.body
    x, y = call.operand(), call.result()
    with nest(body, (count, features), "ik") as (place, feature):
        row = body.let("row", bounded_index(x.at(place), rows))
        weight = weights.at(row, feature)
        value = weight if scales is None else real_weight(scales, row, weight)
        body.store(y, scaled(place, features) + feature, value)


RULES = {
    "quantized_linear": linear,
    "quantized_conv1d": convolution,
    "quantized_conv2d": convolution,
    "encoded_linear": encoded_linear,
    "encoded_conv1d": encoded_convolution,
    "encoded_conv2d": encoded_convolution,
    "encoded_embedding": embedding,
    "quantized_embedding": embedding,
}

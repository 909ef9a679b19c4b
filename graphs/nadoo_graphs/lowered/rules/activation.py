"""Activations, element by element and over all features of a row."""

from math import prod
from typing import Any

import numpy as np

from nadoo_graphs.lowered import float_functions as functions
from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name, f32, i32, select
from nadoo_graphs.lowered.program import Function
from nadoo_graphs.lowered.rules.nests import axis_of, flat, nest, pointwise, rows_around, strides_of
from nadoo_graphs.lowered.types import Kind

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def parameter(call: LoweringCall, name: str) -> float:
    """A number among the attributes."""
    return call.real(name)


def local(call: LoweringCall, value: Expression) -> Expression:
    """A value that is used more than once."""
    return call.body.let("value", value)


def positive(x: Expression) -> Expression:
    """max(x, 0), NaN kept."""
    return select(x < 0, term_like(x, 0), x)


def term_like(x: Expression, value: float) -> Expression:
    """A constant of the kind of x."""
    return f32(value) if x.kind is Kind.F32 else i32(int(value)).to(x.kind)


def bounded(x: Expression, low: float, high: float) -> Expression:
    """x between bounds, NaN kept."""
    return select(x < low, term_like(x, low), select(x > high, term_like(x, high), x))


def relu(call: LoweringCall, x: Expression) -> Expression:
    """max(x, 0)."""
    return positive(x)


def relu6(call: LoweringCall, x: Expression) -> Expression:
    """min(max(x, 0), 6)."""
    return bounded(x, 0, 6)


def leaky_relu(call: LoweringCall, x: Expression) -> Expression:
    """x, or slope·x below 0."""
    return select(x < 0, x * f32(parameter(call, "negative_slope")), x)


def hardswish(call: LoweringCall, x: Expression) -> Expression:
    """x·relu6(x + 3)/6."""
    return x * bounded(local(call, x + f32(3.0)), 0, 6) / f32(6.0)


def hardsigmoid(call: LoweringCall, x: Expression) -> Expression:
    """relu6(x + 3)/6."""
    return bounded(local(call, x + f32(3.0)), 0, 6) / f32(6.0)


def hardtanh(call: LoweringCall, x: Expression) -> Expression:
    """x between two bounds."""
    return bounded(x, parameter(call, "min_val"), parameter(call, "max_val"))


def threshold(call: LoweringCall, x: Expression) -> Expression:
    """x where it exceeds the threshold, else the value."""
    return select(x <= parameter(call, "threshold"), term_like(x, parameter(call, "value")), x)


def hardshrink(call: LoweringCall, x: Expression) -> Expression:
    """x where its magnitude exceeds lambd, else 0."""
    edge = parameter(call, "lambd")
    return select(x > edge, x, select(x < -edge, x, select(x.equals(x), f32(0.0), x)))


def softshrink(call: LoweringCall, x: Expression) -> Expression:
    """x moved towards 0 by lambd."""
    edge = parameter(call, "lambd")
    inside = select(x.equals(x), f32(0.0), x)
    return select(x > edge, x - f32(edge), select(x < -edge, x + f32(edge), inside))


def calls(function: Function, call: LoweringCall, x: Expression) -> Expression:
    """A function of one float, applied."""
    return call.body.call(function, x)


def sigmoid(call: LoweringCall, x: Expression) -> Expression:
    """1/(1 + exp(-x))."""
    return calls(functions.sigmoid(), call, x)


def silu(call: LoweringCall, x: Expression) -> Expression:
    """x·sigmoid(x)."""
    return x * sigmoid(call, x)


def mish(call: LoweringCall, x: Expression) -> Expression:
    """x·tanh(softplus(x))."""
    return x * calls(functions.tanh(), call, calls(functions.softplus(), call, x))


def log_sigmoid(call: LoweringCall, x: Expression) -> Expression:
    """-softplus(-x)."""
    return -calls(functions.softplus(), call, -x)


def tanh(call: LoweringCall, x: Expression) -> Expression:
    """The hyperbolic tangent."""
    return calls(functions.tanh(), call, x)


def gelu(call: LoweringCall, x: Expression) -> Expression:
    """x·Φ(x), or its tanh approximation."""
    exact = call.attributes["approximate"] == "none"
    return calls(functions.gelu() if exact else functions.gelu_tanh(), call, x)


def softplus(call: LoweringCall, x: Expression) -> Expression:
    """log(1 + exp(beta·x))/beta, and x itself beyond the threshold."""
    beta = parameter(call, "beta")
    inner = local(call, x * f32(beta))
    return select(inner > parameter(call, "threshold"), x, calls(functions.softplus(), call, inner) / f32(beta))


def exponential(call: LoweringCall, x: Expression, alpha: float, scale: float, inner: float) -> Expression:
    """scale·(x above 0, else alpha·(exp(inner·x) - 1))."""
    curve = calls(functions.expm1(), call, select(x > 0, f32(0.0), x * f32(inner)))
    return select(x > 0, x * f32(scale), curve * f32(alpha * scale))


def elu(call: LoweringCall, x: Expression) -> Expression:
    """An exponential linear unit."""
    return exponential(call, x, parameter(call, "alpha"), parameter(call, "scale"), parameter(call, "input_scale"))


def selu(call: LoweringCall, x: Expression) -> Expression:
    """The self-normalizing elu."""
    return exponential(call, x, SELU_ALPHA, SELU_SCALE, 1.0)


def celu(call: LoweringCall, x: Expression) -> Expression:
    """An elu whose slope at 0 is 1 for every alpha."""
    alpha = parameter(call, "alpha")
    return exponential(call, x, alpha, 1.0, 1.0 / alpha)


def relu2(call: LoweringCall, x: Expression) -> Expression:
    """relu(x)²."""
    value = local(call, positive(x))
    return value * value


def divided(call: LoweringCall, value: Expression) -> Expression:
    """Over k, which is left out where it is 1."""
    k = parameter(call, "k")
    return value if k == 1 else value / f32(k)


def saturated(call: LoweringCall, x: Expression) -> Expression:
    """max(x, -c)."""
    low = 0.0 - parameter(call, "c")
    return select(x <= low, f32(low), x)


def xrelu(call: LoweringCall, x: Expression) -> Expression:
    """max(x, -c)·relu(x + c)/k."""
    gate = positive(local(call, x + f32(parameter(call, "c"))))
    return divided(call, saturated(call, x) * gate)


def xrelu6(call: LoweringCall, x: Expression) -> Expression:
    """max(x, -c)·relu6(x + c)/k."""
    gate = bounded(local(call, x + f32(parameter(call, "c"))), 0, 6)
    return divided(call, saturated(call, x) * gate)


CURVES = {
    "relu": relu, "relu6": relu6, "leaky_relu": leaky_relu, "hardswish": hardswish, "hardsigmoid": hardsigmoid,
    "hardtanh": hardtanh, "threshold": threshold, "hardshrink": hardshrink, "softshrink": softshrink,
    "sigmoid": sigmoid, "silu": silu, "mish": mish, "log_sigmoid": log_sigmoid, "tanh": tanh, "gelu": gelu,
    "softplus": softplus, "elu": elu, "selu": selu, "celu": celu, "relu2": relu2, "xrelu": xrelu, "xrelu6": xrelu6,
    "shifted_relu": saturated,
}  # fmt: skip


def curve(write: Any) -> Any:
    """The rule of an activation that works element by element."""

    def rule(call: LoweringCall) -> None:
        pointwise(call, lambda call, values: write(call, local(call, values[0])))

    return rule


def prelu(call: LoweringCall) -> None:
    """x, or a learned slope times x below 0; one slope, or one a channel."""
    slopes = call.required("weight")
    shape = call.shape()
    x, weight, y, body = call.operand(), call.flash("weight", slopes, Kind.F32), call.result(), call.body
    channels = shape[1] if slopes.size > 1 else 1
    outer, inner = (prod(shape[:1]), prod(shape[2:])) if channels > 1 else (1, prod(shape))
    with nest(body, (outer, channels, inner), "bci") as indices:
        index = flat(indices, strides_of((outer, channels, inner)))
        value = body.let("value", x.at(index))
        body.store(y, index, select(value < 0, value * weight.at(indices[1]), value))


def glu(call: LoweringCall) -> None:
    """One half of an axis times the sigmoid of the other."""
    source = call.operands[0].shape
    outer, width, inner = rows_around(source, axis_of(call, "dim", len(source), -1))
    half, body = width // 2, call.body
    x, y = call.operand(), call.result()
    with nest(body, (outer, half, inner), "oki") as indices:
        first = flat(indices, (width * inner, inner, 1))
        gate = sigmoid(call, x.at(first + half * inner))
        body.store(y, flat(indices, strides_of((outer, half, inner))), x.at(first) * gate)


def largest(body: Body, x: Place, count: int, index: Any) -> Name:
    """The largest of so many elements."""
    found = body.let("largest", x.at(index(i32(0))))
    with body.loop("r", count, 1) as r:
        value = body.let("value", x.at(index(r)))
        body.assign(found, select(value <= found, found, value))
    return found


def relu_topq(call: LoweringCall) -> None:
    """relu(x - q·m)/(1 - q), m the largest along the axis."""
    shape, q = call.shape(), parameter(call, "q")
    outer, width, inner = rows_around(shape, axis_of(call, "dim", len(shape), 1))
    x, y, body = call.operand(), call.result(), call.body
    with nest(body, (outer, inner), "oi") as (row, column):

        def place(r: Expression) -> Expression:
            return flat((row, r, column), (width * inner, inner, 1))

        edge = body.let("edge", largest(body, x, width, place) * f32(q))
        with body.loop("k", width) as k:
            above = body.let("above", x.at(place(k)) - edge)
            body.store(y, place(k), positive(above) / f32(1 - q) if q else positive(above))


def relu_topk(call: LoweringCall) -> None:
    """The ⌈q·P⌉ largest of the P positive values of each row; of equal ones, the first count."""
    shape, q = call.shape(), parameter(call, "q")
    outer, width, inner = rows_around(shape, axis_of(call, "dim", len(shape), 1))
    shares = np.ceil(np.arange(width + 1, dtype=np.float64) * q).astype(np.int64)
    x, limits, y, body = call.operand(), call.flash("shares", shares, Kind.I32), call.result(), call.body
    rescale = call.attributes["rescale"] == "l1"
    with nest(body, (outer, inner), "oi") as (row, column):

        def place(r: Expression) -> Expression:
            return flat((row, r, column), (width * inner, inner, 1))

        count, whole, part = body.let("count", i32(0)), body.let("whole", f32(0.0)), body.let("part", f32(0.0))
        with body.loop("c", width) as c:
            value = body.let("given", x.at(place(c)))
            body.assign(count, count + (value > 0).to(Kind.I32))
            body.assign(whole, whole + positive(value))
        limit = body.let("limit", limits.at(count.clamped(0, width)))
        with body.loop("k", width) as k:
            kept = body.let("kept", kept_value(body, x, place, k, width, limit))
            body.assign(part, part + kept)
            body.store(y, place(k), kept)
        if rescale:
            factor = body.let(
                "factor", select(part.equals(0), f32(0.0), whole / select(part.equals(0), f32(1.0), part))
            )
            with body.loop("s", width) as s:
                body.store(y, place(s), y.at(place(s)) * factor)


def kept_value(body: Body, x: Place, place: Any, k: Expression, width: int, limit: Expression) -> Expression:
    """An element if fewer than the limit come before it, else 0."""
    own = body.let("own", x.at(place(k)))
    before = body.let("before", i32(0))
    with body.loop("j", width) as j:
        other = body.let("other", x.at(place(j)))
        earlier = select(j < k, other.equals(own), other > own)
        body.assign(before, before + select(other > own, i32(1), select(earlier, i32(1), 0)))
    return select(own > 0, select(before < limit, own, f32(0.0)), f32(0.0))


RULES = {
    **{name: curve(write) for name, write in CURVES.items()},
    "prelu": prelu,
    "glu": glu,
    "relu_topq": relu_topq,
    "relu_topk": relu_topk,
}

"""Arithmetic, comparisons and functions, element by element with broadcasting."""

from collections.abc import Callable, Sequence
from math import isfinite

from nadoo_graphs.errors import Code
from nadoo_graphs.lowered import float_functions as functions
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import (
    Expression,
    both,
    comparison,
    either,
    f32,
    operation,
    select,
    term,
)
from nadoo_graphs.lowered.rules.activation import local, term_like
from nadoo_graphs.lowered.rules.nests import pointwise
from nadoo_graphs.lowered.types import Kind, kind_of_dtype

Sides = Callable[[LoweringCall, Expression, Expression], Expression]
LARGEST_POWER = 16


def sides(call: LoweringCall, values: Sequence[Expression], kind: Kind) -> tuple[Expression, Expression]:
    """The two sides of a binary operator in one kind; the number comes second unless it is reversed."""
    if len(values) > 1:
        return values[0].to(kind), values[1].to(kind)
    number, value = term(call.real("other"), kind), values[0].to(kind)
    return (number, value) if call.attributes.get("reversed") else (value, number)


def common(call: LoweringCall, values: Sequence[Expression]) -> Kind:
    """The kind in which two sides are compared: float32 if either is a float."""
    other = call.attributes.get("other")
    floating = any(value.kind is Kind.F32 for value in values) or isinstance(other, float)
    return Kind.F32 if floating else max((value.kind for value in values), key=lambda kind: kind.bytes)


def computed(call: LoweringCall) -> Kind:
    """The kind in which a result is computed."""
    return call.views.memory(call.node.outputs[0], call.where).computed


def binary(write: Sides) -> Callable[[LoweringCall], None]:
    """The rule of an operator with two sides."""

    def at_point(call: LoweringCall, values: Sequence[Expression]) -> Expression:
        return write(call, *sides(call, values, computed(call)))

    return lambda call: pointwise(call, at_point)


def compared(op: str) -> Callable[[LoweringCall], None]:
    """The rule of a comparison."""

    def at_point(call: LoweringCall, values: Sequence[Expression]) -> Expression:
        return comparison(op, *sides(call, values, common(call, values))).to(Kind.I32)

    return lambda call: pointwise(call, at_point)


def add(call: LoweringCall, left: Expression, right: Expression) -> Expression:
    """left + right."""
    return left + right


def subtract(call: LoweringCall, left: Expression, right: Expression) -> Expression:
    """left - alpha·right."""
    alpha = call.real("alpha")
    return left - (right if alpha == 1 else right * alpha)


def multiply(call: LoweringCall, left: Expression, right: Expression) -> Expression:
    """left·right."""
    return left * right


def divide(call: LoweringCall, left: Expression, right: Expression) -> Expression:
    """left/right, in floats and unrounded."""
    if call.attributes["rounding_mode"] is not None or left.kind is not Kind.F32:
        raise call.refuse("divides with a rounding, or integers; divide floats", Code.DTYPE)
    return left / right


def maximum(call: LoweringCall, left: Expression, right: Expression) -> Expression:
    """The larger side, NaN kept."""
    return select(left > right, left, select(left.equals(left), right, left))


def minimum(call: LoweringCall, left: Expression, right: Expression) -> Expression:
    """The smaller side, NaN kept."""
    return select(left < right, left, select(left.equals(left), right, left))


def truth(value: Expression) -> Expression:
    """Whether a value is not zero."""
    return value.differs(0)


def logical_and(call: LoweringCall, left: Expression, right: Expression) -> Expression:
    """Whether both sides are non-zero."""
    return both(truth(left), truth(right)).to(Kind.I32)


def logical_or(call: LoweringCall, left: Expression, right: Expression) -> Expression:
    """Whether either side is non-zero."""
    return either(truth(left), truth(right)).to(Kind.I32)


def logical_xor(call: LoweringCall, left: Expression, right: Expression) -> Expression:
    """Whether exactly one side is non-zero."""
    return truth(left).to(Kind.I32).differs(truth(right).to(Kind.I32)).to(Kind.I32)


def bitwise(op: str) -> Sides:
    """Bits of both sides combined."""
    return lambda call, left, right: operation(op, left, right)


def unary(write: Callable[[LoweringCall, Expression], Expression]) -> Callable[[LoweringCall], None]:
    """The rule of a function of one value."""

    def at_point(call: LoweringCall, values: Sequence[Expression]) -> Expression:
        kind = computed(call)
        value = values[0] if kind is not Kind.F32 else values[0].to(kind)
        return write(call, local(call, value))

    return lambda call: pointwise(call, at_point)


def clamp(call: LoweringCall, x: Expression) -> Expression:
    """x between bounds of which either may be missing, NaN kept."""
    low, high = call.attributes["min"], call.attributes["max"]
    if isinstance(low, int | float):
        x = local(call, select(x < low, term_like(x, low), x))
    return select(x > high, term_like(x, high), x) if isinstance(high, int | float) else x


def sign(call: LoweringCall, x: Expression) -> Expression:
    """-1, 0 or 1."""
    return select(x > 0, term_like(x, 1), select(x < 0, term_like(x, -1), term_like(x, 0)))


def floor(call: LoweringCall, x: Expression) -> Expression:
    """The largest whole number that is not above x."""
    if x.kind is not Kind.F32:
        return x
    near = local(call, call.body.call(functions.round_even(), x))
    return select(near > x, near - f32(1.0), near)


def ceil(call: LoweringCall, x: Expression) -> Expression:
    """The smallest whole number that is not below x."""
    if x.kind is not Kind.F32:
        return x
    near = local(call, call.body.call(functions.round_even(), x))
    return select(near < x, near + f32(1.0), near)


def truncate(call: LoweringCall, x: Expression) -> Expression:
    """The whole part."""
    return select(x < 0, ceil(call, x), floor(call, x))


def round_even(call: LoweringCall, x: Expression) -> Expression:
    """The nearest whole number, ties to even."""
    if call.attributes["decimals"] != 0:
        raise call.refuse("rounds to decimals; multiply, round and divide instead")
    return x if x.kind is not Kind.F32 else call.body.call(functions.round_even(), x)


def power(call: LoweringCall) -> None:
    """A small whole power as products, a root as one, and others by way of the logarithm."""
    exponent = call.attributes["other"]
    if len(call.operands) > 1 or call.attributes["reversed"] or not isinstance(exponent, int | float):
        raise call.refuse("has an exponent that is no constant; raise to a constant power")
    if not isfinite(exponent):
        raise call.refuse(f"has the exponent {exponent}; give a finite one")
    unary(lambda inner, x: raised(inner, x, float(exponent)))(call)


def raised(call: LoweringCall, x: Expression, exponent: float) -> Expression:
    """x to a constant power."""
    if exponent < 0:
        return f32(1.0) / raised(call, x, -exponent)
    if exponent == 0.5:
        return call.body.call(functions.sqrt(), x)
    if exponent.is_integer() and exponent <= LARGEST_POWER:
        found: Expression = term_like(x, 1)
        for count in range(int(exponent)):
            found = x if count == 0 else found * x
        return found
    logarithm = call.body.call(functions.log(), x)
    return call.body.call(functions.exp(), logarithm * f32(exponent))


def erfc(call: LoweringCall, x: Expression) -> Expression:
    """1 - erf(x)."""
    return f32(1.0) - call.body.call(functions.erf(), x)


def scaled_log(factor: float) -> Callable[[LoweringCall, Expression], Expression]:
    """A logarithm to another base."""
    return lambda call, x: call.body.call(functions.log(), x) * f32(factor)


def rsqrt(call: LoweringCall, x: Expression) -> Expression:
    """1/√x."""
    return f32(1.0) / call.body.call(functions.sqrt(), x)


def cast(call: LoweringCall) -> None:
    """The same numbers in another kind; floats lose their fraction, truth is 0 or 1."""
    dtype = call.node.outputs[0].dtype
    kind_of_dtype(dtype, call.where)

    def at_point(inner: LoweringCall, values: Sequence[Expression]) -> Expression:
        value = values[0]
        return truth(value).to(Kind.I32) if dtype == "bool" else value.to(computed(inner))

    pointwise(call, at_point)


def where(call: LoweringCall) -> None:
    """One side where the condition holds, the other elsewhere."""

    def at_point(inner: LoweringCall, values: Sequence[Expression]) -> Expression:
        kind, rest = computed(inner), list(values[1:])
        chosen = [inner.attributes["on_true"], inner.attributes["on_false"]]
        yes, no = (rest.pop(0).to(kind) if value is None else term(value, kind) for value in chosen)  # type: ignore[arg-type]
        return select(truth(values[0]), yes, no)

    pointwise(call, at_point)


def masked_fill(call: LoweringCall) -> None:
    """The value where the mask holds, the operand elsewhere."""

    def at_point(inner: LoweringCall, values: Sequence[Expression]) -> Expression:
        kind, value = computed(inner), inner.attributes["value"]
        filler = values[2].to(kind) if value is None else term(value, kind)  # type: ignore[arg-type]
        return select(truth(values[1]), filler, values[0].to(kind))

    pointwise(call, at_point)


def function(make: Callable[[], object]) -> Callable[[LoweringCall], None]:
    """The rule of a function that the library has."""
    return unary(lambda call, x: call.body.call(make(), x))  # type: ignore[arg-type]


def isnan(call: LoweringCall) -> None:
    """Whether an element is NaN."""
    pointwise(call, lambda inner, values: values[0].differs(values[0]).to(Kind.I32))


def isfinite_rule(call: LoweringCall) -> None:
    """Whether an element is a number."""
    pointwise(call, lambda inner, values: (values[0] - values[0]).equals(0).to(Kind.I32))


def logical_not(call: LoweringCall) -> None:
    """Whether an element is zero."""
    pointwise(call, lambda inner, values: values[0].equals(0).to(Kind.I32))


RULES = {
    "add": binary(add), "sub": binary(subtract), "mul": binary(multiply), "div": binary(divide),
    "maximum": binary(maximum), "minimum": binary(minimum),
    "logical_and": binary(logical_and), "logical_or": binary(logical_or), "logical_xor": binary(logical_xor),
    "bitwise_and": binary(bitwise("and")), "bitwise_or": binary(bitwise("or")), "bitwise_xor": binary(bitwise("xor")),
    **{name: compared(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    "neg": unary(lambda call, x: -x), "abs": unary(lambda call, x: select(x < 0, -x, x)), "sign": unary(sign),
    "square": unary(lambda call, x: x * x), "reciprocal": unary(lambda call, x: f32(1.0) / x),
    "floor": unary(floor), "ceil": unary(ceil), "trunc": unary(truncate), "round": unary(round_even),
    "clamp": unary(clamp), "power": power, "rsqrt": unary(rsqrt), "erfc": unary(erfc),
    "exp": function(functions.exp), "expm1": function(functions.expm1), "log": function(functions.log),
    "log1p": function(functions.log1p), "sqrt": function(functions.sqrt), "erf": function(functions.erf),
    "log2": unary(scaled_log(1.4426950408889634)), "log10": unary(scaled_log(0.4342944819032518)),
    "cast": cast, "where": where, "masked_fill": masked_fill,
    "isnan": isnan, "isfinite": isfinite_rule, "logical_not": logical_not,
}  # fmt: skip

"""Transcendental functions as ordered float32 operations, so that C gives the same bits without a libm.

Each is a range reduction and a polynomial; the coefficients are minimax fits of our own, good to one or two
units in the last place. NaN comes back as NaN, infinities give the limits.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import inf, nan

from nadoo_graphs.lowered.building import Body
from nadoo_graphs.lowered.expressions import Call, Expression, Name, either, f32, f64, i32, select
from nadoo_graphs.lowered.program import Function
from nadoo_graphs.lowered.types import Kind

LOG2_E = 1.4426950216293335
LN2_HIGH = 0.693359375
LN2_LOW = -0.00021219444170128554
LARGEST_EXPONENT = 88.72283172607422
SMALLEST_EXPONENT = -103.97207641601562
SMALLEST_NORMAL = 1.1754943508222875e-38
SQRT_HALF = 0.7071067690849304
SQRT_2_OVER_PI = 0.7978845834732056

EXP = (0.5, 0.1666666716337204, 0.04166649281978607, 0.008333364501595497, 0.0013931882567703724,
       0.0001985462149605155)  # fmt: skip
TANH = (-0.333333283662796, 0.13333158195018768, -0.05394056439399719, 0.02166634425520897, -0.00809196475893259,
        0.002064662054181099)  # fmt: skip
ERF = (1.128379225730896, -0.37612637877464294, 0.11283782124519348, -0.0268654003739357, 0.005220945458859205,
       -0.0008482828852720559, 0.0001125694761867635, -9.64151604421204e-06)  # fmt: skip
LOG_ERFC = (0.00010247848695144057, -1.1290754079818726, -0.6345119476318359, -0.10651642084121704,
            0.02344062365591526, -0.0031298750545829535, 1.4063952221476939e-05, 8.53871606523171e-05,
            -1.5341573089244775e-05, 9.572881936037447e-07)  # fmt: skip
LOG = (0.3333331346511841, -0.25000008940696716, 0.2000211924314499, -0.1666799634695053, 0.14219550788402557,
       -0.12405591458082199, 0.11888173967599869, -0.11675641685724258, 0.06746602803468704)  # fmt: skip


def polynomial(x: Expression, coefficients: Sequence[float]) -> Expression:
    """Horner's scheme, from the highest power down."""
    found: Expression = f32(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        found = found * x + f32(coefficient)
    return found


def magnitude(x: Expression) -> Expression:
    """|x|."""
    return select(x < 0, -x, x)


def unary(
    name: str, comment: str, write: Callable[[Body, Name], Expression], uses: tuple[Function, ...] = ()
) -> Function:
    """A function of one float."""
    body, x = Body(), Name("x", Kind.F32)
    body.fresh("x")
    result = write(body, x)
    return Function(f"nadoo_{name}", (("x", Kind.F32),), body.statements, result, comment, uses)


def apply(function: Function, x: Expression) -> Expression:
    """A call of a function of one float."""
    return Call(function.name, (x,), Kind.F32)


def power_of_two(exponent: Expression) -> Expression:
    """2 to a power from -126 to 127, by its bits."""
    return ((exponent + 127).to(Kind.U32) << 23).bits(Kind.F32)


def within(x: Expression, low: float, high: float) -> Expression:
    """x within bounds; NaN becomes the lower one, so that it can be turned into an integer."""
    return select(x >= low, select(x <= high, x, f32(high)), f32(low))


def nearest(x: Expression) -> Expression:
    """The nearest integer, ties away from zero."""
    return (x + select(x < 0, f32(-0.5), f32(0.5))).to(Kind.I32)


def write_exp(body: Body, x: Name) -> Expression:
    """x = k·ln 2 + r with |r| at most half of ln 2; the two halves of k keep subnormal results right."""
    inside = body.let("inside", within(x, SMALLEST_EXPONENT, LARGEST_EXPONENT))
    count = body.let("count", nearest(inside * f32(LOG2_E)))
    whole = body.let("whole", count.to(Kind.F32))
    rest = body.let("rest", (inside - whole * f32(LN2_HIGH)) - whole * f32(LN2_LOW))
    value = body.let("value", polynomial(rest, EXP) * (rest * rest) + rest + f32(1.0))
    half = body.let("half", (count + 256) // 2 - 128)
    scaled = body.let("scaled", value * power_of_two(half) * power_of_two(count - half))
    upper = select(x > LARGEST_EXPONENT, f32(inf), scaled)
    return select(x.differs(x), x, select(x < SMALLEST_EXPONENT, f32(0.0), upper))


@cache
def exp() -> Function:
    """The exponential."""
    return unary("exp", "e to the power of x", write_exp)


def write_log(body: Body, x: Name) -> Expression:
    """x = 2**e·m with m between √½ and √2."""
    small = body.let("small", x < SMALLEST_NORMAL)
    scaled = body.let("scaled", select(small, x * f32(8388608.0), x))
    bits = body.let("bits", scaled.bits(Kind.U32))
    part = body.let("part", ((bits & 0x7FFFFF) | 0x3F000000).bits(Kind.F32))
    low = body.let("low", part < SQRT_HALF)
    exponent = body.let(
        "exponent", ((bits >> 23) & 255).to(Kind.I32) - select(low, i32(127), 126) - select(small, i32(23), 0)
    )
    f = body.let("f", select(low, part + part, part) - f32(1.0))
    square = body.let("square", f * f)
    whole = body.let("whole", exponent.to(Kind.F32))
    curve = body.let("curve", polynomial(f, LOG) * (square * f) + whole * f32(LN2_LOW))
    value = (curve - square * f32(0.5)) + f + whole * f32(LN2_HIGH)
    bounded = select(x.equals(0), f32(-inf), select(x.equals(inf), x, value))
    return select(x < 0, f32(nan), select(x.differs(x), x, bounded))


@cache
def log() -> Function:
    """The natural logarithm."""
    return unary("log", "the natural logarithm", write_log)


def write_log1p(body: Body, x: Name) -> Expression:
    """log(u)·x / (u - 1) with u = 1 + x, which undoes the rounding of the sum."""
    whole = body.let("whole", x + f32(1.0))
    exact = either(whole.equals(1), whole.equals(inf))
    step = body.let("step", select(exact, f32(1.0), whole - f32(1.0)))
    return select(whole.equals(1), x, select(whole.equals(inf), whole, apply(log(), whole) * (x / step)))


@cache
def log1p() -> Function:
    """log(1 + x)."""
    return unary("log1p", "log(1 + x), exact near 0", write_log1p, (log(),))


def write_expm1(body: Body, x: Name) -> Expression:
    """A polynomial near 0, else exp(x) - 1."""
    near = body.let("near", polynomial(x, EXP) * (x * x) + x)
    return select(magnitude(x) < 0.34, near, apply(exp(), x) - f32(1.0))


@cache
def expm1() -> Function:
    """exp(x) - 1."""
    return unary("expm1", "exp(x) - 1, exact near 0", write_expm1, (exp(),))


def write_tanh(body: Body, x: Name) -> Expression:
    """A polynomial near 0, else 1 - 2/(exp(2|x|) + 1) with the sign of x."""
    square = body.let("square", x * x)
    near = body.let("near", polynomial(square, TANH) * (square * x) + x)
    size = body.let("size", magnitude(x))
    far = body.let("far", f32(1.0) - f32(2.0) / (apply(exp(), size + size) + f32(1.0)))
    return select(size < 0.65, near, select(x < 0, -far, far))


@cache
def tanh() -> Function:
    """The hyperbolic tangent."""
    return unary("tanh", "the hyperbolic tangent", write_tanh, (exp(),))


def write_erf(body: Body, x: Name) -> Expression:
    """A polynomial up to 1, then 1 - exp(p(|x|)), which is 1 from 4 on."""
    near = body.let("near", polynomial(x * x, ERF) * x)
    size = body.let("size", magnitude(x))
    far = body.let("far", f32(1.0) - apply(exp(), polynomial(within(size, 0.9, 4.0), LOG_ERFC)))
    limit = body.let("limit", select(size >= 4.0, f32(1.0), far))
    signed = select(x < 0, -limit, limit)
    return select(x.differs(x), x, select(size < 1.0, near, signed))


@cache
def erf() -> Function:
    """The error function."""
    return unary("erf", "the error function", write_erf, (exp(),))


def write_sigmoid(body: Body, x: Name) -> Expression:
    """1/(1 + exp(-x))."""
    return f32(1.0) / (f32(1.0) + apply(exp(), -x))


@cache
def sigmoid() -> Function:
    """The logistic function."""
    return unary("sigmoid", "1 / (1 + exp(-x))", write_sigmoid, (exp(),))


def write_sqrt(body: Body, x: Name) -> Expression:
    """Four steps of Newton's from a guess by halving the exponent; subnormals are scaled first."""
    small = body.let("small", x < SMALLEST_NORMAL)
    scaled = body.let("scaled", select(small, x * f32(16777216.0), x))
    first = (scaled.bits(Kind.U32) >> 1) + 0x1FBD1DF5
    root = body.let("root", first.bits(Kind.F32))
    for _ in range(4):
        body.assign(root, f32(0.5) * (root + scaled / root))
    value = select(small, root * f32(0.000244140625), root)
    bounded = select(x.equals(0), x, select(x.equals(inf), x, value))
    return select(x < 0, f32(nan), select(x.differs(x), x, bounded))


@cache
def sqrt() -> Function:
    """The square root."""
    return unary("sqrt", "the square root", write_sqrt)


def write_softplus(body: Body, x: Name) -> Expression:
    """max(x, 0) + log(1 + exp(-|x|))."""
    return select(x < 0, f32(0.0), x) + apply(log1p(), apply(exp(), -magnitude(x)))


@cache
def softplus() -> Function:
    """log(1 + exp(x))."""
    return unary("softplus", "log(1 + exp(x))", write_softplus, (exp(), log1p()))


def write_gelu(body: Body, x: Name) -> Expression:
    """x·(1 + erf(x/√2))/2."""
    return f32(0.5) * x * (f32(1.0) + apply(erf(), x * f32(SQRT_HALF)))


@cache
def gelu() -> Function:
    """x·Φ(x)."""
    return unary("gelu", "x times the normal distribution's Φ(x)", write_gelu, (erf(),))


def write_gelu_tanh(body: Body, x: Name) -> Expression:
    """x·(1 + tanh(√(2/π)(x + 0.044715x³)))/2."""
    inner = f32(SQRT_2_OVER_PI) * (x + f32(0.044715) * (x * x * x))
    return f32(0.5) * x * (f32(1.0) + apply(tanh(), inner))


@cache
def gelu_tanh() -> Function:
    """The tanh approximation of the gelu."""
    return unary("gelu_tanh", "gelu by its tanh approximation", write_gelu_tanh, (tanh(),))


def write_round(body: Body, x: Name) -> Expression:
    """Ties to even by adding and taking off 2**23; larger magnitudes are whole already."""
    size = body.let("size", magnitude(x))
    rounded = body.let("rounded", (size + f32(8388608.0)) - f32(8388608.0))
    return select(size < 8388608.0, select(x < 0, -rounded, rounded), x)


@cache
def round_even() -> Function:
    """The nearest whole number, ties to even."""
    return unary("round_even", "the nearest whole number, ties to even", write_round)


@cache
def round_even_double() -> Function:
    """The nearest whole number to a double, ties to even."""
    body, x = Body(), Name("x", Kind.F64)
    body.fresh("x")
    size = body.let("size", select(x < 0, -x, x))
    shift = f64(4503599627370496.0)
    rounded = body.let("rounded", (size + shift) - shift)
    result = select(size < shift, select(x < 0, -rounded, rounded), x)
    return Function("nadoo_round_even_double", (("x", Kind.F64),), body.statements, result, "ties to even")

"""Requantization and roots in exact integers, as `nadoo_graphs.formats.requantize` defines them."""

from functools import cache

from nadoo_graphs.lowered.building import Body
from nadoo_graphs.lowered.expressions import Call, Expression, Name, i32, i64, select
from nadoo_graphs.lowered.program import Function
from nadoo_graphs.lowered.types import Kind

INT32_MAXIMUM = (1 << 31) - 1
SCALING = (("value", Kind.I32), ("multiplier", Kind.I32), ("exponent", Kind.I32))


def arguments() -> tuple[Body, Name, Name, Name]:
    """A body and the three parameters of a scaling."""
    body = Body()
    names = [Name(body.fresh(name), kind) for name, kind in SCALING]
    return body, names[0], names[1], names[2]


@cache
def scale_double() -> Function:
    """The reference of gemmlowp: high product and shift, each with its own rounding."""
    body, value, multiplier, exponent = arguments()
    left = body.let("left", exponent.at_least(0))
    right = body.let("right", (-exponent).at_least(0))
    shifted = body.let("shifted", value.to(Kind.I64) * (i64(1) << left.to(Kind.I64)))
    bounded = body.let("bounded", shifted.clamped(-(1 << 31), INT32_MAXIMUM))
    product = body.let("product", (bounded * multiplier.to(Kind.I64) + (1 << 30)) >> 31)
    high = body.let("high", product.at_most(INT32_MAXIMUM))
    half = body.let("half", (i64(1) << right.to(Kind.I64)) >> 1)
    rounded = body.let("rounded", (high + select(high < 0, half - (half.at_most(1)), half)) >> right.to(Kind.I64))
    comment = "value * multiplier / 2**31 * 2**exponent: product rounded half up, then half away from zero"
    return Function("nadoo_scale_double", SCALING, body.statements, rounded.to(Kind.I32), comment)


@cache
def scale_single() -> Function:
    """One rounding of the whole product in 64 bits; results beyond int32 saturate."""
    body, value, multiplier, exponent = arguments()
    shift = body.let("shift", (i32(31) - exponent).to(Kind.I64))
    half = body.let("half", (i64(1) << shift) >> 1)
    scaled = body.let("scaled", (value.to(Kind.I64) * multiplier.to(Kind.I64) + half) >> shift)
    bounded = scaled.clamped(-(1 << 31), INT32_MAXIMUM)
    comment = "value * multiplier / 2**31 * 2**exponent, rounded half up once"
    return Function("nadoo_scale_single", SCALING, body.statements, bounded.to(Kind.I32), comment)


@cache
def integer_sqrt() -> Function:
    """⌊√n⌋ of up to 62 bits, one bit of the result a turn."""
    body = Body()
    given = Name(body.fresh("given"), Kind.I64)
    rest, root = body.let("rest", given), body.let("root", i64(0))
    bit = body.let("bit", i64(1 << 60))
    with body.loop("turn", 31):
        trial = body.let("trial", root + bit)
        fits = body.let("fits", rest >= trial)
        body.assign(rest, select(fits, rest - trial, rest))
        body.assign(root, (root >> 1) + select(fits, bit, i64(0)))
        body.assign(bit, bit >> 2)
    return Function("nadoo_integer_sqrt", (("given", Kind.I64),), body.statements, root, "the root, rounded down")


@cache
def bit_length() -> Function:
    """How many bits a number of at least 0 has."""
    body = Body()
    given = Name(body.fresh("given"), Kind.I32)
    rest, count = body.let("rest", given), body.let("count", i32(0))
    for width in (16, 8, 4, 2, 1):
        large = body.let("large", rest >= (1 << width))
        body.assign(count, count + select(large, i32(width), 0))
        body.assign(rest, select(large, rest >> width, rest))
    return Function("nadoo_bit_length", (("given", Kind.I32),), body.statements, count + rest, "bits of a number")


def call_sqrt(value: Expression) -> Expression:
    """A call of the integer root."""
    return Call(integer_sqrt().name, (value,), Kind.I64)

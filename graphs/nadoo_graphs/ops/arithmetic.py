"""Arithmetic of one and two operands, and the matrix product."""

from typing import Any

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import calls, overload
from nadoo_graphs.ops.elementwise import (
    OTHER,
    REVERSED,
    Result,
    any_kind,
    as_float,
    binary,
    floats,
    meeting,
    numeric,
    of_tensors,
    unary,
)
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Run, per_element
from nadoo_graphs.ops.promotion import INDEX, broadcast, operands_dtype, shape_text
from nadoo_graphs.ops.reading import integer, number, optional_number, optional_text
from nadoo_graphs.sizes import Shape, Size, size_product
from nadoo_graphs.values import FLOATING, ValueType

MODES = ("trunc", "floor")


def not_boolean(call: Call, dtype: str) -> str:
    """A difference is not defined for truth values, not even mixed with numbers."""
    other = call.attributes["other"]
    if isinstance(other, bool) or any(operand.dtype == "bool" for operand in call.operands):
        raise call.refuse("subtracts booleans; use logical_xor or cast the operands first", Code.DTYPE)
    return numeric(call, dtype)


def square_result(call: Call, dtype: str) -> str:
    """torch squares truth values as numbers."""
    return INDEX if dtype == "bool" else numeric(call, dtype)


def infer_sub(call: Call) -> tuple[ValueType, ...]:
    """A difference, of which alpha scales what is taken away."""
    found = meeting(call, not_boolean)
    if found.dtype not in FLOATING and isinstance(number(call, "alpha"), float):
        raise call.refuse(f"alpha is {number(call, 'alpha')} on {found.dtype}; give an integer", Code.DTYPE)
    return (found,)


def run_sub(run: Run) -> Any:
    """One overload for two tensors or a number on the right, one for a number on the left."""
    alpha = run.attributes["alpha"]
    if len(run.operands) > 1:
        return overload("sub.Tensor")(*run.operands, alpha=alpha)
    if run.attributes["reversed"]:
        return overload("rsub.Scalar")(run.operand, run.attributes["other"], alpha)
    return overload("sub.Tensor")(run.operand, run.attributes["other"], alpha=alpha)


def infer_div(call: Call) -> tuple[ValueType, ...]:
    """A quotient is floating unless it is rounded."""
    mode = optional_text(call, "rounding_mode")
    if mode is not None and mode not in MODES:
        raise call.refuse(f"rounding_mode is {mode!r}; give None, 'trunc' or 'floor'", Code.SCHEMA)
    result: Result = as_float if mode is None else numeric
    return (meeting(call, result),)


def run_div(run: Run) -> Any:
    """The rounding mode is an overload of its own."""
    sides = [*run.operands] if len(run.operands) > 1 else [run.operand, run.attributes["other"]]
    if run.attributes["reversed"]:
        sides.reverse()
    mode = run.attributes["rounding_mode"]
    return overload("div.Tensor")(*sides) if mode is None else overload("div.Tensor_mode")(*sides, rounding_mode=mode)


def power_result(call: Call, dtype: str) -> str:
    """An integer to a negative power is not an integer."""
    exponent = optional_number(call, "other")
    backwards = call.attributes["reversed"] is True
    if not backwards and isinstance(exponent, int) and exponent < 0 and dtype not in FLOATING:
        raise call.refuse(f"raises {dtype} to {exponent}; cast the operand to a float first", Code.DTYPE)
    return numeric(call, dtype)


def infer_clamp(call: Call) -> tuple[ValueType, ...]:
    """At least one bound; a floating bound makes integers floating."""
    bounds = [bound for bound in (optional_number(call, "min"), optional_number(call, "max")) if bound is not None]
    if not bounds:
        raise call.refuse("has neither min nor max; give one of them", Code.SCHEMA)
    return (call.operand.with_dtype(numeric(call, operands_dtype(call, call.operand, *bounds))),)


def infer_round(call: Call) -> tuple[ValueType, ...]:
    """Decimal places are a matter of floating numbers."""
    result = floats if integer(call, "decimals") else numeric
    return (call.operand.with_dtype(result(call, call.operand.dtype)),)


def run_round(run: Run) -> Any:
    """Decimal places are an overload of their own."""
    decimals = run.attributes["decimals"]
    rounded = overload("round.decimals" if decimals else "round.default")
    return rounded(run.operand, **({"decimals": decimals} if decimals else {}))


def infer_matmul(call: Call) -> tuple[ValueType, ...]:
    """Rows of the first meet columns of the second; leading axes broadcast; a lone axis is a vector."""
    left, right = call.operands
    if not left.rank or not right.rank:
        raise call.refuse(f"multiplies {left} and {right}; both need at least one axis")
    if left.dtype != right.dtype:
        raise call.refuse(f"multiplies {left} and {right}; their dtypes must be equal", Code.DTYPE)
    numeric(call, left.dtype)
    inner = right.shape[-2] if right.rank > 1 else right.shape[0]
    if left.shape[-1] != inner:
        message = f"{left.shape[-1]} columns meet {inner} rows; they must be equal"
        raise call.refuse(f"shapes {shape_text(left.shape)} and {shape_text(right.shape)}: {message}")
    batch = broadcast(call, left.shape[:-2], right.shape[:-2])
    return (ValueType((*batch, *rows_and_columns(left.shape, right.shape)), left.dtype),)


def rows_and_columns(left: Shape, right: Shape) -> Shape:
    """The last axes of a product; a vector has none to give."""
    return (*left[-2:-1], *(right[-1:] if len(right) > 1 else ()))


def count_matmul(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """As many products as the inner axis is long, for each output element."""
    return size_product(outputs[0].shape) * call.operand.shape[-1]


def infer_addmm(call: Call) -> tuple[ValueType, ...]:
    """beta·bias + alpha·(matrix @ matrix); the bias broadcasts to the product."""
    bias, left, right = call.operands
    if left.rank != 2 or right.rank != 2 or left.shape[1] != right.shape[0]:
        raise call.refuse(f"multiplies {left} and {right}; give matrices of shapes [n, k] and [k, m]")
    if len({bias.dtype, left.dtype, right.dtype}) > 1:
        raise call.refuse(f"mixes {bias.dtype}, {left.dtype} and {right.dtype}; they must be equal", Code.DTYPE)
    shape = (left.shape[0], right.shape[1])
    if broadcast(call, shape, bias.shape) != shape:
        raise call.refuse(f"adds {bias} to a product of shape {shape_text(shape)}; it must broadcast to that")
    return (ValueType(shape, numeric(call, left.dtype)),)


def count_addmm(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """The products of the two matrices."""
    return outputs[0].elements * call.operands[1].shape[1]


def curve(name: str, summary: str) -> Op:
    """A function whose results are floating even where its operand is not."""
    return unary(name, summary, as_float)


SUB = Op(
    name="sub",
    summary="The first operand minus alpha times the second, or a number.",
    infer=infer_sub,
    execute=run_sub,
    attributes=(OTHER, REVERSED, AttributeRow("alpha", "number", 1)),
    arity=(1, 2),
    elementary=lambda call, outputs: outputs[0].elements * (1 if number(call, "alpha") == 1 else 2),
    aliases=("Sub",),
    in_place=(0, 1),
)

DIV = Op(
    name="div",
    summary="The quotient, rounded towards zero or down where rounding_mode says so.",
    infer=infer_div,
    execute=run_div,
    attributes=(OTHER, REVERSED, AttributeRow("rounding_mode", "str", None, optional=True)),
    arity=(1, 2),
    elementary=per_element(1),
    aliases=("Div",),
    in_place=(0, 1),
)

CLAMP = Op(
    name="clamp",
    summary="min(max(x, min), max), either bound left out at will.",
    infer=infer_clamp,
    execute=calls("clamp.default", "min", "max"),
    attributes=(
        AttributeRow("min", "number", None, optional=True),
        AttributeRow("max", "number", None, optional=True),
    ),
    elementary=per_element(2),
    aliases=("Clamp",),
    in_place=(0,),
)

ROUND = Op(
    name="round",
    summary="The nearest integer, ties to even; or the nearest multiple of 10 to the power of -decimals.",
    infer=infer_round,
    execute=run_round,
    attributes=(AttributeRow("decimals", "int", 0),),
    elementary=per_element(1),
    in_place=(0,),
)

MATMUL = Op(
    name="matmul",
    summary="The matrix product over the last two axes.",
    infer=infer_matmul,
    execute=calls("matmul.default"),
    arity=(2, 2),
    macs=count_matmul,
    aliases=("MatMul",),
)

ADDMM = Op(
    name="addmm",
    summary="beta times the first operand plus alpha times the matrix product of the others.",
    infer=infer_addmm,
    execute=calls("addmm.default", keywords=("beta", "alpha")),
    attributes=(AttributeRow("beta", "number", 1), AttributeRow("alpha", "number", 1)),
    arity=(3, 3),
    macs=count_addmm,
    elementary=per_element(1),
)

ROWS: tuple[Op, ...] = (
    binary(
        "add",
        "The sum of two operands, or of one and a number.",
        any_kind,
        commutative=True,
        aliases=("Add",),
    ),
    SUB,
    binary("mul", "The product, element by element.", any_kind, commutative=True, aliases=("Mul",)),
    DIV,
    binary(
        "power",
        "The first operand to the power of the second, or a number.",
        power_result,
        aten="pow.Tensor_Tensor",
        number="pow.Tensor_Scalar",
        backwards=True,
        aliases=("Pow",),
    ),
    binary("remainder", "x - y·⌊x/y⌋, of the divisor's sign.", numeric, number="remainder.Scalar", backwards=True),
    binary("fmod", "x - y·trunc(x/y), of the dividend's sign.", numeric, number="fmod.Scalar"),
    binary("floor_divide", "⌊x/y⌋.", numeric, aten="floor_divide.default", backwards=True),
    of_tensors("maximum", "The larger of two operands.", any_kind, commutative=True),
    of_tensors("minimum", "The smaller of two operands.", any_kind, commutative=True),
    of_tensors("atan2", "The angle of the point (y, x).", as_float),
    CLAMP,
    MATMUL,
    ADDMM,
    unary("neg", "-x.", numeric, aliases=("Neg",)),
    unary("abs", "The magnitude.", numeric),
    unary("sign", "-1, 0 or 1.", any_kind),
    unary("square", "x².", square_result),
    unary("floor", "The largest integer that is not above x.", numeric),
    unary("ceil", "The smallest integer that is not below x.", numeric),
    unary("trunc", "The integer part.", numeric),
    ROUND,
    curve("exp", "The exponential."),
    curve("exp2", "2 to the power of x."),
    curve("expm1", "exp(x) - 1, exact near 0."),
    curve("log", "The natural logarithm."),
    curve("log2", "The logarithm to base 2."),
    curve("log10", "The logarithm to base 10."),
    curve("log1p", "log(1 + x), exact near 0."),
    curve("sqrt", "The square root."),
    curve("rsqrt", "1/√x."),
    curve("reciprocal", "1/x."),
    curve("erf", "The error function."),
    curve("erfc", "1 - erf(x), exact where erf is near 1."),
    curve("sin", "The sine."),
    curve("cos", "The cosine."),
    curve("tan", "The tangent."),
    curve("asin", "The inverse sine."),
    curve("acos", "The inverse cosine."),
    curve("atan", "The inverse tangent."),
    curve("sinh", "The hyperbolic sine."),
    curve("cosh", "The hyperbolic cosine."),
)

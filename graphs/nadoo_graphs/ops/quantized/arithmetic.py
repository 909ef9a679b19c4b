"""Rows that combine codes of several scales: sums, products, matrix products, and values laid side by side."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.arithmetic import ROWS as ARITHMETIC
from nadoo_graphs.ops.joining import ROWS as JOINING
from nadoo_graphs.ops.op import AttributeRow, Call, Codes, Making, Op, Role, per_element
from nadoo_graphs.ops.promotion import broadcast
from nadoo_graphs.ops.quantized.codes import (
    BUFFER,
    FOLDED,
    MAXIMUM,
    MINIMUM,
    OUTPUT_FORMAT,
    OUTPUT_ROLES,
    RESCALED,
    STEP_GRADIENT,
    TWO_TO_ONE,
    folded,
    require_codes,
    require_steps,
    rescaled_type,
)
from nadoo_graphs.ops.reading import integer, number
from nadoo_graphs.sizes import Shape
from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    from torch import nn

MOST_PARTS = 1024
MATMUL = next(row for row in ARITHMETIC if row.name == "matmul")
CAT = next(row for row in JOINING if row.name == "cat")


def plain(call: Call, dtype: str) -> Call:
    """The call as a float row sees it."""
    return evolve(call, operands=tuple(ValueType(item.shape, dtype) for item in call.operands), tensors={})


def require_pair(call: Call) -> str:
    """Two operands that are codes, with single scales; gives the carrier of the result."""
    require_codes(call, 0, 16)
    require_codes(call, 1, 16)
    require_steps(call, *(role.name for role in TWO_TO_ONE))
    return call.tensors["output_scale"].dtype


def infer_pair(call: Call) -> tuple[ValueType, ...]:
    """The shape that both operands stretch to."""
    dtype = require_pair(call)
    shape: Shape = broadcast(call, call.operands[0].shape, call.operands[1].shape)
    return (rescaled_type(call, shape, dtype),)


def infer_matmul(call: Call) -> tuple[ValueType, ...]:
    """The shape of the float product."""
    dtype = require_pair(call)
    if not 0 < number(call, "alpha") < float("inf"):
        raise call.refuse(f"alpha is {number(call, 'alpha')}; give a positive number")
    return (rescaled_type(call, MATMUL.infer(plain(call, dtype))[0].shape, dtype),)


def cat_roles(attributes: Mapping[str, Attribute]) -> tuple[Role, ...]:
    """A scale and perhaps a zero point for each operand."""
    count = attributes["count"]
    parts = range(min(count, MOST_PARTS) if isinstance(count, int) else 0)
    roles = [
        role
        for part in parts
        for role in (
            Role(f"input_scale_{part}", held=BUFFER),
            Role(f"input_zero_point_{part}", optional=True, held=BUFFER),
        )
    ]
    return (*roles, *OUTPUT_ROLES)


def infer_cat(call: Call) -> tuple[ValueType, ...]:
    """The float row's shape; there is a scale for each operand."""
    if integer(call, "count") != len(call.operands):
        message = f"count is {integer(call, 'count')}, but {len(call.operands)} values are joined"
        raise call.refuse(f"{message}; give their number")
    for operand in range(len(call.operands)):
        require_codes(call, operand, 16)
    require_steps(call, *call.tensors)
    dtype = call.tensors["output_scale"].dtype
    return (rescaled_type(call, CAT.infer(plain(call, dtype))[0].shape, dtype),)


def stored_cat(attributes: Mapping[str, Attribute]) -> Mapping[str, str | None]:
    """Everything is folded into constants."""
    return {**FOLDED, **{role.name: None for role in cat_roles(attributes)}}


def make(kind: str, making: Making) -> "nn.Module":
    """The layer of one of these rows."""
    from nadoo_graphs.ops.quantized.arithmetic_module import LAYERS

    return LAYERS[kind](making)


ROWS = (
    Op(
        name="quantized_add",
        summary="The sum, or difference, of codes of two scales, rescaled with 20 bits and rounded once.",
        infer=infer_pair,
        layer=partial(make, "add"),
        codes=Codes.READ,
        attributes=(OUTPUT_FORMAT, MINIMUM, MAXIMUM, STEP_GRADIENT, AttributeRow("subtract", "bool", default=False)),
        roles=TWO_TO_ONE,
        arity=(2, 2),
        stored=folded,
        elementary=per_element(5),
        in_place=(0, 1),
    ),
    Op(
        name="quantized_mul",
        summary="The product of codes of two scales, requantized.",
        infer=infer_pair,
        layer=partial(make, "mul"),
        codes=Codes.READ,
        attributes=RESCALED,
        roles=TWO_TO_ONE,
        arity=(2, 2),
        stored=folded,
        elementary=per_element(5),
        in_place=(0, 1),
    ),
    Op(
        name="quantized_matmul",
        summary="The matrix product of codes of two scales, times alpha, requantized.",
        infer=infer_matmul,
        layer=partial(make, "matmul"),
        codes=Codes.READ,
        attributes=(AttributeRow("alpha", "float", 1.0), *RESCALED),
        roles=TWO_TO_ONE,
        arity=(2, 2),
        stored=folded,
        macs=MATMUL.macs,
        elementary=per_element(4),
    ),
    Op(
        name="quantized_cat",
        summary="Codes of several scales along an axis, each requantized to one.",
        infer=infer_cat,
        layer=partial(make, "cat"),
        codes=Codes.READ,
        attributes=(AttributeRow("count", "int"), AttributeRow("dim", "int", 0), *RESCALED),
        roles=cat_roles,
        arity=(1, None),
        stored=stored_cat,
        elementary=per_element(4),
    ),
)

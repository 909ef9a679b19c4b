"""A small operator table for the tests of the graph itself, which must not depend on the standard rows."""

from typing import Any

import torch

from nadoo_graphs.errors import Code
from nadoo_graphs.ops import AttributeRow, Call, Op, OpTable, Role, Run
from nadoo_graphs.ops.structure import ROWS
from nadoo_graphs.values import ValueType


def same(call: Call) -> tuple[ValueType, ...]:
    return (call.operand,)


def product(call: Call) -> tuple[ValueType, ...]:
    weight = call.tensors["weight"].shape
    if call.operand.shape[-1] != weight[1]:
        raise call.refuse(f"takes {weight[1]} features, its operand has {call.operand.shape[-1]}")
    return (call.operand.with_shape((*call.operand.shape[:-1], weight[0])),)


def equal(call: Call) -> tuple[ValueType, ...]:
    left, right = call.operands
    if left.dtype != right.dtype:
        raise call.refuse(f"adds {left} to {right}; give equal dtypes", Code.DTYPE)
    if left.shape != right.shape:
        raise call.refuse(f"adds {left} to {right}; give equal shapes")
    return (left,)


def joined(call: Call) -> tuple[ValueType, ...]:
    width = sum((operand.shape[-1] for operand in call.operands[1:]), call.operand.shape[-1])
    return (call.operand.with_shape((*call.operand.shape[:-1], width)),)


def halves(call: Call) -> tuple[ValueType, ...]:
    count = int(call.attributes["parts"])  # type: ignore[arg-type]
    if call.operand.shape[-1] % count:
        raise call.refuse(f"cannot cut {call.operand.shape[-1]} features into {count} equal parts")
    return (call.operand.with_shape((*call.operand.shape[:-1], call.operand.shape[-1] // count)),) * count


def converted(call: Call) -> tuple[ValueType, ...]:
    return (call.operand.with_dtype(str(call.attributes["dtype"])),)


def run_linear(run: Run) -> Any:
    return torch.nn.functional.linear(run.operand, run.tensors["weight"], run.tensors.get("bias"))


SMALL_ROWS = (
    Op(
        name="linear",
        summary="A product with a weight.",
        infer=product,
        execute=run_linear,
        roles=(Role("weight"), Role("bias", optional=True)),
    ),
    Op(name="relu", summary="The positive part.", infer=same, execute=lambda run: run.operand.relu()),
    Op(name="tanh", summary="The hyperbolic tangent.", infer=same, execute=lambda run: run.operand.tanh()),
    Op(
        name="scale",
        summary="A multiple.",
        infer=same,
        attributes=(AttributeRow("factor", "float", 1.0), AttributeRow("label", "str", None, optional=True)),
        execute=lambda run: run.operand * run.attributes["factor"],
    ),
    Op(name="add", summary="A sum.", infer=equal, arity=(2, 2), commutative=True),
    Op(name="mul", summary="A product.", infer=equal, arity=(2, 2), commutative=True),
    Op(name="sub", summary="A difference.", infer=equal, arity=(2, 2)),
    Op(name="cat", summary="Features side by side.", infer=joined, arity=(1, None)),
    Op(name="chunk", summary="Equal parts.", infer=halves, attributes=(AttributeRow("parts", "int", 2),)),
    Op(name="cast", summary="Another dtype.", infer=converted, attributes=(AttributeRow("dtype", "dtype"),)),
)


def small_ops() -> OpTable:
    """Inputs, outputs, tensors and a handful of rows of every kind that matters to the graph."""
    return OpTable((*ROWS, *SMALL_ROWS))

"""Averages of codes: sums of integers over windows or axes, divided while they are requantized."""

from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from nadoo_graphs.ops.op import Call, Codes, Making, Op
from nadoo_graphs.ops.pooling import ROWS as POOLING
from nadoo_graphs.ops.quantized.codes import ONE_TO_ONE, RESCALED, folded, require_codes, require_steps, rescaled_type
from nadoo_graphs.ops.reduction import ROWS as REDUCTIONS
from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    from torch import nn

AVERAGES = ("avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "mean")
UNNAMED = ("dtype",)
"""Attributes that mean nothing for codes."""


def infer_average(row: Op, call: Call) -> tuple[ValueType, ...]:
    """The shape of the float row."""
    require_codes(call, 0, 16)
    require_steps(call, *(role.name for role in ONE_TO_ONE))
    dtype = call.tensors["output_scale"].dtype
    attributes = row.complete({name: value for name, value in call.attributes.items() if name in row.known})
    source = ValueType(call.operand.shape, dtype)
    found = row.infer(evolve(call, operands=(source,), tensors={}, attributes=attributes))[0]
    return (rescaled_type(call, found.shape, dtype),)


def make_average(name: str, making: Making) -> "nn.Module":
    """The layer that averages."""
    from nadoo_graphs.ops.quantized.pooling_module import Average

    return Average(name, making)


def average_row(row: Op) -> Op:
    """The row over codes of a float row."""
    return Op(
        name=f"quantized_{row.name}",
        summary=f"{row.name} over codes: sums of distances from the zero point, divided as they are requantized.",
        infer=partial(infer_average, row),
        layer=partial(make_average, row.name),
        codes=Codes.READ,
        attributes=(*(item for item in row.attributes if item.name not in UNNAMED), *RESCALED),
        roles=ONE_TO_ONE,
        stored=folded,
        elementary=row.elementary,
    )


ROWS = tuple(average_row(row) for row in (*POOLING, *REDUCTIONS) if row.name in AVERAGES)

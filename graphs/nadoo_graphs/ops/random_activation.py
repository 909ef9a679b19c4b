"""Activations that draw random numbers while their module trains."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nadoo_graphs.ops.op import AttributeRow, Call, Op, per_element
from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    from torch import nn


def infer_rrelu(call: Call) -> tuple[ValueType, ...]:
    """The input, which must be of a floating dtype."""
    if not call.operand.is_floating:
        raise call.refuse(f"the input is {call.operand}; cast it to a floating dtype")
    return (ValueType(call.operand.shape, call.operand.dtype),)


def rrelu_module(attributes: Mapping[str, Any]) -> "nn.Module":
    """The leaf module of a row."""
    from nadoo_graphs.ops.random_activation_module import RandomizedReLU

    return RandomizedReLU(attributes["lower"], attributes["upper"], attributes["always"])


ROWS: tuple[Op, ...] = (
    Op(
        name="rrelu",
        summary="x if positive, else x times a slope that is drawn in training and the middle of the bounds otherwise.",
        infer=infer_rrelu,
        module=rrelu_module,
        attributes=(
            AttributeRow("lower", "float", 0.125),
            AttributeRow("upper", "float", 1 / 3),
            AttributeRow("always", "bool", False),
        ),
        elementary=per_element(2),
        in_place=(0,),
        random=True,
        aliases=("RReLU",),
    ),
)

"""The normalization of small integer networks: a relu and a shift that lets the largest value just fit."""

from typing import TYPE_CHECKING

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.op import AttributeRow, Call, Codes, Making, Op, per_element
from nadoo_graphs.ops.quantized.codes import CARRIERS, require_choice, require_codes, require_integers
from nadoo_graphs.ops.reading import optional_integer, text
from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    from torch import nn

GRANULARITIES = ("sample", "token", "tensor")
GRADIENTS = ("constant", "rms")
ACCUMULATOR_BITS = 31


def infer_relu_norm(call: Call) -> tuple[ValueType, ...]:
    """Codes that are not negative, in a format whose largest code fills its bits."""
    require_codes(call)
    require_choice(call, "granularity", GRANULARITIES)
    require_choice(call, "gradient", GRADIENTS)
    found = require_integers(call, text(call, "format"), 16)
    if int(found.maximum) & (int(found.maximum) + 1):
        message = f"format {found.name} ends at {found.maximum}; shifting needs one that ends at 2^n - 1"
        raise call.refuse(f"{message}, such as int8 or uint8", Code.SCHEMA)
    shift, most = optional_integer(call, "shift"), ACCUMULATOR_BITS - int(found.maximum).bit_length()
    if shift is not None and not 0 <= shift <= most:
        message = f"shift is {shift}; give 0 to {most} for codes of {found.name}, or none, to follow the largest value"
        raise call.refuse(message, Code.LIMIT)
    if text(call, "dtype") not in CARRIERS:
        raise call.refuse(f"dtype is {text(call, 'dtype')!r}; give {' or '.join(CARRIERS)}", Code.DTYPE)
    return (ValueType(call.operand.shape, text(call, "dtype"), text(call, "format")),)


def make_relu_norm(making: Making) -> "nn.Module":
    """The layer."""
    from nadoo_graphs.ops.quantized.relu_norm_module import ReluNorm

    return ReluNorm(making)


ROWS = (
    Op(
        name="relu_norm",
        summary="A relu, then all numbers shifted right: until the largest fits, or by a fixed shift.",
        infer=infer_relu_norm,
        layer=make_relu_norm,
        codes=Codes.READ,
        attributes=(
            AttributeRow("format", "str", "int8"),
            AttributeRow("granularity", "str", "sample"),
            AttributeRow("gradient", "str", "constant"),
            AttributeRow("shift", "int", None, optional=True),
            AttributeRow("dtype", "dtype", "float32"),
        ),
        elementary=per_element(4),
        aliases=("ReLUNorm", "ShiftNorm"),
        in_place=(0,),
    ),
)

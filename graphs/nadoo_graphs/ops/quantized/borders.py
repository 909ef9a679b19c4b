"""The rows where numbers become codes, codes become numbers, and codes change their scale."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nadoo_graphs.errors import Code
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.op import AttributeRow, Call, Codes, Making, Op, Role, per_element
from nadoo_graphs.ops.quantized.codes import (
    BUFFER,
    CARRIERS,
    FOLDED,
    MAXIMUM,
    MINIMUM,
    ONE_TO_ONE,
    RESCALED,
    STEP_GRADIENT,
    STEP_GRADIENTS,
    folded,
    require_choice,
    require_codes,
    require_integers,
    require_steps,
    rescaled_type,
)
from nadoo_graphs.ops.reading import axis, integer, text
from nadoo_graphs.sizes import Shape
from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    from torch import nn

STATIC = "static"
GRANULARITIES = (STATIC, "tensor", "sample", "token")


def quantize_roles(attributes: Mapping[str, Attribute]) -> tuple[Role, ...]:
    """A static scale is a tensor; a dynamic one is computed."""
    if attributes["granularity"] == STATIC:
        return (Role("scale", held=BUFFER), Role("zero_point", optional=True, held=BUFFER))
    return ()


def statistics_shape(granularity: str, shape: Shape) -> Shape:
    """The shape of dynamic scales: those axes are 1 over which the largest magnitude is taken."""
    kept = {"tensor": (), "sample": (0,), "token": range(len(shape) - 1)}[granularity]
    return tuple(size if axis in kept else 1 for axis, size in enumerate(shape))


def infer_quantize(call: Call) -> tuple[ValueType, ...]:
    """Codes of the operand's shape, and where the scale is dynamic, the scale."""
    granularity = require_choice(call, "granularity", GRANULARITIES)
    require_choice(call, "step_gradient", STEP_GRADIENTS)
    found, source = require_integers(call, text(call, "format"), 16), call.operand
    if source.dtype not in CARRIERS or source.format is not None:
        hint = "; quantizing codes again needs requantize" if source.format else ""
        raise call.refuse(f"quantizes {source}; give numbers in {' or '.join(CARRIERS)}{hint}", Code.DTYPE)
    require_steps(call, "scale", "zero_point")
    codes = ValueType(source.shape, source.dtype, text(call, "format"))
    if granularity == STATIC:
        return (codes,)
    if found.minimum >= 0:
        message = f"a dynamic scale has no zero point, but {found.name} has no negative codes; use int8 or static"
        raise call.refuse(message, Code.SCHEMA)
    return codes, ValueType(statistics_shape(granularity, source.shape), source.dtype)


def make_quantize(making: Making) -> "nn.Module":
    """The layer that quantizes."""
    from nadoo_graphs.ops.quantized.borders_module import DynamicQuantize, Quantize

    dynamic = making.attributes["granularity"] != STATIC
    return DynamicQuantize(making) if dynamic else Quantize(making)


def infer_dequantize(call: Call) -> tuple[ValueType, ...]:
    """Numbers of the operand's shape, in the dtype of the scale."""
    require_codes(call)
    require_steps(call, "scale", "zero_point")
    scales = [*call.operands[1:], *(found for role, found in call.tensors.items() if role.endswith("scale"))]
    if not scales:
        raise call.refuse("has no scale; give the tensor scale, or a second operand that is one", Code.SCHEMA)
    source = call.operand
    for found in call.operands[1:]:
        if found.format is not None or found.dtype not in CARRIERS or not stretches(found.shape, source.shape):
            raise call.refuse(f"a scale is {found}; give numbers that stretch to the shape of {source}")
    wanted = call.tensors.get("weight_scale")
    if wanted is not None and wanted.shape not in {(), (source.shape[axis(call, integer(call, "axis"), source.rank)],)}:
        raise call.refuse(f"weight_scale is {wanted}; give one number, or one for each index of the axis")
    first = call.tensors.get("scale") or scales[0]
    return (ValueType(source.shape, first.dtype),)


def stretches(shape: Shape, wanted: Shape) -> bool:
    """Whether a shape has as many axes, each of size 1 or the wanted one."""
    return len(shape) == len(wanted) and all(size in {1, full} for size, full in zip(shape, wanted, strict=True))


def make_dequantize(making: Making) -> "nn.Module":
    """The layer that dequantizes."""
    from nadoo_graphs.ops.quantized.borders_module import Dequantize

    return Dequantize(making)


def infer_requantize(call: Call) -> tuple[ValueType, ...]:
    """The same numbers as codes of another scale."""
    require_codes(call)
    require_steps(call, *(role.name for role in ONE_TO_ONE))
    scale, source = call.tensors.get("weight_scale"), call.operand
    if scale is not None and scale.shape not in {(), (source.shape[axis(call, integer(call, "axis"), source.rank)],)}:
        raise call.refuse(f"weight_scale is {scale}; give one number, or one for each index of the axis")
    return (rescaled_type(call, call.operand.shape, call.tensors["output_scale"].dtype),)


def make_requantize(making: Making) -> "nn.Module":
    """The layer that requantizes."""
    from nadoo_graphs.ops.quantized.borders_module import Requantize

    return Requantize(making)


def infer_clamp(call: Call) -> tuple[ValueType, ...]:
    """The operand's own codes."""
    require_codes(call)
    least, most = call.attributes["minimum"], call.attributes["maximum"]
    if isinstance(least, int) and isinstance(most, int) and least > most:
        raise call.refuse(f"minimum {least} exceeds maximum {most}; exchange them", Code.SCHEMA)
    return (call.operand,)


def make_clamp(making: Making) -> "nn.Module":
    """The layer that clamps."""
    from nadoo_graphs.ops.quantized.borders_module import Clamp

    return Clamp(making.attributes["minimum"], making.attributes["maximum"])


def stored_weight_scale(attributes: Mapping[str, Attribute]) -> Mapping[str, str | None]:
    """The scale of a weight is a multiplier for each channel."""
    return {**FOLDED, "weight_scale": "int32"}


ROWS = (
    Op(
        name="quantize",
        summary="Numbers as codes: clamp(rne(x / scale) + zero point), the scale fixed or taken from the values.",
        infer=infer_quantize,
        layer=make_quantize,
        attributes=(AttributeRow("format", "str", "int8"), AttributeRow("granularity", "str", STATIC), STEP_GRADIENT),
        roles=quantize_roles,
        stored=folded,
        elementary=per_element(4),
        aliases=("Quantize",),
    ),
    Op(
        name="dequantize",
        summary="Codes as numbers: (q - zero point) times all scales, tensors and further operands.",
        infer=infer_dequantize,
        layer=make_dequantize,
        codes=Codes.READ,
        attributes=(AttributeRow("axis", "int", -1),),
        roles=(
            Role("scale", optional=True, held=BUFFER),
            Role("weight_scale", optional=True, held=BUFFER),
            Role("zero_point", optional=True, held=BUFFER),
        ),
        arity=(1, None),
        stored=folded,
        elementary=per_element(2),
        aliases=("Dequantize",),
    ),
    Op(
        name="requantize",
        summary="Codes of one scale as codes of another, or of another format.",
        infer=infer_requantize,
        layer=make_requantize,
        codes=Codes.READ,
        attributes=(*RESCALED, AttributeRow("axis", "int", 1)),
        roles=(*ONE_TO_ONE, Role("weight_scale", optional=True, held=BUFFER)),
        stored=stored_weight_scale,
        elementary=per_element(4),
        aliases=("Requantize",),
    ),
    Op(
        name="quantized_clamp",
        summary="Codes kept between two codes: a relu has its zero point as minimum.",
        infer=infer_clamp,
        layer=make_clamp,
        codes=Codes.READ,
        attributes=(MINIMUM, MAXIMUM),
        elementary=per_element(2),
        in_place=(0,),
    ),
)

"""What inference asks of codes: their format, their range, their carrier, and the tensors that say what they mean."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nadoo_graphs.errors import Code
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.op import AttributeRow, Call, Making, Role
from nadoo_graphs.ops.reading import optional_integer, text
from nadoo_graphs.sizes import Shape
from nadoo_graphs.values import INTEGRAL, ValueType

if TYPE_CHECKING:
    from nadoo_graphs.formats import Format

ACCUMULATOR = "int32"
BUFFER = "buffer"
"""Scales are fixed unless a pass makes them parameters, which are then learned."""
CARRIERS = ("float32", "float64")
REQUANTIZATIONS = ("double", "single", "shift")
WEIGHT_GRADIENTS = ("straight-through", "clipped")
STEP_GRADIENTS = ("plain", "lsq", "pact")

OUTPUT_FORMAT = AttributeRow("output_format", "str", "int8")
MINIMUM = AttributeRow("minimum", "int", None, optional=True)
MAXIMUM = AttributeRow("maximum", "int", None, optional=True)
REQUANTIZE = AttributeRow("requantize", "str", "double")
WEIGHT_FORMAT = AttributeRow("weight_format", "str", "int8")
WEIGHT_GRADIENT = AttributeRow("weight_gradient", "str", "straight-through")
STEP_GRADIENT = AttributeRow("step_gradient", "str", "plain")
RESCALED = (OUTPUT_FORMAT, REQUANTIZE, MINIMUM, MAXIMUM, STEP_GRADIENT)

INPUT_SCALE = Role("input_scale", held=BUFFER)
INPUT_ZERO_POINT = Role("input_zero_point", optional=True, held=BUFFER)
OTHER_SCALE = Role("other_scale", held=BUFFER)
OTHER_ZERO_POINT = Role("other_zero_point", optional=True, held=BUFFER)
OUTPUT_SCALE = Role("output_scale", held=BUFFER)
OUTPUT_ZERO_POINT = Role("output_zero_point", optional=True, held=BUFFER)
INPUT_ROLES = (INPUT_SCALE, INPUT_ZERO_POINT)
OTHER_ROLES = (OTHER_SCALE, OTHER_ZERO_POINT)
OUTPUT_ROLES = (OUTPUT_SCALE, OUTPUT_ZERO_POINT)
ONE_TO_ONE = (*INPUT_ROLES, *OUTPUT_ROLES)
TWO_TO_ONE = (*INPUT_ROLES, *OTHER_ROLES, *OUTPUT_ROLES)

FOLDED: Mapping[str, str | None] = {
    "scale": None,
    "zero_point": None,
    "input_scale": None,
    "input_zero_point": None,
    "other_scale": None,
    "other_zero_point": None,
    "output_scale": None,
    "output_zero_point": None,
}


def folded(attributes: Mapping[str, Attribute]) -> Mapping[str, str | None]:
    """Scales and zero points of values become constants of the code and take no room in flash."""
    return FOLDED


def require_codes(call: Call, operand: int = 0, widest: int = 32) -> "Format":
    """The format of an operand that must hold codes of at most so many bits."""
    found = call.operands[operand]
    if found.format is None:
        raise call.refuse(f"operand {operand} is {found}, not codes; put a quantize before it", Code.DTYPE)
    if found.dtype not in CARRIERS:
        message = f"operand {operand} carries codes in {found.dtype}, which does not hold them exactly"
        raise call.refuse(f"{message}; carry them in {' or '.join(CARRIERS)}", Code.DTYPE)
    return require_integers(call, found.format, widest)


def require_integers(call: Call, name: str, widest: int = 32) -> "Format":
    """A format whose codes are the integers that kernels compute with."""
    found = call.format(name)
    if found.kind == "float" or found.unit != 1.0 or found.bits > widest:
        message = f"values of format {name} are no integers of at most {widest} bits that kernels compute with"
        raise call.refuse(f"{message}; use int8, uint8 or another integer format for values", Code.DTYPE)
    return found


def require_choice(call: Call, name: str, allowed: tuple[str, ...]) -> str:
    """One of the texts that an attribute may be."""
    found = text(call, name)
    if found not in allowed:
        message = f"{name} is {found!r}; give one of {', '.join(map(repr, allowed))}"
        raise call.refuse(message, Code.SCHEMA)
    return found


def require_steps(call: Call, *roles: str) -> None:
    """Scales are single floating-point numbers, zero points single integers; absent ones are fine."""
    for role in roles:
        found = call.tensors.get(role)
        if found is None:
            continue
        wanted = INTEGRAL if role.endswith("zero_point") or "zero_point" in role else CARRIERS
        if found.shape != () or found.dtype not in wanted:
            message = f"the tensor {role} is {found}; give a single number, without axes, in {wanted[-1]}"
            raise call.refuse(message, Code.DTYPE if found.shape == () else Code.SHAPE)


def weight_scale_shape(call: Call, channels: Shape) -> None:
    """The scale of a weight is one number, or one for each output channel."""
    found = call.tensors.get("weight_scale")
    if found is None:
        return
    if found.shape not in {(), channels[:1]}:
        message = f"the tensor weight_scale is {found}; give one number, or one for each of the {channels[0]} channels"
        raise call.refuse(message)
    if found.dtype not in CARRIERS:
        raise call.refuse(f"the tensor weight_scale is {found}; give it in {' or '.join(CARRIERS)}", Code.DTYPE)


def code_bounds(call: Call, name: str, role: str = "output_zero_point") -> tuple[int, int]:
    """The codes that outputs are clamped to: those of the format within the node's own bounds."""
    low, high = call.format(name).code_range(with_zero_point=role in call.tensors)
    least, most = optional_integer(call, "minimum"), optional_integer(call, "maximum")
    bounds = max(low, low if least is None else least), min(high, high if most is None else most)
    if bounds[0] > bounds[1]:
        message = f"minimum {least} and maximum {most} leave no code of {name}, which has {low} to {high}"
        raise call.refuse(message, Code.SCHEMA)
    return bounds


def bounds_of(making: Making, name: str = "output_format") -> tuple[int, int]:
    """The same bounds for a layer that is being made."""
    attributes = making.attributes
    found = making.formats[attributes[name]]
    low, high = found.code_range(with_zero_point="output_zero_point" in making.tensors)
    least, most = attributes.get("minimum"), attributes.get("maximum")
    return max(low, low if least is None else least), min(high, high if most is None else most)


def range_of(making: Making, operand: int = 0) -> tuple[int, int]:
    """The codes that an operand may hold: all of its format, whatever its producer left out."""
    return making.formats[str(making.operands[operand].format)].code_range(with_zero_point=True)


def rescaled_type(call: Call, shape: Shape, dtype: str, widest: int = 16) -> ValueType:
    """The type of requantized codes, once everything that decides them is checked."""
    name = text(call, "output_format")
    require_integers(call, name, widest)
    if "requantize" in call.attributes:
        require_choice(call, "requantize", REQUANTIZATIONS)
    if "step_gradient" in call.attributes:
        require_choice(call, "step_gradient", STEP_GRADIENTS)
    code_bounds(call, name)
    return ValueType(shape, dtype, name)

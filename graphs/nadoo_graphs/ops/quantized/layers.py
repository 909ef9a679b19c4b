"""Linear layers and convolutions over codes, and float layers whose weights alone are kept as codes.

The weight is a master in floating point, so that it trains; its integers are encoded whenever the layer runs.
"""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from nadoo_graphs.errors import Code
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.convolution import LAYERS
from nadoo_graphs.ops.embedding import EMBEDDING
from nadoo_graphs.ops.linear import LINEAR, require_tensor
from nadoo_graphs.ops.op import AttributeRow, Call, Codes, Making, Op, Role
from nadoo_graphs.ops.quantized.codes import (
    ACCUMULATOR,
    BUFFER,
    CARRIERS,
    FOLDED,
    INPUT_ROLES,
    OUTPUT_ZERO_POINT,
    RESCALED,
    STEP_GRADIENT,
    STEP_GRADIENTS,
    WEIGHT_FORMAT,
    WEIGHT_GRADIENT,
    WEIGHT_GRADIENTS,
    require_choice,
    require_codes,
    require_steps,
    rescaled_type,
    weight_scale_shape,
)
from nadoo_graphs.ops.reading import text
from nadoo_graphs.sizes import size_product
from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    from torch import nn

EXACT_FLOAT32 = 1 << 24
WEIGHTS = (Role("weight"), Role("weight_scale", held=BUFFER), Role("bias", optional=True))
STEPS = ("input_scale", "input_zero_point", "output_scale", "output_zero_point")


def require_weights(call: Call) -> None:
    """A master in floating point, and scales that go with it."""
    weight = call.tensors["weight"]
    if weight.dtype not in CARRIERS:
        message = f"the weight is {weight}; it is the master that trains, so give it in {' or '.join(CARRIERS)}"
        raise call.refuse(message, Code.DTYPE)
    weight_scale_shape(call, weight.shape)
    require_choice(call, "weight_gradient", WEIGHT_GRADIENTS)
    require_choice(call, "step_gradient", STEP_GRADIENTS)


def float_types(row: Op, call: Call, dtype: str) -> ValueType:
    """What the float row gives for the same weight and an operand in its dtype."""
    tensors = {role: call.tensors[role] for role in ("weight", "bias") if role in call.tensors}
    operands = (ValueType(call.operand.shape, dtype), *call.operands[1:])
    return row.infer(evolve(call, operands=operands, tensors=tensors))[0]


def infer_layer(row: Op, call: Call) -> tuple[ValueType, ...]:
    """Codes in the shape of the float layer, or its accumulators."""
    require_codes(call)
    require_weights(call)
    require_steps(call, *STEPS)
    weight, name = call.tensors["weight"], text(call, "weight_format")
    if call.format(name).kind == "float":
        message = f"weight_format is {name}, which is no integer; use encoded_{row.name} for floating-point weights"
        raise call.refuse(message, Code.DTYPE)
    found = float_types(row, call, weight.dtype)
    if text(call, "output_format") == ACCUMULATOR:
        return (ValueType(found.shape, accumulator_dtype(call, weight.dtype), ACCUMULATOR),)
    if "output_scale" not in call.tensors:
        raise call.refuse(f"has no output_scale; give it, or output_format {ACCUMULATOR!r} for raw accumulators")
    return (rescaled_type(call, found.shape, weight.dtype),)


def accumulator_dtype(call: Call, dtype: str) -> str:
    """Raw accumulators: refuse what would rescale them, and carry in float64 what might exceed 2**24."""
    given = [role for role in ("output_scale", "output_zero_point") if role in call.tensors]
    bounds = [name for name in ("minimum", "maximum") if call.attributes[name] is not None]
    if given or bounds or call.attributes["requantize"] != "none":
        message = f"output_format {ACCUMULATOR!r} hands out accumulators as they are"
        raise call.refuse(f"{message}; set requantize to 'none' and leave out {', '.join([*given, *bounds]) or 'it'}")
    fan_in = size_product(call.tensors["weight"].shape[1:])
    low, high = call.format(str(call.operand.format)).code_range(with_zero_point=True)
    reach = high - low if "input_zero_point" in call.tensors else max(-low, high)
    largest = call.format(text(call, "weight_format")).largest_integer
    if not isinstance(fan_in, int) or "bias" in call.tensors:
        return "float64"
    return dtype if fan_in * largest * reach <= EXACT_FLOAT32 else "float64"


def make_layer(name: str, making: Making) -> "nn.Module":
    """The layer over codes."""
    from nadoo_graphs.ops.quantized.layers_module import QuantizedLayer

    return QuantizedLayer(name, making)


def infer_encoded(row: Op, call: Call) -> tuple[ValueType, ...]:
    """What the float row gives."""
    require_weights(call)
    if call.format(text(call, "weight_format")).codec is None:
        message = f"weight_format {text(call, 'weight_format')} encodes no numbers; choose another"
        raise call.refuse(message, Code.UNKNOWN)
    return (float_types(row, call, call.operand.dtype),)


def make_encoded(name: str, making: Making) -> "nn.Module":
    """The float layer with encoded weights."""
    from nadoo_graphs.ops.quantized.layers_module import EncodedLayer

    return EncodedLayer(name, making)


def infer_embedding(call: Call) -> tuple[ValueType, ...]:
    """Rows of codes."""
    require_weights(call)
    name, weight = text(call, "weight_format"), call.tensors["weight"]
    if call.tensors["weight_scale"].shape != ():
        raise call.refuse("weight_scale has axes; all rows of codes share one scale, so give a single number")
    found = call.format(name)
    if found.kind == "float" or found.unit != 1.0:
        message = f"weight_format {name} has no integer codes; use encoded_embedding, or an integer format"
        raise call.refuse(message, Code.DTYPE)
    require_tensor(call, "weight", weight, weight.shape, CARRIERS)
    tensors = {"weight": weight}
    return (evolve(EMBEDDING.infer(evolve(call, tensors=tensors))[0], format=name),)


def make_embedding(making: Making) -> "nn.Module":
    """The look-up of codes."""
    from nadoo_graphs.ops.quantized.layers_module import QuantizedEmbedding

    return QuantizedEmbedding(making)


def stored_layer(attributes: Mapping[str, Attribute]) -> Mapping[str, str | None]:
    """Packed weights, biases and multipliers of 32 bits."""
    weight = str(attributes["weight_format"])
    return {**FOLDED, "weight": weight, "weight_scale": "int32", "bias": "int32"}


def stored_encoded(attributes: Mapping[str, Attribute]) -> Mapping[str, str | None]:
    """Packed weights; biases and scales stay floats."""
    return {"weight": str(attributes["weight_format"]), "weight_scale": "float32", "bias": "float32"}


def layer_row(row: Op) -> Op:
    """The row over codes of a float row."""
    return Op(
        name=f"quantized_{row.name}",
        summary=f"{row.name} over codes: sums of weight integers times (q - zero point), and bias, requantized.",
        infer=partial(infer_layer, row),
        layer=partial(make_layer, row.name),
        codes=Codes.READ,
        stored=stored_layer,
        attributes=(*row.attributes, WEIGHT_FORMAT, *RESCALED, WEIGHT_GRADIENT),
        roles=(*WEIGHTS, *INPUT_ROLES, Role("output_scale", optional=True, held=BUFFER), OUTPUT_ZERO_POINT),
        macs=row.macs,
        elementary=row.elementary,
    )


def encoded_row(row: Op) -> Op:
    """A float row whose weights are kept as codes."""
    scale = Role("weight_scale", optional=True, held=BUFFER)
    bias = tuple(role for role in row.roles_of({}) if role.name == "bias")
    return Op(
        name=f"encoded_{row.name}",
        summary=f"{row.name} in floating point with its weight decoded from a number format.",
        infer=partial(infer_encoded, row),
        layer=partial(make_encoded, row.name),
        stored=stored_encoded,
        attributes=(*row.attributes, WEIGHT_FORMAT, WEIGHT_GRADIENT, STEP_GRADIENT),
        roles=(Role("weight"), scale, *bias),
        macs=row.macs,
        elementary=row.elementary,
    )


CONVOLUTIONS = tuple(row for row in LAYERS if row.name in {"conv1d", "conv2d"})
QUANTIZED_EMBEDDING = Op(
    name="quantized_embedding",
    summary="Replaces each index by a row of codes; their scale is that of the weight.",
    infer=infer_embedding,
    layer=make_embedding,
    stored=lambda attributes: {"weight": str(attributes["weight_format"]), "weight_scale": None},
    attributes=(AttributeRow("padding_idx", "int", -1), WEIGHT_FORMAT, WEIGHT_GRADIENT, STEP_GRADIENT),
    roles=(Role("weight"), Role("weight_scale", held=BUFFER)),
)
ROWS = (
    *(layer_row(row) for row in (LINEAR, *CONVOLUTIONS)),
    *(encoded_row(row) for row in (LINEAR, *CONVOLUTIONS, EMBEDDING)),
    QUANTIZED_EMBEDDING,
)

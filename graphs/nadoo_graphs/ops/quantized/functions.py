"""Functions of codes: look-up tables, softmax, and norms of integers."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from nadoo_graphs.errors import Code
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.op import AttributeRow, Call, Codes, Making, Op, Role, per_element
from nadoo_graphs.ops.quantized.codes import (
    BUFFER,
    FOLDED,
    INPUT_ROLES,
    MAXIMUM,
    MINIMUM,
    ONE_TO_ONE,
    OUTPUT_FORMAT,
    OUTPUT_ROLES,
    RESCALED,
    STEP_GRADIENT,
    folded,
    require_codes,
    require_integers,
    require_steps,
    rescaled_type,
)
from nadoo_graphs.ops.reading import axis, integer, integers, number, text
from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    from torch import nn

WIDEST_TABLE = 16
MOST_NORMED = 1 << 14
SETTINGS = AttributeRow("settings", "any", ())
NORM_ATTRIBUTES = (
    AttributeRow("normalized_shape", "ints"),
    AttributeRow("eps", "float", 1e-5),
    AttributeRow("weight_format", "str", "int16"),
    *RESCALED,
)
NORM_ROLES = (
    Role("weight", optional=True),
    Role("weight_scale", optional=True, held=BUFFER),
    Role("bias", optional=True),
    *ONE_TO_ONE,
)


def infer_lookup(call: Call) -> tuple[ValueType, ...]:
    """Codes of the operand's shape."""
    require_codes(call, 0, WIDEST_TABLE)
    require_steps(call, *(role.name for role in ONE_TO_ONE))
    require_function(call)
    return (rescaled_type(call, call.operand.shape, call.tensors["output_scale"].dtype),)


def require_function(call: Call) -> None:
    """An operator of one operand and no tensors, with the attributes that it has."""
    name, settings = text(call, "op"), call.attributes["settings"]
    if name not in call.table:
        raise call.refuse(f"op {name!r} has no row in the table; name an element-wise operator", Code.UNKNOWN)
    row = call.table[name]
    if row.execute is None or row.arity[0] > 1 or row.random or row.roles:
        raise call.refuse(f"op {name!r} is no function of one element; name an element-wise operator", Code.SCHEMA)
    if not is_pairs(settings):
        raise call.refuse(f"settings is {settings!r}; give pairs of attribute names and values", Code.SCHEMA)
    attributes = row.complete({pair[0]: pair[1] for pair in settings})  # type: ignore[index,union-attr]
    problems = row.problems(call.node, attributes)
    if problems:
        raise call.refuse("; ".join(f"{name}: {problem.message}" for problem in problems), Code.SCHEMA)
    source = ValueType(call.operand.shape, "float64")
    inferred = row.infer(Call(call.node, name, (source,), {}, attributes, (), call.ops))
    if tuple(item.shape for item in inferred) != (source.shape,):
        raise call.refuse(f"op {name!r} changes the shape; name an element-wise operator", Code.SCHEMA)


def is_pairs(settings: Attribute) -> bool:
    """Whether an attribute is a tuple of names with values."""
    return isinstance(settings, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in settings
    )


def infer_softmax(call: Call) -> tuple[ValueType, ...]:
    """Codes of the operand's shape."""
    require_codes(call, 0, WIDEST_TABLE)
    require_steps(call, "input_scale", "output_scale", "output_zero_point")
    axis(call, integer(call, "dim"), call.operand.rank)
    return (rescaled_type(call, call.operand.shape, call.tensors["output_scale"].dtype),)


def infer_norm(call: Call) -> tuple[ValueType, ...]:
    """Codes of the operand's shape, whose last axes are the normalized ones."""
    require_codes(call, 0, 8)
    require_steps(call, *(role.name for role in ONE_TO_ONE), "weight_scale")
    require_integers(call, text(call, "weight_format"), 16)
    shape = integers(call, "normalized_shape")
    if not shape or call.operand.shape[-len(shape) :] != shape:
        raise call.refuse(f"normalized_shape is {shape}; give the last sizes of the operand, {call.operand}")
    count = 1
    for size in shape:
        count *= size
    if not 0 < count <= MOST_NORMED:
        raise call.refuse(f"normalizes {count} elements; integers hold 1 to {MOST_NORMED}", Code.LIMIT)
    if not 0 <= number(call, "eps") < float("inf"):
        raise call.refuse(f"eps is {number(call, 'eps')}; give a number of at least 0")
    if ("weight" in call.tensors) != ("weight_scale" in call.tensors):
        raise call.refuse("has only one of weight and weight_scale; give both or none", Code.SCHEMA)
    for role in ("weight", "bias"):
        if role in call.tensors and call.tensors[role].shape != shape:
            raise call.refuse(f"the {role} is {call.tensors[role]}; it must have the shape {shape}")
    return (rescaled_type(call, call.operand.shape, call.tensors["output_scale"].dtype),)


def stored_norm(attributes: Mapping[str, Attribute]) -> Mapping[str, str | None]:
    """Packed weights and biases of 32 bits."""
    return {**FOLDED, "weight": str(attributes["weight_format"]), "weight_scale": None, "bias": "int32"}


def make(kind: str, making: Making) -> "nn.Module":
    """The layer of one of these rows."""
    from nadoo_graphs.ops.quantized.functions_module import LAYERS

    return LAYERS[kind](making)


def norm_row(kind: str, summary: str, work: int) -> Op:
    """A norm over the last axes."""
    return Op(
        name=f"quantized_{kind}",
        summary=summary,
        infer=infer_norm,
        layer=partial(make, kind),
        codes=Codes.READ,
        attributes=NORM_ATTRIBUTES,
        roles=NORM_ROLES,
        stored=stored_norm,
        elementary=per_element(work),
        in_place=(0,),
    )


ROWS = (
    Op(
        name="quantized_lookup",
        summary="Any element-wise operator over codes, as a table with an entry for each.",
        infer=infer_lookup,
        layer=partial(make, "lookup"),
        codes=Codes.READ,
        attributes=(AttributeRow("op", "str"), SETTINGS, OUTPUT_FORMAT, MINIMUM, MAXIMUM, STEP_GRADIENT),
        roles=ONE_TO_ONE,
        stored=folded,
        elementary=per_element(1),
        in_place=(0,),
    ),
    Op(
        name="quantized_softmax",
        summary="A softmax over codes: exponentials from a table, divided by their sum in integers.",
        infer=infer_softmax,
        layer=partial(make, "softmax"),
        codes=Codes.READ,
        attributes=(AttributeRow("dim", "int", -1), OUTPUT_FORMAT, MINIMUM, MAXIMUM, STEP_GRADIENT),
        roles=(INPUT_ROLES[0], *OUTPUT_ROLES),
        stored=folded,
        elementary=per_element(4),
        in_place=(0,),
    ),
    norm_row("layer_norm", "A layer norm of integers, by sums of codes and an integer square root.", 8),
    norm_row("rms_norm", "A root-mean-square norm of integers, by a sum of squares and an integer square root.", 6),
)

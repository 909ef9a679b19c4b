"""From JSON to a plan: every key, kind and name is checked, and everything that is wrong is found at once.

Keys that begin with `x_` are kept and not understood, except `x_origin`, which says what a part was exported from.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from nadoo_graphs.decoding import decode_attribute
from nadoo_graphs.errors import Code
from nadoo_graphs.formats import FormatTable
from nadoo_graphs.parts import Part, shown
from nadoo_graphs.plan.decode_origin import decode_model_origin, decode_origins, decode_tensor_origin
from nadoo_graphs.plan.decode_types import (
    decode_datatype,
    decode_number,
    decode_quantization,
    decode_shape,
    decode_signature,
)
from nadoo_graphs.plan.document import (
    IR,
    Bounds,
    Item,
    Meta,
    PlanBlock,
    PlanInstance,
    PlanLayer,
    PlanModel,
    PlanOperation,
    PlanTensor,
    Scalar,
)
from nadoo_graphs.plan.fields import IDENTIFIER, ORIGIN, identifier, opened, several
from nadoo_graphs.plan.operations import OPERATIONS
from nadoo_graphs.saving.document import decode_bounds
from nadoo_graphs.values import ValueType

SHA256 = re.compile(r"[0-9a-f]{64}")
SIGNATURE = ("input_shape", "input_datatype", "output_shape", "output_datatype")
TYPES = ("Tensor", "Layer", *OPERATIONS)


def decode_model(part: Part, formats: FormatTable) -> PlanModel:
    """The whole document."""
    fields, extra = opened(
        part, ("type", "ir", "name", *SIGNATURE, "blocks"), {"graph": None, "meta": {}, ORIGIN: None}
    )
    fields["type"].choice(("Model",))
    fields["ir"].choice((IR,))
    graph, origin = fields["graph"], fields[ORIGIN]
    return PlanModel(
        name=fields["name"].text(),
        signature=decode_signature(part, fields, formats),
        blocks=tuple(decode_block(item, formats) for item in fields["blocks"].items()),
        instances=None if graph.nothing() else tuple(decode_instance(item) for item in graph.items()),
        meta=decode_meta(fields["meta"]),
        origin=None if origin.nothing() else decode_model_origin(origin),
        extra=extra,
    )


def decode_meta(part: Part) -> Meta:
    """What holds for the whole document."""
    fields, extra = opened(part, (), {"symbols": {}, "allow_nonfinite": False})
    return Meta(decode_symbols(fields["symbols"]), fields["allow_nonfinite"].flag(), extra)


def decode_symbols(part: Part) -> dict[str, Bounds]:
    """The declared symbols and their bounds."""
    members = part.members()
    for name, item in members.items():
        if not IDENTIFIER.fullmatch(name):
            item.refuse(f"{shown(name)} is no symbol; use letters, digits and _, a letter first", Code.SYMBOL)
    return {name: decode_bounds(item) for name, item in members.items()}


def decode_instance(part: Part) -> PlanInstance:
    """One use of a block."""
    fields, extra = opened(part, ("block", "as", "inputs", "outputs"))
    return PlanInstance(
        block=fields["block"].name(),
        name=identifier(fields["as"]),
        inputs=tuple(item.name() for item in fields["inputs"].items()),
        outputs=tuple(identifier(item) for item in fields["outputs"].items()),
        extra=extra,
    )


def decode_block(part: Part, formats: FormatTable) -> PlanBlock:
    """A block with its items in order."""
    part.title = title_of(part)
    fields, extra = opened(part, ("type", "name", *SIGNATURE, "layers"))
    fields["type"].choice(("Block",))
    return PlanBlock(
        name=fields["name"].name(),
        signature=decode_signature(part, fields, formats),
        items=tuple(decode_item(item, formats) for item in fields["layers"].items()),
        extra=extra,
    )


def title_of(part: Part) -> str:
    """What a person calls a part: its name, where it has one."""
    name: Any = cast("dict[str, Any]", part.value).get("name") if isinstance(part.value, dict) else ""
    return name if isinstance(name, str) else ""


def decode_item(part: Part, formats: FormatTable) -> Item:
    """One line of a block."""
    part.title = title_of(part)
    given = part.mapping().get("type")
    if given == "Tensor":
        return decode_tensor(part, formats)
    if given == "Layer":
        return decode_layer(part)
    return decode_operation(part)


def decode_tensor(part: Part, formats: FormatTable) -> PlanTensor:
    """A constant."""
    optional = {"offset": 0, "length": None, "sha256": None, "layout": "C", "quant": None, ORIGIN: None}
    fields, extra = opened(part, ("type", "name", "shape", "datatype", "data"), optional)
    fields["layout"].choice(("C",))
    length, sha256, quant, origin = (fields[key] for key in ("length", "sha256", "quant", ORIGIN))
    return PlanTensor(
        name=identifier(fields["name"]),
        type=decode_constant_type(fields, formats),
        data=fields["data"].text(),
        offset=fields["offset"].integer(0),
        length=None if length.nothing() else length.integer(0),
        sha256=None if sha256.nothing() else decode_hash(sha256),
        quantization=None if quant.nothing() else decode_quantization(quant),
        origin=None if origin.nothing() else decode_tensor_origin(origin),
        extra=extra,
    )


def decode_constant_type(fields: Mapping[str, Part], formats: FormatTable) -> ValueType:
    """The type of a constant, whose sizes are numbers."""
    found = decode_datatype(fields["datatype"], formats, quantized=not fields["quant"].nothing())
    return decode_shape(fields["shape"], *found, constant=True)


def decode_hash(part: Part) -> str:
    """A sha256 in the one way that it is written."""
    digest = part.text()
    if not SHA256.fullmatch(digest):
        part.refuse("must be 64 hexadecimal digits in lower case")
    return digest


def decode_layer(part: Part) -> PlanLayer:
    """A layer; without `params` all have their defaults, and without `weights` there are none."""
    optional: dict[str, Any] = {"params": {}, "weights": {}, ORIGIN: None}
    fields, extra = opened(part, ("type", "name", "tensor_input", "tensor_output"), optional)
    return PlanLayer(
        name=fields["name"].name(),
        params={name: decode_attribute(item) for name, item in fields["params"].members().items()},
        weights={role: identifier(item) for role, item in fields["weights"].members().items()},
        inputs=tuple(identifier(item) for item in several(fields["tensor_input"])),
        outputs=tuple(identifier(item) for item in several(fields["tensor_output"])),
        origins=decode_origins(fields[ORIGIN]),
        extra=extra,
    )


def decode_operation(part: Part) -> PlanOperation:
    """Arithmetic; a minus with one operand is a negation, as the first plans wrote it."""
    fields, extra = opened(part, ("type", "tensor_input", "tensor_output"), {"exponent": None, ORIGIN: None})
    kind = fields["type"].choice(TYPES)
    inputs = tuple(decode_operand(item) for item in several(fields["tensor_input"]))
    if (kind == "^") == fields["exponent"].nothing():
        fields["exponent"].refuse("is what '^' needs and no other operation has; give it or leave it out")
    return PlanOperation(
        type="neg" if kind == "-" and len(inputs) == 1 else kind,
        inputs=inputs,
        output=identifier(several(fields["tensor_output"])[0]) if has_one(fields["tensor_output"]) else "",
        exponent=None if fields["exponent"].nothing() else decode_number(fields["exponent"]),
        origins=decode_origins(fields[ORIGIN]),
        extra=extra,
    )


def has_one(part: Part) -> bool:
    """Whether exactly one output is named."""
    if len(several(part)) == 1:
        return True
    part.refuse("must be one name; an operation has one result")
    return False


def decode_operand(part: Part) -> str | Scalar:
    """The name of a value, or a number."""
    if not isinstance(part.value, dict):
        return identifier(part)
    constant = part.fields(("const",))["const"]
    return Scalar(decode_number(constant))

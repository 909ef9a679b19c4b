"""The JSON Schema of options, from the same fields that are read, so that editors complete and check recipes."""

import inspect
import types
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from nadoo_core.options.bounds import Bounds
from nadoo_core.options.describing import LISTS, TABLES, unwrapped
from nadoo_core.options.fields import OptionField, option_fields
from nadoo_core.options.place import Place
from nadoo_core.options.units import Unit
from nadoo_core.options.writing import unstructure

PLAIN = {bool: "boolean", str: "string", Path: "string", type(None): "null"}


def json_schema(annotation: Any, bounds: Bounds | None = None) -> dict[str, Any]:
    """The schema of a class or of any other annotation that an option may have."""
    annotation, place = unwrapped(annotation, Place("", bounds=bounds or Bounds()))
    origin = get_origin(annotation) or annotation
    if origin in PLAIN:
        return {"type": PLAIN[origin], **length_limits(origin, place.bounds)}
    if origin in {int, float}:
        return number_schema(origin, place)
    if origin in {Union, types.UnionType}:
        return {"anyOf": [json_schema(member, place.bounds) for member in get_args(annotation)]}
    if origin is Literal:
        return {"enum": list(get_args(annotation))}
    return made_of_others(annotation, origin, place.bounds)


def made_of_others(annotation: Any, origin: Any, bounds: Bounds) -> dict[str, Any]:
    """The schema of what is not a single value."""
    if origin in LISTS:
        return list_schema(annotation, bounds)
    if origin in TABLES:
        held = (get_args(annotation) or (str, Any))[1]
        return {"type": "object", "additionalProperties": json_schema(held, bounds.without_lengths())}
    if hasattr(origin, "option_schema"):
        return origin.option_schema(get_args(annotation))
    if isinstance(origin, type) and issubclass(origin, Enum):
        return {"enum": [member.value for member in origin]}
    return class_schema(origin) if isinstance(origin, type) and attrs.has(origin) else {}


def number_schema(kind: type, place: Place) -> dict[str, Any]:
    """A number with its limits, or a text with a unit."""
    limits = {
        "minimum": place.bounds.minimum,
        "maximum": place.bounds.maximum,
        "exclusiveMinimum": place.bounds.above,
        "exclusiveMaximum": place.bounds.below,
    }
    given = {name: limit for name, limit in limits.items() if limit is not None}
    number = {"type": "integer" if kind is int else "number", **given}
    return number if place.unit is None else {"anyOf": [number, text_schema(place.unit)]}


def text_schema(unit: Unit) -> dict[str, Any]:
    """The texts that stand for a number with a unit."""
    return {"type": "string", "pattern": unit.pattern}


def length_limits(origin: Any, bounds: Bounds) -> dict[str, int]:
    """How long a text may be."""
    limits = {"minLength": bounds.min_length, "maxLength": bounds.max_length} if origin is str else {}
    return {name: limit for name, limit in limits.items() if limit is not None}


def list_schema(annotation: Any, bounds: Bounds) -> dict[str, Any]:
    """A list, with one schema for all items or one for each."""
    arguments, inner = get_args(annotation), bounds.without_lengths()
    if get_origin(annotation) is tuple and arguments and arguments[-1] is not Ellipsis:
        items = [json_schema(item, inner) for item in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    limits = {"minItems": bounds.min_length, "maxItems": bounds.max_length}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return {"type": "array", "items": json_schema(arguments[0], inner) if arguments else {}, **given}


def class_schema(cls: type) -> dict[str, Any]:
    """An object with the fields of a class and nothing else."""
    fields = option_fields(cls)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {item.key: field_schema(item) for item in fields},
        "additionalProperties": False,
    }
    required = [item.key for item in fields if item.required]
    summary = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
    return {**({"description": summary} if summary else {}), **schema, **({"required": required} if required else {})}


def field_schema(item: OptionField) -> dict[str, Any]:
    """One field with its help and default."""
    schema = json_schema(item.annotation, item.bounds)
    if item.help:
        schema["description"] = item.help
    if not item.required:
        schema["default"] = unstructure(item.default_value())
    return schema

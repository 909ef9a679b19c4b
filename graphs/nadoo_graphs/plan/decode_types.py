"""Reading the types of a plan: sizes that are positive, datatypes that are known, one or several."""

from collections.abc import Mapping

from nadoo_graphs.decoding import bounded, decode_float, decode_size
from nadoo_graphs.errors import Code
from nadoo_graphs.formats import FormatTable
from nadoo_graphs.parts import HIGHEST, LOWEST, Part, shown
from nadoo_graphs.plan.datatypes import PACKINGS, SCHEMES, resolve_datatype
from nadoo_graphs.plan.document import Number, Quantization, Signature
from nadoo_graphs.plan.fields import opened
from nadoo_graphs.sizes import Size
from nadoo_graphs.values import ELEMENT_BITS, ValueType

MOST_AXES = 64
QUANT = ("scheme", "scale", "zero_point", "axis", "bits")
ORDINARY = ValueType((), "float32")


def decode_signature(part: Part, fields: Mapping[str, Part], formats: FormatTable) -> Signature:
    """What goes in and what comes out of a model or a block."""
    sides = [decode_side(fields[f"{side}_shape"], fields[f"{side}_datatype"], formats) for side in ("input", "output")]
    return Signature(*sides)


def decode_side(shapes: Part, datatypes: Part, formats: FormatTable) -> tuple[ValueType, ...]:
    """One shape with a text, or as many shapes as datatypes in arrays; one in an array is written without it."""
    if isinstance(datatypes.value, str):
        return (decode_value_type(shapes, datatypes, formats),)
    names, sizes = datatypes.items(), shapes.items()
    if isinstance(datatypes.value, list) and len(names) == 1:
        datatypes.refuse("holds one datatype; write one as a text, and its shape as one array")
    elif len(names) != len(sizes):
        shapes.refuse(f"holds {len(sizes)} shapes for {len(names)} datatypes; give as many of both")
    return tuple(decode_value_type(shape, name, formats) for shape, name in zip(sizes, names, strict=False))


def decode_value_type(shape: Part, datatype: Part, formats: FormatTable) -> ValueType:
    """The type of one value."""
    return decode_shape(shape, *decode_datatype(datatype, formats))


def decode_datatype(part: Part, formats: FormatTable, *, quantized: bool = False) -> tuple[str, str | None]:
    """The dtype and the number format that a datatype stands for."""
    name = part.text()
    found = resolve_datatype(name, formats, quantized=quantized)
    if found is None and isinstance(part.value, str):
        allowed = ", ".join(dict.fromkeys((*ELEMENT_BITS, *formats.names)))
        part.refuse(f"is {shown(name)}; allowed: {allowed}")
    return found or ("float32", None)


def decode_shape(part: Part, dtype: str, form: str | None, *, constant: bool = False) -> ValueType:
    """The type with the shape that stands here; the sizes of a constant are numbers."""
    items = part.items()
    if len(items) > MOST_AXES:
        part.refuse(f"has {len(items)} axes; at most {MOST_AXES} are read", Code.LIMIT)
        return ORDINARY
    sizes = tuple(item.integer(0) if constant else decode_size(item) for item in items)
    for item, size in zip(items, sizes, strict=True):
        refuse_empty(item, size)
    return bounded(part, ValueType(sizes, dtype, form))


def refuse_empty(part: Part, size: Size) -> None:
    """A plan holds no value without elements."""
    if size == 0 and part.value == 0:
        part.refuse("is 0; a size in a plan is positive or a symbol")


def decode_number(part: Part) -> Number:
    """An integer or a float; true is neither."""
    if isinstance(part.value, float):
        return decode_float(part)
    if type(part.value) is int:
        return part.integer(LOWEST, HIGHEST)
    part.expected("a number")
    return 0


def decode_quantization(part: Part) -> Quantization:
    """What the codes of a tensor mean."""
    fields, extra = opened(part, QUANT, {"levels": None, "packing": None})
    levels, packing, axis = (fields[key] for key in ("levels", "packing", "axis"))
    return Quantization(
        scheme=fields["scheme"].choice(SCHEMES),
        scale=decode_numbers(fields["scale"]),
        zero_point=decode_integers(fields["zero_point"]),
        axis=None if axis.nothing() else axis.integer(),
        bits=decode_number(fields["bits"]),
        levels=None if levels.nothing() else tuple(decode_number(item) for item in levels.items()),
        packing=None if packing.nothing() else packing.choice(PACKINGS),
        extra=extra,
    )


def decode_numbers(part: Part) -> Number | tuple[Number, ...]:
    """One number, or one for each channel."""
    if isinstance(part.value, list):
        return tuple(decode_number(item) for item in part.items())
    return decode_number(part)


def decode_integers(part: Part) -> int | tuple[int, ...]:
    """One integer, or one for each channel."""
    return tuple(item.integer() for item in part.items()) if isinstance(part.value, list) else part.integer()

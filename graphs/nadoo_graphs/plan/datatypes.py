"""How the datatypes of a plan relate to the dtypes and number formats of a graph.

A datatype is a dtype, or a number format below eight bits by its canonical name. Where a name is both, as int8 is,
the key `quant` says that the format is meant.
"""

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.formats import (
    DigitPacking,
    Format,
    FormatTable,
    PlainPacking,
    StreamPacking,
    TritPacking,
    WordPacking,
)
from nadoo_graphs.plan.document import Number, Quantization
from nadoo_graphs.values import ELEMENT_BITS, ValueType

SCHEMES = ("none", "sym", "affine", "codebook")
TRIT_WORDS = {"uint16": "base3_16", "uint32": "base3_32"}
PACKINGS = ("msb32", "base3_16", "base3_32", "dense", "digits32")


def datatype_of(value: ValueType) -> str:
    """The datatype that a type is written with."""
    return value.format or value.dtype


def resolve_datatype(name: str, formats: FormatTable, *, quantized: bool) -> tuple[str, str | None] | None:
    """The dtype and the format that a datatype stands for; None for a name that is neither."""
    if name in ELEMENT_BITS and not quantized:
        return name, None
    return (formats[name].carrier, name) if name in formats.names else None


def packing_of(form: Format) -> str | None:
    """The name of a format's packing; None where the elements are stored one by one."""
    packing = form.packing
    if isinstance(packing, PlainPacking):
        return None
    if isinstance(packing, TritPacking):
        return TRIT_WORDS[packing.word]
    kinds = {WordPacking: "msb32", StreamPacking: "dense", DigitPacking: "digits32"}
    return next((name for kind, name in kinds.items() if isinstance(packing, kind)), None)


def width_of(form: Format) -> Number:
    """The bits of a code, as an integer where they are one."""
    return int(form.bits) if form.bits.denominator == 1 else float(form.bits)


def codes_only(form: Format) -> Quantization:
    """What is known of a tensor that holds codes: how they lie in the file, and no scale."""
    return Quantization("none", 1.0, 0, None, width_of(form), packing=packing_of(form))


def quantization_problems(where: str, value: ValueType, quant: Quantization, formats: FormatTable) -> list[Problem]:
    """A packing or a width that is not the datatype's, or a scale that no layer of the library reads."""
    if value.format is None:
        return []
    form = formats[value.format]
    found: list[Problem] = []
    if quant.bits != width_of(form):
        message = f"quant.bits is {quant.bits}, but codes of {value.format!r} have {width_of(form)}; give that"
        found.append(Problem(Code.SCHEMA, where, message))
    if quant.packing not in {None, packing_of(form)}:
        message = f"quant.packing is {quant.packing!r}, but {value.format!r} is packed as {packing_of(form)!r}"
        found.append(Problem(Code.SCHEMA, where, f"{message}; give that or leave it out"))
    if quant.scheme != "none":
        message = f"quant.scheme is {quant.scheme!r}, but no layer of the library computes with scaled codes"
        found.append(Problem(Code.UNKNOWN, where, f"{message}; store the real values, or give the codes with 'none'"))
    return found

"""Precisions: the names under which devices publish rates, and the one that a value of a graph is computed in."""

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from nadoo_graphs.values import ELEMENT_BITS, ValueType

if TYPE_CHECKING:
    from nadoo_graphs.formats import FormatTable

Precision: TypeAlias = Literal[
    "float64", "float32", "tf32", "float16", "bfloat16", "float8",
    "int32", "int16", "int8", "int4", "int2", "int1", "ternary", "2bitsym", "4bitsym", "fp130",
]  # fmt: skip
PRECISIONS: tuple[str, ...] = get_args(Precision)
SEARCHED = ("float32", "float16", "int8", "int4", "int2")
"""What a mixed-precision search chooses from, the widest first."""


def precision_of(kind: ValueType) -> str:
    """The precision of a value: its format, unsigned ones as their signed kin, else its dtype."""
    name = kind.format or kind.dtype
    name = name.removeprefix("u") if name.startswith("uint") else name
    return "int8" if name == "bool" else name


def precision_bits(name: str, formats: "FormatTable | None" = None) -> float | None:
    """The bits of one number in a precision; None where neither the table of formats nor a device knows it."""
    special = {"tf32": 32.0, "float8": 8.0}
    if name in special:
        return special[name]
    if name in ELEMENT_BITS:
        return float(ELEMENT_BITS[name])
    from nadoo_graphs.formats import standard_formats

    table = formats if formats is not None else standard_formats()
    return float(table[name].bits) if name in table else None

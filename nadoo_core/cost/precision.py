"""Precisions: the names under which devices publish rates, and the one that a value of a graph is computed in."""

from typing import Literal, TypeAlias, get_args

from nadoo_graphs.values import ELEMENT_BITS, ValueType

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


def precision_bits(name: str) -> float:
    """The bits of one number in a precision; unknown names are refused by the table of formats."""
    if name in ELEMENT_BITS:
        return float(ELEMENT_BITS[name])
    special = {"tf32": 32.0, "float8": 8.0}
    if name in special:
        return special[name]
    from nadoo_graphs.formats import standard_formats

    return float(standard_formats()[name].bits)

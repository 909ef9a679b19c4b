"""Attributes as inference reads them: typed, and axes counted from the front.

A row has checked the kinds of its attributes before inference sees them, so reading is a cast and never a
conversion.
"""

from collections.abc import Iterable
from typing import TypeAlias, cast

from nadoo_graphs.ops.op import Call
from nadoo_graphs.sizes import Shape, Size

Number: TypeAlias = bool | int | float


def integer(call: Call, name: str) -> int:
    """An attribute of kind "int"."""
    return cast(int, call.attributes[name])


def integers(call: Call, name: str) -> tuple[int, ...]:
    """An attribute of kind "ints"."""
    return cast(tuple[int, ...], call.attributes[name])


def optional_integer(call: Call, name: str) -> int | None:
    """An attribute of kind "int" that may be None."""
    return cast(int | None, call.attributes[name])


def optional_integers(call: Call, name: str) -> tuple[int, ...] | None:
    """An attribute of kind "ints" that may be None."""
    return cast(tuple[int, ...] | None, call.attributes[name])


def size(call: Call, name: str) -> Size:
    """An attribute of kind "size"."""
    return cast(Size, call.attributes[name])


def sizes(call: Call, name: str) -> Shape:
    """An attribute of kind "sizes"."""
    return cast(Shape, call.attributes[name])


def number(call: Call, name: str) -> Number:
    """An attribute of kind "number" or "float"."""
    return cast(Number, call.attributes[name])


def optional_number(call: Call, name: str) -> Number | None:
    """An attribute of kind "number" or "float" that may be None."""
    return cast(Number | None, call.attributes[name])


def flag(call: Call, name: str) -> bool:
    """An attribute of kind "bool"."""
    return cast(bool, call.attributes[name])


def text(call: Call, name: str) -> str:
    """An attribute of kind "str" or "dtype"."""
    return cast(str, call.attributes[name])


def optional_text(call: Call, name: str) -> str | None:
    """An attribute of kind "str" or "dtype" that may be None."""
    return cast(str | None, call.attributes[name])


def axis(call: Call, dim: int, rank: int) -> int:
    """The axis `dim` counted from the front; a value without axes is counted as having one, as torch does."""
    allowed = max(rank, 1)
    if not -allowed <= dim < allowed:
        raise call.refuse(f"dim is {dim}, but the operand has {rank} axes; give -{allowed} to {allowed - 1}")
    return dim % allowed


def axes(call: Call, dims: Iterable[int], rank: int) -> tuple[int, ...]:
    """Several axes counted from the front; none may be named twice."""
    found = tuple(axis(call, dim, rank) for dim in dims)
    if len(set(found)) != len(found):
        raise call.refuse(f"dim {tuple(dims)!r} names an axis twice; name each axis once")
    return found

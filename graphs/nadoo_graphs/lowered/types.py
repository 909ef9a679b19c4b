"""The kinds of numbers of a lowered program: what lies in memory, and what arithmetic is done in.

Memory holds eight kinds. Arithmetic knows i32, u32, i64, f32, f64 and truth values: bytes and halves widen to i32
when they are read, as C promotes them, so a kernel never computes in less than 32 bits. Doubles are only passed
through where codes begin and end, because scales are read with 53 bits there.
"""

from enum import StrEnum

import numpy as np

from nadoo_graphs.errors import Code
from nadoo_graphs.lowered.errors import refused


class Kind(StrEnum):
    """A kind of number; `BOOL` is the answer of a comparison and never lies in memory."""

    I8 = "i8"
    U8 = "u8"
    I16 = "i16"
    U16 = "u16"
    I32 = "i32"
    U32 = "u32"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    BOOL = "bool"

    @property
    def bytes(self) -> int:
        """The bytes of one element."""
        return BYTES[self]

    @property
    def computed(self) -> "Kind":
        """The kind that a value has once it is read."""
        return Kind.I32 if self in NARROW else self

    @property
    def floating(self) -> bool:
        """Whether numbers of this kind have fractions."""
        return self in (Kind.F32, Kind.F64)

    @property
    def c(self) -> str:
        """The name in C."""
        return C_NAMES[self]

    @property
    def numpy(self) -> "np.dtype[np.generic]":
        """How NumPy holds elements of this kind in memory."""
        return np.dtype(NUMPY_NAMES[self])

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest integer of this kind."""
        if self.floating:
            raise refused(Code.DTYPE, self.value, "has no integer bounds; ask this of integer kinds only")
        bits = 8 * self.bytes
        return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if self.value.startswith("i") else (0, (1 << bits) - 1)


BYTES = {"i8": 1, "u8": 1, "i16": 2, "u16": 2, "i32": 4, "u32": 4, "i64": 8, "f32": 4, "f64": 8, "bool": 1}
NARROW = frozenset({Kind.I8, Kind.U8, Kind.I16, Kind.U16})
C_NAMES = {
    "i8": "int8_t", "u8": "uint8_t", "i16": "int16_t", "u16": "uint16_t", "i32": "int32_t", "u32": "uint32_t",
    "i64": "int64_t", "f32": "float", "f64": "double", "bool": "int",
}  # fmt: skip
NUMPY_NAMES = {
    "i8": "int8", "u8": "uint8", "i16": "int16", "u16": "uint16", "i32": "int32", "u32": "uint32",
    "i64": "int64", "f32": "float32", "f64": "float64", "bool": "bool",
}  # fmt: skip
OF_DTYPES = {name: Kind(kind) for kind, name in NUMPY_NAMES.items() if kind not in ("bool", "f64")} | {"bool": Kind.U8}
SIGNED = {8: Kind.I8, 16: Kind.I16, 32: Kind.I32}
UNSIGNED = {8: Kind.U8, 16: Kind.U16, 32: Kind.U32}


def kind_of_dtype(dtype: str, where: str) -> Kind:
    """The kind that a dtype of torch lies in memory as."""
    if dtype in OF_DTYPES:
        return OF_DTYPES[dtype]
    message = f"holds {dtype}, which lowered programs lack; they know {', '.join(sorted(OF_DTYPES))}"
    raise refused(Code.DTYPE, where, f"{message}: bring the model to float32, or quantize it")


def kind_of_range(low: int, high: int) -> Kind:
    """The narrowest kind that holds all integers from low to high."""
    kinds = (Kind.I8, Kind.U8, Kind.I16, Kind.U16, Kind.I32, Kind.U32, Kind.I64)
    return next(kind for kind in kinds if kind.bounds[0] <= low and high <= kind.bounds[1])

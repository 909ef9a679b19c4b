"""A tensor as it lies in a data file: as it is, packed by its number format, or as pairs of real numbers.

What is stored follows from the type alone, so a loader knows the length of every tensor before it reads one.
"""

import math
from typing import TypeAlias

import numpy as np
import torch
from attrs import frozen

from nadoo_graphs.errors import Code, FormatError, Problem
from nadoo_graphs.formats import Format, FormatTable, PlainPacking
from nadoo_graphs.formats.checks import rows_and_columns
from nadoo_graphs.tensors import torch_dtype
from nadoo_graphs.values import ELEMENT_BITS, ValueType

Layout: TypeAlias = tuple[str, tuple[int, ...]]
WITHOUT_NAME = "complex128"
"""The one dtype that safetensors has no name for."""


@frozen
class StoredTensor:
    """One tensor of a data file: its name, what it is in the graph, and the sha256 of what is stored."""

    name: str
    type: ValueType
    sha256: str

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, which no tensor has with symbols."""
        return tuple(size for size in self.type.shape if isinstance(size, int))


def packed_format(value: ValueType, formats: FormatTable) -> Format | None:
    """The format by which a tensor is packed; None where its elements are stored one by one."""
    if value.format is None:
        return None
    found = formats[value.format]
    if value.dtype != found.carrier:
        message = f"the tensor is {value.dtype}, but codes of this format are held as {found.carrier}"
        raise FormatError(Problem(Code.DTYPE, f"format {value.format!r}", message))
    return None if isinstance(found.packing, PlainPacking) else found


def layout(value: ValueType, formats: FormatTable) -> Layout:
    """The dtype and shape under which a tensor of a type is stored."""
    shape = tuple(size for size in value.shape if isinstance(size, int))
    form = packed_format(value, formats)
    if form is not None:
        rows, _ = rows_and_columns(shape)
        return "uint8", (rows, form.packed_bytes(shape) // rows if rows else 0)
    return ("float64", (*shape, 2)) if value.dtype == WITHOUT_NAME else (value.dtype, shape)


def is_stored_plainly(value: ValueType, formats: FormatTable) -> bool:
    """Whether what is stored is the tensor itself, so that both have the same hash."""
    return packed_format(value, formats) is None and value.dtype != WITHOUT_NAME


def layout_bytes(dtype: str, shape: tuple[int, ...]) -> int:
    """How many bytes a stored tensor takes."""
    return math.prod(shape) * ELEMENT_BITS[dtype] // 8


def to_stored(value: torch.Tensor, declared: ValueType, formats: FormatTable) -> torch.Tensor:
    """The tensor that is written, with memory of its own order."""
    form = packed_format(declared, formats)
    if form is not None:
        words = form.pack(value)
        octets = words.astype(words.dtype.newbyteorder("<")).view(np.uint8)
        return torch.from_numpy(octets.reshape(layout(declared, formats)[1]))
    plain = value.detach().resolve_conj().resolve_neg().contiguous()
    return torch.view_as_real(plain) if declared.dtype == WITHOUT_NAME else plain


def from_stored(stored: torch.Tensor, declared: ValueType, formats: FormatTable) -> torch.Tensor:
    """The tensor of the graph from what was read."""
    form = packed_format(declared, formats)
    shape = tuple(size for size in declared.shape if isinstance(size, int))
    if form is not None:
        words = stored.numpy().view(np.dtype(form.packing.word).newbyteorder("<"))
        return form.unpack(words.astype(form.packing.word), shape)
    return torch.view_as_complex(stored) if declared.dtype == WITHOUT_NAME else stored


def is_finite(value: torch.Tensor) -> bool:
    """Whether no element is NaN or infinite: the extremes say it in one pass."""
    if not value.numel() or not (value.is_floating_point() or value.is_complex()):
        return True
    lowest, highest = torch.view_as_real(value).aminmax() if value.is_complex() else value.aminmax()
    return bool(torch.isfinite(lowest) & torch.isfinite(highest))


def is_canonical_bool(value: torch.Tensor) -> bool:
    """Whether every boolean is stored as 0 or 1; any other byte makes torch compute nonsense."""
    return value.dtype != torch.bool or not value.numel() or int(value.view(torch.uint8).max()) <= 1


def empty(dtype: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A tensor without elements, which no memory stands for."""
    return torch.empty(shape, dtype=torch_dtype(dtype))


__all__ = [
    "StoredTensor",
    "empty",
    "from_stored",
    "is_canonical_bool",
    "is_finite",
    "is_stored_plainly",
    "layout",
    "layout_bytes",
    "to_stored",
]

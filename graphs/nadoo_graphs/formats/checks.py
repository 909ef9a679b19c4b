"""Guards that several parts of the formats share, so that each refusal reads the same wherever it happens."""

from collections.abc import Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from nadoo_graphs.errors import Code, DegenerateTensorError, FormatError, NonFiniteError, Problem

Array: TypeAlias = NDArray[Any]
Scale: TypeAlias = float | torch.Tensor
ZeroPoint: TypeAlias = int | torch.Tensor


def refusal(code: Code, where: str, message: str) -> FormatError:
    """The error for one thing that a format cannot take."""
    return FormatError(Problem(code, where, message))


def rows_and_columns(shape: Sequence[int]) -> tuple[int, int]:
    """The matrix that packing sees: the first axis gives the rows, a vector or a scalar is a single row."""
    if any(size < 0 for size in shape):
        raise refusal(Code.SHAPE, "shape", f"{tuple(shape)} has a negative size; sizes are 0 or more")
    if len(shape) < 2:
        return 1, prod(shape)
    return shape[0], prod(shape[1:])


def require_matrix(codes: Array, dtype: str, where: str) -> None:
    """Packing takes rows of codes in the carrier's dtype: a silent cast is how negative codes get lost."""
    if codes.dtype != np.dtype(dtype):
        message = f"the codes are {codes.dtype}, but {where} packs {dtype}"
        raise refusal(Code.DTYPE, where, f"{message}; encode values, or check the range of codes and convert them")
    if codes.ndim != 2:
        message = f"the codes have shape {codes.shape}; packing takes two axes, rows and columns: reshape them"
        raise refusal(Code.SHAPE, where, message)


def require_words(words: Array, word: str, per_row: int, columns: int, where: str) -> None:
    """Unpacking takes exactly the words that the row length asks for."""
    if columns < 0:
        raise refusal(Code.SHAPE, where, f"a row of {columns} codes was asked for; lengths are 0 or more")
    if words.dtype != np.dtype(word):
        raise refusal(Code.DTYPE, where, f"the packed data is {words.dtype}; {where} is packed as {word}")
    if words.ndim != 2 or words.shape[1] != per_row:
        expected = f"(rows, {per_row})"
        message = f"the packed data has shape {words.shape}; {columns} codes a row are packed as {expected}"
        raise refusal(Code.SHAPE, where, f"{message}: check the length of a row and the format")


def require_reals(values: torch.Tensor, where: str) -> None:
    """Only real numbers can be encoded; integers are codes already."""
    if not values.is_floating_point():
        message = f"the values are {values.dtype}; encoding takes real numbers: convert them to float32"
        raise refusal(Code.DTYPE, where, message)


def require_finite(values: torch.Tensor, where: str) -> None:
    """A NaN that is quietly turned into a number is never found again, so it stops here."""
    if bool(torch.isfinite(values.detach().sum())):
        return
    count = values.numel() - int(torch.isfinite(values).sum())
    if count:
        message = f"{count} of {values.numel()} elements are NaN or infinite; find where they arise"
        raise NonFiniteError(Problem(Code.NONFINITE, where, message))


def require_levels(values: torch.Tensor, name: str, where: str) -> None:
    """A code book without a zero turns all zeros into noise."""
    if values.numel() and not bool(values.any()):
        message = f"all {values.numel()} elements are zero, and {name} has no zero"
        advice = "choose a format with one, such as ternary, int4 or int8, or allow degenerate tensors"
        raise DegenerateTensorError(Problem(Code.DATA, where, f"{message}; {advice}"))


def require_scale(scale: Scale, values: torch.Tensor, where: str) -> None:
    """A scale is finite, positive, and either one number or laid out along the axes of the values."""
    steps = torch.as_tensor(scale, dtype=torch.float64)
    if not bool(((steps > 0) & torch.isfinite(steps)).all()):
        message = f"the scale is {scale}; it must be finite and greater than 0"
        raise refusal(Code.DATA, where, f"{message}: give an all-zero tensor the scale 1")
    require_layout("scale", steps.shape, values, where)


def require_zero_point(zero_point: ZeroPoint, low: int, high: int, values: torch.Tensor, where: str) -> None:
    """Real zero must be a code of the format, else padding and ReLU are no longer exact."""
    points = torch.as_tensor(zero_point)
    if points.is_floating_point() or points.dtype == torch.bool:
        message = f"the zero point is {points.dtype}; it must be an integer from {low} to {high}"
        raise refusal(Code.DTYPE, where, message)
    if not bool(((points >= low) & (points <= high)).all()):
        raise refusal(Code.DATA, where, f"the zero point is {zero_point}; it must be from {low} to {high}")
    require_layout("zero point", points.shape, values, where)


def require_layout(noun: str, shape: Sequence[int], values: torch.Tensor, where: str) -> None:
    """A scale of shape [out] would broadcast along the input axis of a weight: it must have all axes."""
    if not shape:
        return
    fits = len(shape) == values.ndim and all(
        size in (1, extent) for size, extent in zip(shape, values.shape, strict=True)
    )
    if not fits:
        message = f"the {noun} has shape {tuple(shape)} for values of shape {tuple(values.shape)}"
        raise refusal(Code.SHAPE, where, f"{message}; give one number, or all axes, of size 1 or full size")

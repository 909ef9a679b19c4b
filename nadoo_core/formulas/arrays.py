"""The door through which arrays enter a formula: float64, finite, and not empty where a statistic is asked.

Anything that NumPy understands is taken, a detached torch tensor on the processor too, without importing torch.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nadoo_core.formulas.errors import FormulaError
from nadoo_graphs.errors import Code, EmptyTensorError, NonFiniteError, Problem

Reals: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

NUMBER_KINDS = "biuf"
"""NumPy's letters for truth values, integers and real numbers."""


def finite(values: ArrayLike, where: str) -> Reals:
    """The values in float64; NaN and infinities are refused and never replaced."""
    numbers = real_array(values, where)
    count = numbers.size - int(np.isfinite(numbers).sum())
    if count:
        message = f"{count} of {numbers.size} elements are NaN or infinite; find where they arise"
        raise NonFiniteError(Problem(Code.NONFINITE, where, message))
    return numbers


def measurable(values: ArrayLike, where: str) -> Reals:
    """Finite values of which there is at least one, because a statistic of nothing is not a number."""
    numbers = finite(values, where)
    if not numbers.size:
        message = f"shape {numbers.shape} has no elements; give at least one"
        raise EmptyTensorError(Problem(Code.SHAPE, where, message))
    return numbers


def vector(values: ArrayLike, where: str) -> Reals:
    """Measurable values along one axis."""
    numbers = measurable(values, where)
    if numbers.ndim != 1:
        raise refused(Code.SHAPE, where, f"shape {numbers.shape} has {numbers.ndim} axes; give a vector, of one axis")
    return numbers


def magnitudes(values: ArrayLike, where: str) -> Reals:
    """Measurable values of which none is negative, such as counts and singular values, as a vector."""
    numbers = vector(values, where)
    if bool((numbers < 0).any()):
        raise refused(Code.DATA, where, f"the smallest element is {numbers.min()}; give numbers of at least 0")
    return numbers


def real_array(values: ArrayLike, where: str) -> Reals:
    """The values as float64, refused where NumPy knows no real number for them."""
    try:
        numbers: NDArray[Any] = np.asarray(values)
    except (RuntimeError, TypeError, ValueError) as error:
        message = f"NumPy cannot read it ({error}); give numbers of one shape, tensors detached, on the cpu, as float32"
        raise refused(Code.DTYPE, where, message) from error
    if numbers.dtype.kind not in NUMBER_KINDS:
        raise refused(Code.DTYPE, where, f"the elements are {numbers.dtype}; give real numbers or integers")
    with np.errstate(over="ignore"):
        return numbers.astype(np.float64)


def same_shape(first: Reals, second: Reals, where: str) -> None:
    """Two arrays that are combined element by element; a silent broadcast is how wrong layers get paired."""
    if first.shape != second.shape:
        message = f"the shapes are {first.shape} and {second.shape}; give two arrays of one shape"
        raise refused(Code.SHAPE, where, message)


def refused(code: Code, where: str, message: str) -> FormulaError:
    """The error for one array that a formula cannot take."""
    return FormulaError(Problem(code, where, message))


def unit_of(numbers: Reals) -> float:
    """The power of two at the largest magnitude: dividing by it is exact and keeps squares and sums in range."""
    return float(row_units(numbers.reshape(1, -1))[0, 0])


def row_units(rows: Reals) -> Reals:
    """The unit of each row of a matrix, as a column; 1 for a row of zeros."""
    peaks = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
    return np.where(peaks > 0, np.ldexp(1.0, np.frexp(peaks)[1] - 1), 1.0)

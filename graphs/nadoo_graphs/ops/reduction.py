"""Rows that make one number of many, along some axes or all, and those that order an axis.

Folding n numbers into one counts n operations, one more than it takes, so that counts do not
depend on the axes.
"""

from collections.abc import Callable
from typing import Any

from nadoo_graphs.ops.aten import argument, calls, overload
from nadoo_graphs.ops.elementwise import Result, any_kind, floats, numeric
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Run
from nadoo_graphs.ops.promotion import INDEX, floating, kind
from nadoo_graphs.ops.reading import (
    axes,
    axis,
    flag,
    integer,
    integers,
    optional_integer,
    optional_integers,
    optional_text,
    size,
)
from nadoo_graphs.sizes import Shape
from nadoo_graphs.values import ValueType

KEEPDIM = AttributeRow("keepdim", "bool", default=False)
DTYPE = AttributeRow("dtype", "dtype", None, optional=True)
DIMS = AttributeRow("dim", "ints", None, optional=True)
MAYBE_DIM = AttributeRow("dim", "int", None, optional=True)
LAST = AttributeRow("dim", "int", -1)


def reduced(call: Call, dims: tuple[int, ...] | None) -> Shape:
    """The shape once some axes, or all, are folded; keepdim leaves a 1 in the place of each."""
    shape = call.operand.shape
    folded = range(len(shape)) if not dims else axes(call, dims, len(shape))
    if flag(call, "keepdim"):
        return tuple(1 if dim in folded else length for dim, length in enumerate(shape))
    return tuple(length for dim, length in enumerate(shape) if dim not in folded)


def refuse_empty(call: Call, dims: tuple[int, ...] | None) -> None:
    """There is no largest of no numbers."""
    shape = call.operand.shape
    folded = range(len(shape)) if not dims else axes(call, dims, len(shape))
    if any(shape[dim] == 0 for dim in folded if shape):
        raise call.refuse(f"folds {call.operand}, which has no elements there; give at least one")


def named_dtype(call: Call) -> str:
    """The dtype to compute in: the named one, or the operand's."""
    return optional_text(call, "dtype") or call.operand.dtype


def accumulated(call: Call, dtype: str) -> str:
    """Sums of small integers and truth values are kept in int64, unless a dtype is named."""
    return dtype if kind(dtype) >= kind("float32") or call.attributes["dtype"] is not None else INDEX


def truth(call: Call, dtype: str) -> str:
    """A truth value, which torch keeps as a byte for bytes."""
    return "uint8" if dtype == "uint8" else "bool"


def own_dtype(call: Call) -> str:
    """The operand's dtype, for rows that do not let it be named."""
    return call.operand.dtype


def folding(
    name: str,
    summary: str,
    aten: str,
    result: Result,
    *,
    dtype: bool = False,
    nonempty: bool = False,
) -> Op:
    """A row that folds the axes `dim`, or all of them."""
    start = named_dtype if dtype else own_dtype

    def infer(call: Call) -> tuple[ValueType, ...]:
        dims = optional_integers(call, "dim")
        if nonempty:
            refuse_empty(call, dims)
        return (ValueType(reduced(call, dims), result(call, start(call))),)

    return Op(
        name=name,
        summary=summary,
        infer=infer,
        execute=calls_with_dims(aten, ("dtype",) if dtype else ()),
        attributes=(DIMS, KEEPDIM, DTYPE) if dtype else (DIMS, KEEPDIM),
        elementary=lambda call, outputs: call.operand.elements,
    )


def calls_with_dims(aten: str, keywords: tuple[str, ...]) -> Callable[[Run], Any]:
    """The execution of a fold; the extrema are told to fold all axes by an empty list."""
    everything: list[int] | None = [] if aten.startswith(("amax.", "amin.")) else None

    def execute(run: Run) -> Any:
        named = {keyword: argument(run, keyword) for keyword in keywords}
        return overload(aten)(run.operand, argument(run, "dim") or everything, run.attributes["keepdim"], **named)

    return execute


def infer_logsumexp(call: Call) -> tuple[ValueType, ...]:
    """torch has no short form for all axes."""
    dims = integers(call, "dim")
    if not dims:
        raise call.refuse("names no axis; give at least one")
    return (ValueType(reduced(call, dims), floating(call.operand.dtype)),)


def infer_spread(call: Call) -> tuple[ValueType, ...]:
    """A variance or deviation is floating."""
    shape = reduced(call, optional_integers(call, "dim"))
    return (ValueType(shape, floats(call, call.operand.dtype)),)


def spread(name: str, summary: str, work: int) -> Op:
    """A row that measures how far numbers lie from their mean."""
    return Op(
        name=name,
        summary=summary,
        infer=infer_spread,
        execute=calls(f"{name}.correction", "dim", keywords=("correction", "keepdim")),
        attributes=(DIMS, AttributeRow("correction", "number", 1), KEEPDIM),
        elementary=lambda call, outputs: call.operand.elements * work,
    )


def infer_norm(call: Call) -> tuple[ValueType, ...]:
    """The length of a vector is floating."""
    dims = optional_integers(call, "dim")
    return (ValueType(reduced(call, dims), floats(call, named_dtype(call))),)


def one_axis(call: Call) -> tuple[int, ...] | None:
    """The axis that a row folds, if it names one."""
    dim = optional_integer(call, "dim")
    return None if dim is None else (dim,)


def infer_extremum(call: Call) -> tuple[ValueType, ...]:
    """Without an axis the value alone, with one the values and where they stand."""
    refuse_empty(call, one_axis(call))
    found = ValueType(reduced(call, one_axis(call)), any_kind(call, call.operand.dtype))
    return (found,) if one_axis(call) is None else (found, found.with_dtype(INDEX))


def extremum(name: str, summary: str) -> Op:
    """A row that finds a value and its place."""

    def execute(run: Run) -> Any:
        if run.attributes["dim"] is None:
            return overload(f"{name}.default")(run.operand)
        return overload(f"{name}.dim")(run.operand, run.attributes["dim"], run.attributes["keepdim"])

    return Op(
        name=name,
        summary=summary,
        infer=infer_extremum,
        execute=execute,
        attributes=(MAYBE_DIM, KEEPDIM),
        elementary=lambda call, outputs: call.operand.elements,
    )


def infer_place(call: Call) -> tuple[ValueType, ...]:
    """The place of an extremum, counted along the axis or through the whole value."""
    numeric(call, call.operand.dtype)
    refuse_empty(call, one_axis(call))
    return (ValueType(reduced(call, one_axis(call)), INDEX),)


def place(name: str, summary: str) -> Op:
    """A row that finds where a value stands."""
    return Op(
        name=name,
        summary=summary,
        infer=infer_place,
        execute=calls(f"{name}.default", "dim", "keepdim"),
        attributes=(MAYBE_DIM, KEEPDIM),
        elementary=lambda call, outputs: call.operand.elements,
    )


def infer_running(call: Call) -> tuple[ValueType, ...]:
    """The shape stays; integers accumulate in int64."""
    axis(call, integer(call, "dim"), call.operand.rank)
    return (call.operand.with_dtype(numeric(call, accumulated(call, named_dtype(call)))),)


def running(name: str, summary: str) -> Op:
    """A row that keeps every step of a fold."""
    return Op(
        name=name,
        summary=summary,
        infer=infer_running,
        execute=calls(f"{name}.default", "dim", keywords=("dtype",)),
        attributes=(LAST, DTYPE),
        elementary=lambda call, outputs: call.operand.elements,
    )


def run_product(run: Run) -> Any:
    """One axis and all axes are different overloads."""
    dtype = argument(run, "dtype")
    if run.attributes["dim"] is None:
        return overload("prod.default")(run.operand, dtype=dtype)
    return overload("prod.dim_int")(run.operand, run.attributes["dim"], run.attributes["keepdim"], dtype=dtype)


def infer_product(call: Call) -> tuple[ValueType, ...]:
    """A product, along one axis or all."""
    return (ValueType(reduced(call, one_axis(call)), accumulated(call, named_dtype(call))),)


def infer_topk(call: Call) -> tuple[ValueType, ...]:
    """k values and their places, along one axis."""
    shape, count = call.operand.shape, size(call, "k")
    dim = axis(call, integer(call, "dim"), len(shape))
    length = shape[dim] if shape else 1
    if isinstance(count, int) and (count < 0 or (isinstance(length, int) and count > length)):
        raise call.refuse(f"k is {count} on an axis of {length}; give 0 to {length}")
    if not isinstance(length, int) and count not in {0, 1}:
        raise call.refuse(f"whether k = {count} values lie in the symbolic size {length} is open; use 1")
    found = call.operand.with_dtype(numeric(call, call.operand.dtype))
    values = found.with_shape((*shape[:dim], count, *shape[dim + 1 :])) if shape else found
    return (values, values.with_dtype(INDEX))


def infer_sort(call: Call) -> tuple[ValueType, ...]:
    """The values of each row in order, and where they stood."""
    axis(call, integer(call, "dim"), call.operand.rank)
    return (call.operand, call.operand.with_dtype(INDEX))


def run_sort(run: Run) -> Any:
    """A stable sort is an overload of its own."""
    dim, descending = run.attributes["dim"], run.attributes["descending"]
    if run.attributes["stable"]:
        return overload("sort.stable")(run.operand, stable=True, dim=dim, descending=descending)
    return overload("sort.default")(run.operand, dim, descending)


LOGSUMEXP = Op(
    name="logsumexp",
    summary="log Σ exp(x), along some axes.",
    infer=infer_logsumexp,
    execute=calls("logsumexp.default", "dim", "keepdim"),
    attributes=(AttributeRow("dim", "ints"), KEEPDIM),
    elementary=lambda call, outputs: call.operand.elements * 3,
)

NORM = Op(
    name="vector_norm",
    summary="The norm of the given order, along some axes or all.",
    infer=infer_norm,
    execute=calls("linalg_vector_norm.default", "ord", "dim", "keepdim", keywords=("dtype",)),
    attributes=(AttributeRow("ord", "number", 2), DIMS, KEEPDIM, DTYPE),
    elementary=lambda call, outputs: call.operand.elements * 2,
)

PRODUCT = Op(
    name="prod",
    summary="The product, along one axis or all.",
    infer=infer_product,
    execute=run_product,
    attributes=(MAYBE_DIM, KEEPDIM, DTYPE),
    elementary=lambda call, outputs: call.operand.elements,
)

TOPK = Op(
    name="topk",
    summary="The k largest or smallest values along an axis, and where they stand.",
    infer=infer_topk,
    execute=calls("topk.default", "k", "dim", "largest", "sorted"),
    attributes=(
        AttributeRow("k", "size"),
        LAST,
        AttributeRow("largest", "bool", default=True),
        AttributeRow("sorted", "bool", default=True),
    ),
    elementary=lambda call, outputs: call.operand.elements,
)

SORT = Op(
    name="sort",
    summary="The values along an axis in order, and where they stood.",
    infer=infer_sort,
    execute=run_sort,
    attributes=(
        LAST,
        AttributeRow("descending", "bool", default=False),
        AttributeRow("stable", "bool", default=False),
    ),
    elementary=lambda call, outputs: call.operand.elements,
)

ROWS: tuple[Op, ...] = (
    folding("mean", "The mean, along some axes or all.", "mean.dim", floats, dtype=True),
    folding("sum", "The sum, along some axes or all.", "sum.dim_IntList", accumulated, dtype=True),
    folding("amax", "The largest value, along some axes or all.", "amax.default", any_kind, nonempty=True),
    folding("amin", "The smallest value, along some axes or all.", "amin.default", any_kind, nonempty=True),
    LOGSUMEXP,
    folding("any", "Whether any value is non-zero.", "any.dims", truth),
    folding("all", "Whether every value is non-zero.", "all.dims", truth),
    extremum("max", "The largest value; along an axis also where it stands."),
    extremum("min", "The smallest value; along an axis also where it stands."),
    place("argmax", "Where the largest value stands."),
    place("argmin", "Where the smallest value stands."),
    spread("var", "The variance, with its denominator lowered by `correction`.", 4),
    spread("std", "The standard deviation, with its denominator lowered by `correction`.", 4),
    PRODUCT,
    NORM,
    running("cumsum", "The sums of everything so far along an axis."),
    running("cumprod", "The products of everything so far along an axis."),
    TOPK,
    SORT,
)

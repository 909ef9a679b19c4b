"""Rows that make a value from attributes: constants, ranges and identity matrices."""

from typing import Any, cast

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import calls, overload, torch_dtype
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Run
from nadoo_graphs.ops.promotion import number_dtype, shape_text
from nadoo_graphs.ops.reading import number, optional_text, size
from nadoo_graphs.sizes import Shape, Size
from nadoo_graphs.values import ValueType

DTYPE = AttributeRow("dtype", "dtype", None, optional=True)


def infer_full(call: Call) -> tuple[ValueType, ...]:
    """The named shape and dtype; what is not named is the operand's."""
    model = call.operands[0] if call.operands else None
    shape, dtype = cast(Shape | None, call.attributes["shape"]), optional_text(call, "dtype")
    if shape is None and model is None:
        raise call.refuse("has neither a shape nor an operand to take it from; give one", Code.SCHEMA)
    if shape is not None and any(isinstance(length, int) and length < 0 for length in shape):
        raise call.refuse(f"shape is {shape_text(shape)}; give sizes of at least 0")
    default = model.dtype if model else number_dtype(number(call, "value"))
    return (ValueType(shape if shape is not None else cast(ValueType, model).shape, dtype or default),)


def run_full(run: Run) -> Any:
    """With an operand, the value lies where that lies."""
    shape, value = run.attributes["shape"], run.attributes["value"]
    dtype = torch_dtype(run.attributes["dtype"])
    if not run.operands:
        return run.emit(overload("full.default"), [*shape], value, dtype=dtype)
    if shape is None:
        return run.emit(overload("full_like.default"), run.operand, value, dtype=dtype)
    return run.emit(overload("new_full.default"), run.operand, [*shape], value, dtype=dtype)


def infer_arange(call: Call) -> tuple[ValueType, ...]:
    """⌈(end - start) / step⌉ whole numbers."""
    start, end, step = size(call, "start"), size(call, "end"), size(call, "step")
    if not isinstance(step, int) or step == 0:
        raise call.refuse(f"step is {step}; give a number other than 0", Code.SCHEMA)
    span: Size = end - start if step > 0 else start - end
    if isinstance(span, int) and span < 0:
        raise call.refuse(f"runs from {start} to {end} in steps of {step}; turn the sign of the step", Code.SCHEMA)
    return (ValueType(((span + abs(step) - 1) // abs(step),), optional_text(call, "dtype") or "int64"),)


def infer_eye(call: Call) -> tuple[ValueType, ...]:
    """n rows and m columns, as many as rows if not named."""
    rows, columns = size(call, "n"), call.attributes["m"]
    shape = (rows, rows if columns is None else size(call, "m"))
    dtype = optional_text(call, "dtype") or "float32"
    if any(isinstance(length, int) and length < 0 for length in shape):
        raise call.refuse(f"has shape {shape_text(shape)}; give sizes of at least 0")
    return (ValueType(shape, dtype),)


def run_eye(run: Run) -> Any:
    """A square and a rectangle are different overloads."""
    dtype = torch_dtype(run.attributes["dtype"])
    rows, columns = run.attributes["n"], run.attributes["m"]
    return run.emit(overload("eye.m"), rows, rows if columns is None else columns, dtype=dtype)


ROWS: tuple[Op, ...] = (
    Op(
        name="full",
        summary="One number everywhere, in a named shape and dtype or the operand's.",
        infer=infer_full,
        execute=run_full,
        attributes=(
            AttributeRow("shape", "sizes", None, optional=True),
            AttributeRow("value", "number", 0),
            DTYPE,
        ),
        arity=(0, 1),
    ),
    Op(
        name="arange",
        summary="Whole numbers from start to before end.",
        infer=infer_arange,
        execute=calls("arange.start_step", "start", "end", "step", keywords=("dtype",)),
        attributes=(
            AttributeRow("end", "size"),
            AttributeRow("start", "size", 0),
            AttributeRow("step", "int", 1),
            DTYPE,
        ),
        arity=(0, 0),
    ),
    Op(
        name="eye",
        summary="Ones on the diagonal, zeros beside it.",
        infer=infer_eye,
        execute=run_eye,
        attributes=(AttributeRow("n", "size"), AttributeRow("m", "size", None, optional=True), DTYPE),
        arity=(0, 0),
    ),
)

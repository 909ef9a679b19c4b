"""Rows that pick elements out of a value: slices, single indices, and indices that are values themselves.

A symbolic size is at least 1, so that bounds 0 and 1 from either end are known to lie within; others are
refused.
"""

from typing import Any, cast

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import calls, overload
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Run
from nadoo_graphs.ops.promotion import broadcast, operands_dtype, shape_text
from nadoo_graphs.ops.reading import axis, integer, size
from nadoo_graphs.sizes import Size, Symbolic
from nadoo_graphs.values import ValueType

OPEN_END = 2**63 - 1
INDICES = ("int64", "int32")


def indexed_axis(call: Call) -> tuple[int, Size]:
    """The axis along which is picked, and its size."""
    if not call.operand.rank:
        raise call.refuse("the operand has no axis to pick from; give at least one")
    dim = axis(call, integer(call, "dim"), call.operand.rank)
    return dim, call.operand.shape[dim]


def infer_slice(call: Call) -> tuple[ValueType, ...]:
    """Every step-th element from start to before end; negative bounds count from the end."""
    dim, length = indexed_axis(call)
    step = integer(call, "step")
    if step < 1:
        raise call.refuse(f"step is {step}; give at least 1", Code.SCHEMA)
    start = bound(call, size(call, "start"), length)
    end = bound(call, length if call.attributes["end"] is None else size(call, "end"), length)
    kept = end - start
    count: Size = -(-max(kept, 0) // step) if isinstance(kept, int) else (kept + step - 1) // step
    shape = call.operand.shape
    return (call.operand.with_shape((*shape[:dim], count, *shape[dim + 1 :])),)


def bound(call: Call, place: Size, length: Size) -> Size:
    """A bound counted from the front and kept within the axis."""
    if isinstance(length, int) and isinstance(place, int):
        return min(max(place + length if place < 0 else place, 0), length)
    if place in {length, OPEN_END}:
        return length
    if place in {0, 1}:
        return place
    if place == -1:
        return length - 1
    raise call.refuse(f"whether the bound {place} lies within the symbolic size {length} is open; use 0, 1, -1 or None")


def infer_select(call: Call) -> tuple[ValueType, ...]:
    """One element of an axis, which disappears."""
    dim, length = indexed_axis(call)
    place = size(call, "index")
    if isinstance(length, int) and isinstance(place, int) and not -length <= place < length:
        raise call.refuse(f"index is {place} on an axis of {length}; give {-length} to {length - 1}")
    if isinstance(length, Symbolic) and place not in {0, -1}:
        raise call.refuse(f"whether index {place} lies within the symbolic size {length} is open; use 0 or -1")
    shape = call.operand.shape
    return (call.operand.with_shape((*shape[:dim], *shape[dim + 1 :])),)


def infer_index(call: Call) -> tuple[ValueType, ...]:
    """The marked axes are indexed together; the new axes take their place if adjacent, else they come first."""
    given, indices, shape = marks(call), call.operands[1:], call.operand.shape
    if sum(given) != len(indices) or not indices or len(given) > len(shape):
        message = f"given is {given} for {len(indices)} indices and {len(shape)} axes"
        raise call.refuse(f"{message}; mark at most {len(shape)} axes, one for each index")
    for index in indices:
        if index.dtype not in INDICES:
            raise call.refuse(f"an index is {index.dtype}; give {' or '.join(INDICES)}", Code.DTYPE)
    picked = broadcast(call, *(index.shape for index in indices))
    marked = [dim for dim, mark in enumerate(given) if mark]
    kept = [size for dim, size in enumerate(shape) if dim not in marked]
    place = marked[0] if marked[-1] - marked[0] == len(marked) - 1 else 0
    return (call.operand.with_shape((*kept[:place], *picked, *kept[place:])),)


def marks(call: Call) -> tuple[bool, ...]:
    """Which axes have an index."""
    return cast(tuple[bool, ...], call.attributes["given"])


def run_index(run: Run) -> Any:
    """Put the indices where `given` marks them."""
    indices = iter(run.operands[1:])
    places = [next(indices) if mark else None for mark in run.attributes["given"]]
    return overload("index.Tensor")(run.operand, places)


def check_index(call: Call) -> ValueType:
    """The second operand, which must be one of indices."""
    index = call.operands[1]
    if index.dtype not in INDICES:
        raise call.refuse(f"the index is {index.dtype}; give {' or '.join(INDICES)}", Code.DTYPE)
    return index


def infer_index_select(call: Call) -> tuple[ValueType, ...]:
    """Slices along an axis, in the order of the index."""
    index = check_index(call)
    dim, _ = indexed_axis(call)
    if index.rank > 1:
        raise call.refuse(f"the index is {index}; give one axis at most")
    shape = call.operand.shape
    return (call.operand.with_shape((*shape[:dim], index.elements, *shape[dim + 1 :])),)


def infer_gather(call: Call) -> tuple[ValueType, ...]:
    """One element for each index, which moves along one axis only."""
    index = check_index(call)
    dim, _ = indexed_axis(call)
    if index.rank != call.operand.rank:
        raise call.refuse(f"gathers {index} from {call.operand}; both need as many axes")
    for place, (one, two) in enumerate(zip(index.shape, call.operand.shape, strict=True)):
        if place != dim and isinstance(one, int) and isinstance(two, int) and one > two:
            raise call.refuse(f"axis {place} of the index is {one}, of the operand {two}; it must not be larger")
    return (call.operand.with_shape(index.shape),)


def infer_where(call: Call) -> tuple[ValueType, ...]:
    """All three broadcast; each side is an operand or a number."""
    condition = call.operand
    if condition.dtype != "bool":
        raise call.refuse(f"the condition is {condition.dtype}; give bool", Code.DTYPE)
    numbers = [call.attributes[name] for name in ("on_true", "on_false") if call.attributes[name] is not None]
    if len(numbers) + len(call.operands) != 3:
        message = f"has {len(call.operands) - 1} operands and {len(numbers)} numbers to choose from"
        raise call.refuse(f"{message}; give one for each side", Code.SCHEMA)
    sides = (*call.operands[1:], *cast(list[float], numbers))
    shape = broadcast(call, *(operand.shape for operand in call.operands))
    return (ValueType(shape, operands_dtype(call, *sides)),)


def run_where(run: Run) -> Any:
    """Each combination of operands and numbers is an overload of its own."""
    true, false = run.attributes["on_true"], run.attributes["on_false"]
    names = {
        (True, True): "self",
        (True, False): "ScalarOther",
        (False, True): "ScalarSelf",
        (False, False): "Scalar",
    }
    sides = iter(run.operands[1:])
    chosen = [next(sides) if number is None else number for number in (true, false)]
    return overload(f"where.{names[true is None, false is None]}")(run.operand, *chosen)


def infer_masked_fill(call: Call) -> tuple[ValueType, ...]:
    """The operand's dtype stays; the value must fit into it."""
    mask, value = call.operands[1], call.attributes["value"]
    if mask.dtype != "bool":
        raise call.refuse(f"the mask is {mask.dtype}; give bool", Code.DTYPE)
    if (value is None) == (len(call.operands) == 2):
        raise call.refuse("has no value, or two; give a third operand or the attribute value", Code.SCHEMA)
    if len(call.operands) == 3 and call.operands[2].rank:
        raise call.refuse(f"the value is {call.operands[2]}; give one number without axes")
    return (call.operand.with_shape(broadcast(call, call.operand.shape, mask.shape)),)


def run_masked_fill(run: Run) -> Any:
    """A number and a tensor as the value are different overloads."""
    if len(run.operands) == 3:
        return overload("masked_fill.Tensor")(*run.operands)
    return overload("masked_fill.Scalar")(*run.operands, run.attributes["value"])


def infer_triangle(call: Call) -> tuple[ValueType, ...]:
    """The type stays; part of each matrix becomes 0."""
    if call.operand.rank < 2:
        raise call.refuse(f"the operand has shape {shape_text(call.operand.shape)}; give at least two axes")
    return (call.operand,)


def triangle(name: str, summary: str) -> Op:
    """A row that keeps one side of a diagonal."""
    return Op(
        name=name,
        summary=summary,
        infer=infer_triangle,
        execute=calls(f"{name}.default", "diagonal"),
        attributes=(AttributeRow("diagonal", "int", 0),),
        in_place=(0,),
    )


DIM = AttributeRow("dim", "int", 0)

ROWS: tuple[Op, ...] = (
    Op(
        name="slice",
        summary="Every step-th element of an axis from start to before end.",
        infer=infer_slice,
        execute=calls("slice.Tensor", "dim", "start", "end", "step"),
        attributes=(
            DIM,
            AttributeRow("start", "size", 0),
            AttributeRow("end", "size", None, optional=True),
            AttributeRow("step", "int", 1),
        ),
        aliases=("Slice",),
    ),
    Op(
        name="select",
        summary="One element of an axis, which disappears.",
        infer=infer_select,
        execute=calls("select.int", "dim", "index"),
        attributes=(DIM, AttributeRow("index", "size")),
    ),
    Op(
        name="index",
        summary="Elements picked by indices that are values; `given` marks the axes that have one.",
        infer=infer_index,
        execute=run_index,
        attributes=(AttributeRow("given", "bools", (True,)),),
        arity=(2, None),
    ),
    Op(
        name="index_select",
        summary="Slices along an axis, in the order of an index.",
        infer=infer_index_select,
        execute=lambda run: overload("index_select.default")(run.operand, run.attributes["dim"], run.operands[1]),
        attributes=(DIM,),
        arity=(2, 2),
    ),
    Op(
        name="gather",
        summary="For each place of the index, the element that it names along an axis.",
        infer=infer_gather,
        execute=lambda run: overload("gather.default")(run.operand, run.attributes["dim"], run.operands[1]),
        attributes=(DIM,),
        arity=(2, 2),
    ),
    Op(
        name="where",
        summary="One side where the condition holds, the other elsewhere; either may be a number.",
        infer=infer_where,
        execute=run_where,
        attributes=(
            AttributeRow("on_true", "number", None, optional=True),
            AttributeRow("on_false", "number", None, optional=True),
        ),
        arity=(1, 3),
    ),
    Op(
        name="masked_fill",
        summary="The value where the mask holds, the operand elsewhere.",
        infer=infer_masked_fill,
        execute=run_masked_fill,
        attributes=(AttributeRow("value", "number", None, optional=True),),
        arity=(2, 3),
    ),
    triangle("tril", "The lower triangle of each matrix, 0 above it."),
    triangle("triu", "The upper triangle of each matrix, 0 below it."),
)

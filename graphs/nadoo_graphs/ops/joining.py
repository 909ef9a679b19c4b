"""Rows that put several values together or take one apart along an axis."""

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import calls, calls_on_list
from nadoo_graphs.ops.op import AttributeRow, Call, Op
from nadoo_graphs.ops.promotion import operands_dtype, shape_text
from nadoo_graphs.ops.reading import axis, integer, sizes
from nadoo_graphs.sizes import Shape, Size
from nadoo_graphs.values import ValueType

DIM = AttributeRow("dim", "int", 0)
MOST_PARTS = 65_536


def with_size(shape: Shape, dim: int, size: Size) -> Shape:
    """A shape with another size along one axis."""
    return (*shape[:dim], size, *shape[dim + 1 :])


def is_legacy_empty(operand: ValueType) -> bool:
    """torch skips operands of shape [0] when it concatenates, whatever the others' shapes are."""
    return operand.shape == (0,)


def infer_cat(call: Call) -> tuple[ValueType, ...]:
    """Sizes add up along one axis and are equal along the others."""
    parts = [operand for operand in call.operands if not is_legacy_empty(operand)]
    dtype = operands_dtype(call, *call.operands)
    if not parts:
        return (ValueType((0,), dtype),)
    first = parts[0]
    if not first.rank:
        raise call.refuse(f"joins {first}, which has no axis; use stack")
    dim = axis(call, integer(call, "dim"), first.rank)
    total: Size = 0
    for part in parts:
        if part.rank != first.rank or with_size(part.shape, dim, 0) != with_size(first.shape, dim, 0):
            message = f"joins {first} and {part} along axis {dim}; all other sizes must be equal"
            raise call.refuse(message)
        total = total + part.shape[dim]
    return (ValueType(with_size(first.shape, dim, total), dtype),)


def infer_stack(call: Call) -> tuple[ValueType, ...]:
    """Values of one shape become slices along a new axis."""
    first = call.operand
    for operand in call.operands:
        if operand.shape != first.shape:
            raise call.refuse(f"stacks {first} and {operand}; their shapes must be equal")
    dim = axis(call, integer(call, "dim"), first.rank + 1)
    shape = (*first.shape[:dim], len(call.operands), *first.shape[dim:])
    return (ValueType(shape, operands_dtype(call, *call.operands)),)


def divided_axis(call: Call) -> tuple[int, Size]:
    """The axis along which a value is taken apart, and its size."""
    if not call.operand.rank:
        raise call.refuse("the operand has no axis to take apart; give at least one")
    dim = axis(call, integer(call, "dim"), call.operand.rank)
    return dim, call.operand.shape[dim]


def infer_split(call: Call) -> tuple[ValueType, ...]:
    """One output a size; the sizes add up to the axis."""
    dim, length = divided_axis(call)
    parts = sizes(call, "sizes")
    total: Size = 0
    for part in parts:
        total = total + part
    if total != length or any(isinstance(part, int) and part < 0 for part in parts):
        raise call.refuse(f"sizes {shape_text(parts)} do not add up to the {length} elements of axis {dim}")
    return tuple(call.operand.with_shape(with_size(call.operand.shape, dim, part)) for part in parts)


def infer_chunk(call: Call) -> tuple[ValueType, ...]:
    """Equal parts but for the last; there may be fewer than asked for, as in torch."""
    dim, length = divided_axis(call)
    chunks = integer(call, "chunks")
    if chunks < 1:
        raise call.refuse(f"chunks is {chunks}; give at least 1", Code.SCHEMA)
    if not isinstance(length, int):
        raise call.refuse(f"axis {dim} has the symbolic size {length}, so its number of chunks is open; use split")
    require_count(call, min(chunks, length) if length else chunks)
    shape = call.operand.shape
    return tuple(call.operand.with_shape(with_size(shape, dim, part)) for part in chunk_sizes(length, chunks))


def chunk_sizes(length: int, chunks: int) -> tuple[int, ...]:
    """The sizes into which torch cuts an axis; an empty one gives as many empty chunks as asked for."""
    part = -(-length // chunks)
    if not part:
        return (0,) * chunks
    return tuple(min(part, length - start) for start in range(0, length, part))


def require_count(call: Call, count: int) -> None:
    """Refuse more outputs than a graph could hold: a file may ask for any number, and each takes memory."""
    if count > MOST_PARTS:
        raise call.refuse(f"gives {count} outputs, at most {MOST_PARTS} are allowed; use slice or select", Code.LIMIT)


def infer_unbind(call: Call) -> tuple[ValueType, ...]:
    """One output an element of the axis, which disappears."""
    dim, length = divided_axis(call)
    if not isinstance(length, int):
        raise call.refuse(f"axis {dim} has the symbolic size {length}, so its number of parts is open; use select")
    require_count(call, length)
    shape = call.operand.shape
    return (call.operand.with_shape((*shape[:dim], *shape[dim + 1 :])),) * length


ROWS: tuple[Op, ...] = (
    Op(
        name="cat",
        summary="Values laid one after the other along an axis.",
        infer=infer_cat,
        execute=calls_on_list("cat.default", "dim"),
        attributes=(DIM,),
        arity=(1, None),
        aliases=("Concat",),
    ),
    Op(
        name="stack",
        summary="Values of one shape laid along a new axis.",
        infer=infer_stack,
        execute=calls_on_list("stack.default", "dim"),
        attributes=(DIM,),
        arity=(1, None),
        aliases=("Stack",),
    ),
    Op(
        name="split",
        summary="Parts of the given sizes along an axis, one output each.",
        infer=infer_split,
        execute=calls("split_with_sizes.default", "sizes", "dim"),
        attributes=(AttributeRow("sizes", "sizes"), DIM),
        aliases=("Split",),
    ),
    Op(
        name="chunk",
        summary="At most so many equal parts along an axis, one output each.",
        infer=infer_chunk,
        execute=calls("chunk.default", "chunks", "dim"),
        attributes=(AttributeRow("chunks", "int"), DIM),
        aliases=("Chunk",),
    ),
    Op(
        name="unbind",
        summary="Every slice along an axis, one output each.",
        infer=infer_unbind,
        execute=calls("unbind.int", "dim"),
        attributes=(DIM,),
    ),
)

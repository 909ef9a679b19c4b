"""Which dtype and shape come out when several operands meet, by torch's rules.

Dtypes meet in three groups, values with axes before values without before plain numbers: a later group only
decides when its kind (boolean, integer, floating, complex) is higher than that of the groups before it.
"""

from collections.abc import Iterable
from typing import TypeAlias

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.ops.op import Call
from nadoo_graphs.sizes import Shape, Size
from nadoo_graphs.values import ELEMENT_BITS, FLOATING, INTEGRAL, ValueType

Operand: TypeAlias = ValueType | bool | int | float

COMPLEX = ("complex64", "complex128")
WIDE_UNSIGNED = ("uint16", "uint32", "uint64")
DEFAULT_FLOAT = "float32"
INDEX = "int64"


def promote(*operands: Operand) -> str:
    """The dtype that arithmetic on these operands has, as `torch.result_type` gives it."""
    with_axes = join(item.dtype for item in operands if isinstance(item, ValueType) and item.rank)
    without_axes = join(item.dtype for item in operands if isinstance(item, ValueType) and not item.rank)
    numbers = join(number_dtype(item) for item in operands if not isinstance(item, ValueType))
    found = combine(with_axes, combine(without_axes, numbers))
    if found is None:
        raise GraphError(Problem(Code.DTYPE, "promotion", "there is nothing to promote; give an operand"))
    return found


def kind(dtype: str) -> int:
    """Boolean 0, integer 1, floating 2, complex 3: the order in which one kind absorbs another."""
    if dtype in INTEGRAL:
        return 1
    if dtype in FLOATING:
        return 2
    return 3 if dtype in COMPLEX else 0


def number_dtype(value: bool | int | float) -> str:
    """The dtype that torch gives to a plain number."""
    if isinstance(value, bool):
        return "bool"
    return INDEX if isinstance(value, int) else DEFAULT_FLOAT


def join(dtypes: Iterable[str]) -> str | None:
    """The smallest dtype that holds all of these; None for none."""
    found: str | None = None
    for dtype in dtypes:
        found = dtype if found is None else join_pair(found, dtype)
    return found


def join_pair(left: str, right: str) -> str:
    """The smallest dtype that holds both, as `torch.promote_types` gives it."""
    if left == right:
        return left
    low, high = sorted((left, right), key=lambda dtype: (kind(dtype), ELEMENT_BITS[dtype]))
    if (low in WIDE_UNSIGNED or high in WIDE_UNSIGNED) and kind(high) != kind("float32"):
        message = f"torch has no dtype for {left} together with {right}; cast one of them to a float first"
        raise GraphError(Problem(Code.DTYPE, "promotion", message))
    if {low, high} == {"float16", "bfloat16"}:
        return "float32"
    if {low, high} == {"int8", "uint8"}:
        return "int16"
    return "complex128" if (low, high) == ("float64", "complex64") else high


def combine(higher: str | None, lower: str | None) -> str | None:
    """What a group of operands and the next lower group agree on."""
    if higher is None or lower is None:
        return higher or lower
    if kind(higher) == kind("float32") and lower in COMPLEX:
        return "complex128" if higher == "float64" else "complex64"
    if kind(higher) >= kind("float32"):
        return higher
    if higher == "bool" or kind(lower) >= kind("float32"):
        return join_pair(higher, lower)
    return higher


def floating(dtype: str) -> str:
    """The dtype of a function that has no integer results: integers and booleans become the default float."""
    return dtype if kind(dtype) >= kind("float32") else DEFAULT_FLOAT


def broadcast(call: Call, *shapes: Shape) -> Shape:
    """The shape that all of these stretch to, aligned at the last axis; sizes are equal or one is 1."""
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    found: Shape = (1,) * rank
    for shape in padded:
        found = tuple(stretch(call, one, two, shapes) for one, two in zip(found, shape, strict=True))
    return found


def stretch(call: Call, left: Size, right: Size, shapes: tuple[Shape, ...]) -> Size:
    """The size of one axis after broadcasting."""
    if left == right or right == 1:
        return left
    if left == 1:
        return right
    texts = " and ".join(shape_text(shape) for shape in shapes)
    raise call.refuse(f"shapes {texts} do not broadcast: {left} meets {right}; sizes must be equal or 1")


def shape_text(shape: Shape) -> str:
    """A shape as messages write it."""
    return f"[{', '.join(map(str, shape))}]"


def operands_dtype(call: Call, *operands: Operand) -> str:
    """`promote`, with a refusal that names the node."""
    try:
        return promote(*operands)
    except GraphError as error:
        raise call.refuse(error.problems[0].message, Code.DTYPE) from error

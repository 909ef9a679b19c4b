"""Comparisons, which give truth values, and the arithmetic of truth values and bits."""

from nadoo_graphs.ops.elementwise import binary, boolean, of_tensors, unary, whole
from nadoo_graphs.ops.op import Op


def comparison(name: str, summary: str, *, commutative: bool = False) -> Op:
    """A row that compares two operands, or one with a number."""
    return binary(name, summary, boolean, number=f"{name}.Scalar", commutative=commutative)


def bitwise(name: str, summary: str) -> Op:
    """A row that combines two operands, or one and a number, bit by bit."""
    return binary(name, summary, whole, number=f"{name}.Scalar", commutative=True)


ROWS: tuple[Op, ...] = (
    comparison("eq", "Whether two operands are equal.", commutative=True),
    comparison("ne", "Whether two operands differ.", commutative=True),
    comparison("lt", "Whether the first operand is below the second."),
    comparison("le", "Whether the first operand is at most the second."),
    comparison("gt", "Whether the first operand is above the second."),
    comparison("ge", "Whether the first operand is at least the second."),
    of_tensors("logical_and", "Whether both operands are non-zero.", boolean, commutative=True),
    of_tensors("logical_or", "Whether either operand is non-zero.", boolean, commutative=True),
    of_tensors("logical_xor", "Whether exactly one operand is non-zero.", boolean, commutative=True),
    unary("logical_not", "Whether the operand is zero.", boolean),
    unary("isnan", "Whether the operand is NaN.", boolean),
    unary("isinf", "Whether the operand is an infinity.", boolean),
    unary("isfinite", "Whether the operand is neither NaN nor an infinity.", boolean),
    bitwise("bitwise_and", "The bits that both operands have."),
    bitwise("bitwise_or", "The bits that either operand has."),
    bitwise("bitwise_xor", "The bits that exactly one operand has."),
    unary("bitwise_not", "The bits that the operand has not.", whole),
)

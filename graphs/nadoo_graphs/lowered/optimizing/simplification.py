"""Algebra that holds bit for bit: adding nothing, multiplying by one; of floats only what no sign or NaN can tell."""

from nadoo_graphs.lowered.expressions import Expression, Number, Operation
from nadoo_graphs.lowered.optimizing.rewriting import rewritten_body, with_bodies
from nadoo_graphs.lowered.program import Program


def simplify(program: Program) -> Program:
    """Leave out operations that do nothing."""
    return with_bodies(program, lambda body: rewritten_body(body, simpler))


def simpler(expression: Expression) -> Expression:
    """An operand in the place of an operation that gives it back."""
    if not isinstance(expression, Operation):
        return expression
    if expression.op == "cast" and expression.operands[0].kind is expression.kind:
        return expression.operands[0]
    if len(expression.operands) != 2:
        return expression
    left, right = expression.operands
    if expression.op in ("mul", "div") and is_number(right, 1):
        return left
    if expression.op == "mul" and is_number(left, 1):
        return right
    return expression if expression.kind.floating else simpler_integer(expression, left, right)


def simpler_integer(expression: Operation, left: Expression, right: Expression) -> Expression:
    """What holds of integers alone; a float has two zeros."""
    if expression.op in ("add", "sub", "shl", "shr", "or", "xor") and is_number(right, 0):
        return left
    if expression.op in ("add", "or", "xor") and is_number(left, 0):
        return right
    if expression.op == "mul" and (is_number(left, 0) or is_number(right, 0)):
        return Number(0, expression.kind)
    return expression


def is_number(expression: Expression, value: int) -> bool:
    """Whether an expression is a certain constant."""
    return isinstance(expression, Number) and expression.value == value

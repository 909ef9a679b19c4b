"""Cheaper operations of the same result: divisions of numbers from 0 up by powers of two become shifts and masks."""

from nadoo_graphs.lowered.expressions import Expression, Name, Number, Operation
from nadoo_graphs.lowered.optimizing.rewriting import rewritten_body, with_bodies
from nadoo_graphs.lowered.program import Program
from nadoo_graphs.lowered.statements import For, Statement, walk
from nadoo_graphs.lowered.types import Kind


def reduce_strength(program: Program) -> Program:
    """Divisions and remainders by 2**k, wherever it is plain that nothing negative is divided."""
    return with_bodies(program, reduced)


def reduced(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """A body with its divisions replaced."""
    counters = {item.variable for item in walk(body) if isinstance(item, For) and never_negative(item.start, set())}
    return rewritten_body(body, lambda expression: cheaper(expression, counters))


def cheaper(expression: Expression, counters: set[str]) -> Expression:
    """A shift for a division, a mask for a remainder; unsigned, so that C needs no helper."""
    if not isinstance(expression, Operation) or expression.op not in ("div", "mod"):
        return expression
    if expression.kind is not Kind.I32 or not isinstance(expression.operands[1], Number):
        return expression
    value, divisor = expression.operands[0], int(expression.operands[1].value)
    if divisor < 2 or divisor & (divisor - 1) or not never_negative(value, counters):
        return expression
    if expression.op == "mod":
        return Operation("and", (value, Number(divisor - 1)), Kind.I32)
    shifted = Operation("shr", (value.to(Kind.U32), Number(divisor.bit_length() - 1, Kind.U32)), Kind.U32)
    return shifted.to(Kind.I32)


def never_negative(expression: Expression, counters: set[str]) -> bool:
    """Whether an expression is made of counters and constants from 0 up only."""
    if isinstance(expression, Number):
        return expression.value >= 0
    if isinstance(expression, Name):
        return expression.name in counters
    if isinstance(expression, Operation) and expression.op in ("add", "mul", "div", "mod", "and"):
        return all(never_negative(operand, counters) for operand in expression.operands)
    return False

"""Operations on constants, computed by the interpreter itself."""

import numpy as np

from nadoo_graphs.lowered.errors import LoweredError
from nadoo_graphs.lowered.evaluation import Evaluator
from nadoo_graphs.lowered.expressions import Expression, Number, Operation
from nadoo_graphs.lowered.optimizing.rewriting import rewritten_body, with_bodies
from nadoo_graphs.lowered.program import Program
from nadoo_graphs.lowered.types import Kind


def fold_constants(program: Program) -> Program:
    """Every operation whose operands are constants becomes the constant that it gives."""
    return with_bodies(program, lambda body: rewritten_body(body, folded))


def folded(expression: Expression) -> Expression:
    """The constant that an operation on constants gives; one that would be an error stays and says so when it runs."""
    if not isinstance(expression, Operation) or expression.kind is Kind.BOOL:
        return expression
    if not all(isinstance(operand, Number) for operand in expression.operands):
        return expression
    try:
        with np.errstate(all="ignore"):
            value = Evaluator({}, {}, 0, "constant").value(expression)
    except (LoweredError, ZeroDivisionError, ValueError, OverflowError):
        return expression
    if expression.kind.floating:
        return Number(float(value), expression.kind) if np.isfinite(value) else expression
    return Number(int(value), expression.kind)

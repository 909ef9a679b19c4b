"""The arithmetic of a plan: which sign stands for which operator, and for which operands it says exactly the same.

A sign computes on equal datatypes that do not overflow unnoticed; whatever an operator does beyond that is written
as a layer.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.ops import Op
from nadoo_graphs.plan.document import Number, PlanOperation, Scalar
from nadoo_graphs.values import FLOATING, ValueType

ALIAS = "="
POWER = "^"
PRODUCT = "*"
SUM = "+"
NUMBER = "other"
"""The attribute in which an operator has a number for its second operand."""
ROWS = {
    "+": "add", "-": "sub", "neg": "neg", ".*": "mul", "*": "matmul", "./": "div", "%": "remainder", "^": "power",
}  # fmt: skip
SIGNS = {row: sign for sign, row in ROWS.items()}
OPERATIONS = (ALIAS, *ROWS)
UNARY = (ALIAS, "neg", POWER)
COMPUTED = (*FLOATING, "int64", "int32")
LEAST_AXES = 2


def sign_of(node: Node, row: Op, operands: Sequence[ValueType]) -> tuple[str, Number | None] | None:
    """The sign that says exactly what a node computes, and its number; None where there is no such sign."""
    sign = SIGNS.get(node.op)
    if sign is None or complaints(sign, operands) or node.type.dtype != operands[0].dtype:
        return None
    other = node.attributes.get(NUMBER)
    if other is not None and not is_plain(other):
        return None
    has_two = sign not in UNARY and other is None
    if len(operands) != (2 if has_two else 1) or (sign == POWER and other is None):
        return None
    exact = dict(node.attributes) == row.complete(attributes_of(row, other))
    return (sign, other) if exact else None


def attributes_of(row: Op, number: Attribute) -> dict[str, Attribute]:
    """The attributes of the operator that a sign stands for: a number is its second operand."""
    return {NUMBER: number} if number is not None and NUMBER in row.known else {}


def is_plain(value: Attribute) -> TypeGuard[Number]:
    """Whether a value is a number that JSON has; true is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def complaints(sign: str, operands: Sequence[ValueType]) -> list[tuple[Code, str]]:
    """Why a sign cannot stand between values of these types."""
    found: list[tuple[Code, str]] = []
    dtypes = dict.fromkeys(item.format or item.dtype for item in operands)
    if sign == ALIAS or not operands:
        return found
    if len(dtypes) > 1:
        found.append((Code.DTYPE, f"computes with {', '.join(dtypes)}; they must be equal, put a Cast before it"))
    allowed = FLOATING if sign == "./" else COMPUTED
    wrong = [dtype for dtype in dtypes if dtype not in allowed]
    if wrong:
        found.append((Code.DTYPE, f"computes with {wrong[0]}; allowed: {', '.join(allowed)}; use a layer, or a Cast"))
    if sign == PRODUCT and any(item.rank < LEAST_AXES for item in operands):
        found.append((Code.SHAPE, "multiplies matrices; both operands have two axes or more"))
    return found


def operation_problems(where: str, operation: PlanOperation, types: Mapping[str, ValueType]) -> list[Problem]:
    """What is wrong with an operation whose operands have these types."""
    scalars = [item.value for item in operation.inputs if isinstance(item, Scalar)]
    operands = [types[item] for item in operation.inputs if isinstance(item, str)]
    problems = count_complaints(operation)
    found = [Problem(Code.SCHEMA, where, message) for message in problems]
    found += [Problem(code, where, message) for code, message in complaints(operation.type, operands)]
    numbers = [*scalars, *([] if operation.exponent is None else [operation.exponent])]
    if any(isinstance(value, float) for value in numbers) and operands and operands[0].dtype not in FLOATING:
        message = f"computes {operands[0].dtype} with the float {numbers[0]}; give an integer, or put a Cast before it"
        found.append(Problem(Code.DTYPE, where, message))
    return found


def count_complaints(operation: PlanOperation) -> list[str]:
    """A wrong number of operands, or a number where only a value may stand."""
    count, sign = len(operation.inputs), operation.type
    if sign in UNARY:
        allowed = "1"
        right = count == 1
    else:
        allowed = "2 or more" if sign == SUM else "2"
        right = count == 2 or (sign == SUM and count > 2)
    found = [] if right else [f"{sign!r} has {count} operands; allowed: {allowed}"]
    numbers = [index for index, item in enumerate(operation.inputs) if isinstance(item, Scalar)]
    if numbers and (numbers != [1] or sign in (*UNARY, PRODUCT) or count != 2):
        found.append(f"{sign!r} has a number as operand {numbers[0]}; only the second of two operands may be one")
    return found

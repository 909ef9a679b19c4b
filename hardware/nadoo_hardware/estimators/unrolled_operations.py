"""Operators by what they are in code, and what is known of their results before anything runs."""

from collections.abc import Callable, Mapping, Sequence

from nadoo_graphs.lowered.expressions import COMPARISONS, LOGICAL, Operation
from nadoo_graphs.lowered.intervals import RULES, Interval, hull, within_kind
from nadoo_graphs.lowered.types import Kind

FALSE: Interval = (0, 0)
TRUE: Interval = (1, 1)
OPEN: Interval = (0, 1)
INTEGERS = (Kind.I32, Kind.U32)
WIDE = (Kind.I64, Kind.F64)
NAMES = {
    "add": "sums", "sub": "sums", "neg": "sums", "mul": "products", "div": "divisions", "mod": "divisions",
    "min": "selects", "max": "selects", "select": "selects", "bits": "bits",
    "and": "bits", "or": "bits", "xor": "bits", "shl": "bits", "shr": "bits",
}  # fmt: skip


def name_of(operation: Operation) -> str:
    """What an operator is in code."""
    kinds = (operation.kind, *(operand.kind for operand in operation.operands))
    if operation.op in LOGICAL:
        return "logic"
    if operation.op in COMPARISONS:
        return "float_compares" if operation.operands[0].kind.floating else "conditions"
    if any(kind in WIDE for kind in kinds):
        return "wide"
    if operation.op in ("select", "min", "max", "cast") and Kind.F32 in kinds:
        return "float_compares"
    if operation.kind is Kind.F32:
        return "float_divisions" if operation.op == "div" else "float_operations"
    return NAMES.get(operation.op, "sums")


def known_interval(operation: Operation, operands: Sequence[Interval]) -> Interval:
    """Between which integers the result of an operator lies; of floats nothing is known."""
    whole = within_kind(operation.kind)
    given = operation.operands[0].kind
    if operation.op in COMPARISONS:
        return OPEN if given.floating else COMPARED[operation.op](operands[0], operands[1])
    if operation.op in LOGICAL:
        return LOGICALLY[operation.op](operands)
    if operation.kind.floating or given.floating:
        return whole
    if operation.op == "select":
        return hull(operands[1], operands[2])
    rule = RULES.get(operation.op)
    found = operands[0] if operation.op == "cast" else rule(*operands) if rule else whole
    return found if whole[0] <= found[0] and found[1] <= whole[1] else whole


def less(one: Interval, other: Interval) -> Interval:
    """Whether one is below the other."""
    return TRUE if one[1] < other[0] else FALSE if one[0] >= other[1] else OPEN


def at_most(one: Interval, other: Interval) -> Interval:
    """Whether one is not above the other."""
    return inverted(less(other, one))


def equal(one: Interval, other: Interval) -> Interval:
    """Whether both are the same."""
    if one[1] < other[0] or other[1] < one[0]:
        return FALSE
    return TRUE if one == other and one[0] == one[1] else OPEN


def inverted(one: Interval) -> Interval:
    """Whether it does not hold."""
    return 1 - one[1], 1 - one[0]


COMPARED: Mapping[str, Callable[[Interval, Interval], Interval]] = {
    "lt": less, "le": at_most, "eq": equal,
    "gt": lambda one, other: less(other, one), "ge": lambda one, other: at_most(other, one),
    "ne": lambda one, other: inverted(equal(one, other)),
}  # fmt: skip
LOGICALLY: Mapping[str, Callable[[Sequence[Interval]], Interval]] = {
    "both": lambda given: (min(one[0] for one in given), min(one[1] for one in given)),
    "either": lambda given: (max(one[0] for one in given), max(one[1] for one in given)),
    "not": lambda given: inverted(given[0]),
}

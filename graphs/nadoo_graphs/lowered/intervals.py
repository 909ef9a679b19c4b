"""Between which integers an expression lies, whatever the inputs are."""

from collections.abc import Callable, Mapping

from attrs import frozen

from nadoo_graphs.lowered.expressions import Call, Expression, Load, Name, Number, Operation
from nadoo_graphs.lowered.types import Kind

Interval = tuple[int, int]


def within_kind(kind: Kind) -> Interval:
    """All that a kind can hold; a truth value counts as 0 or 1, and of floats nothing is known."""
    if kind is Kind.BOOL:
        return (0, 1)
    return (-(1 << 62), 1 << 62) if kind.floating else kind.bounds


def hull(one: Interval, other: Interval) -> Interval:
    """The smallest interval around both."""
    return min(one[0], other[0]), max(one[1], other[1])


@frozen
class Intervals:
    """What is known of locals, and of the constants behind roles."""

    names: Mapping[str, Interval]
    constants: Mapping[str, Interval]

    def of(self, expression: Expression) -> Interval:
        """The interval of an expression."""
        if isinstance(expression, Number):
            known = not expression.kind.floating
            return (int(expression.value), int(expression.value)) if known else within_kind(expression.kind)
        if isinstance(expression, Name):
            return self.names.get(expression.name, within_kind(expression.kind))
        if isinstance(expression, Load):
            return self.constants.get(expression.role, within_kind(expression.memory))
        if isinstance(expression, Call) or expression.kind.floating or not isinstance(expression, Operation):
            return within_kind(expression.kind)
        found = self.operation(expression)
        low, high = within_kind(expression.kind)
        return found if low <= found[0] and found[1] <= high else (low, high)

    def operation(self, operation: Operation) -> Interval:
        """The interval of an operator's result before its kind bounds it."""
        whole = within_kind(operation.kind)
        if operation.op == "cast" and not operation.operands[0].kind.floating:
            return self.of(operation.operands[0])
        if operation.op == "select":
            return hull(self.of(operation.operands[1]), self.of(operation.operands[2]))
        rule = RULES.get(operation.op)
        return whole if rule is None else rule(*map(self.of, operation.operands))


def product(one: Interval, other: Interval) -> Interval:
    """All products."""
    ends = [a * b for a in one for b in other]
    return min(ends), max(ends)


def quotient(one: Interval, other: Interval) -> Interval:
    """Quotients of numbers from 0 up; a division by 0 is an error of its own."""
    return max(one[0], 0) // max(other[1], 1), max(one[1], 0) // max(other[0], 1)


def masked(one: Interval, other: Interval) -> Interval:
    """Bits of both: no more than a mask from 0 up has."""
    masks = [interval[1] for interval in (one, other) if interval[0] >= 0]
    return (0, min(masks)) if masks else (min(one[0], other[0]) * 2, max(one[1], other[1]))


def shifted_right(one: Interval, bits: Interval) -> Interval:
    """Shifts that round down."""
    if bits[0] < 0 or bits[1] > 63:
        return min(one[0], 0), max(one[1], 0)
    ends = [value >> count for value in one for count in bits]
    return min(ends), max(ends)


def shifted_left(one: Interval, bits: Interval) -> Interval:
    """Shifts that multiply."""
    if bits[0] < 0 or bits[1] > 63:
        return -(1 << 70), 1 << 70
    ends = [value << count for value in one for count in bits]
    return min(ends), max(ends)


def total(one: Interval, other: Interval) -> Interval:
    """All sums."""
    return one[0] + other[0], one[1] + other[1]


def difference(one: Interval, other: Interval) -> Interval:
    """All differences."""
    return one[0] - other[1], one[1] - other[0]


def remainder(one: Interval, other: Interval) -> Interval:
    """Remainders of numbers from 0 up."""
    return 0, max(other[1] - 1, 0)


def smaller(one: Interval, other: Interval) -> Interval:
    """All smaller ones."""
    return min(one[0], other[0]), min(one[1], other[1])


def larger(one: Interval, other: Interval) -> Interval:
    """All larger ones."""
    return max(one[0], other[0]), max(one[1], other[1])


def negative(one: Interval) -> Interval:
    """All with the other sign."""
    return -one[1], -one[0]


RULES: Mapping[str, Callable[..., Interval]] = {
    "add": total,
    "sub": difference,
    "mul": product,
    "div": quotient,
    "mod": remainder,
    "min": smaller,
    "max": larger,
    "neg": negative,
    "and": masked,
    "shr": shifted_right,
    "shl": shifted_left,
}

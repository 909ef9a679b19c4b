"""Expressions of the loop language: typed, without side effects, written in Python with the usual operators.

An integer in Python becomes a constant of the kind beside it. Comparisons by `<`, `<=`, `>` and `>=` make
expressions too; equality is `equals`, because `==` compares the trees themselves.
"""

from typing import TypeAlias

from attrs import field, frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.lowered.errors import refused
from nadoo_graphs.lowered.types import Kind

Term: TypeAlias = "Expression | int | float"

COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
LOGICAL = ("both", "either", "not")
ARITHMETIC = ("add", "sub", "mul", "div", "mod", "min", "max", "neg", "and", "or", "xor", "shl", "shr")
OTHERS = ("select", "cast", "bits")
OPERATIONS = (*ARITHMETIC, *COMPARISONS, *LOGICAL, *OTHERS)


class Expression:
    """The base of all expressions; `kind` is what evaluation gives."""

    kind: Kind

    def __add__(self, other: Term) -> "Expression":
        return operation("add", self, other)

    def __radd__(self, other: Term) -> "Expression":
        return operation("add", term(other, self.kind), self)

    def __sub__(self, other: Term) -> "Expression":
        return operation("sub", self, other)

    def __rsub__(self, other: Term) -> "Expression":
        return operation("sub", term(other, self.kind), self)

    def __mul__(self, other: Term) -> "Expression":
        return operation("mul", self, other)

    def __rmul__(self, other: Term) -> "Expression":
        return operation("mul", term(other, self.kind), self)

    def __truediv__(self, other: Term) -> "Expression":
        return operation("div", self, other)

    def __rtruediv__(self, other: Term) -> "Expression":
        return operation("div", term(other, self.kind), self)

    def __floordiv__(self, other: Term) -> "Expression":
        return operation("div", self, other)

    def __mod__(self, other: Term) -> "Expression":
        return operation("mod", self, other)

    def __and__(self, other: Term) -> "Expression":
        return operation("and", self, other)

    def __or__(self, other: Term) -> "Expression":
        return operation("or", self, other)

    def __xor__(self, other: Term) -> "Expression":
        return operation("xor", self, other)

    def __lshift__(self, other: Term) -> "Expression":
        return operation("shl", self, other)

    def __rshift__(self, other: Term) -> "Expression":
        return operation("shr", self, other)

    def __neg__(self) -> "Expression":
        return Operation("neg", (self,), self.kind)

    def __lt__(self, other: Term) -> "Expression":
        return comparison("lt", self, other)

    def __le__(self, other: Term) -> "Expression":
        return comparison("le", self, other)

    def __gt__(self, other: Term) -> "Expression":
        return comparison("gt", self, other)

    def __ge__(self, other: Term) -> "Expression":
        return comparison("ge", self, other)

    def equals(self, other: Term) -> "Expression":
        """Whether two values are the same."""
        return comparison("eq", self, other)

    def differs(self, other: Term) -> "Expression":
        """Whether two values are not the same."""
        return comparison("ne", self, other)

    def at_least(self, other: Term) -> "Expression":
        """The larger of two values; of two equal ones, and beside a NaN, the second."""
        return operation("max", self, other)

    def at_most(self, other: Term) -> "Expression":
        """The smaller of two values; of two equal ones, and beside a NaN, the second."""
        return operation("min", self, other)

    def clamped(self, low: Term, high: Term) -> "Expression":
        """The value, or the bound that it crosses."""
        return self.at_least(low).at_most(high)

    def to(self, kind: Kind) -> "Expression":
        """The value in another kind: a float loses its fraction, an integer must fit."""
        return self if kind is self.kind else Operation("cast", (self,), kind)

    def bits(self, kind: Kind) -> "Expression":
        """The same 32 bits, read as another kind."""
        return Operation("bits", (self,), kind)


@frozen
class Number(Expression):
    """A constant."""

    value: int | float
    kind: Kind = Kind.I32


@frozen
class Name(Expression):
    """A loop variable or a local."""

    name: str
    kind: Kind = Kind.I32


@frozen
class Load(Expression):
    """An element of what stands behind a role of the kernel; narrow integers come as i32."""

    role: str
    index: Expression
    memory: Kind
    kind: Kind = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "kind", self.memory.computed)


@frozen
class Operation(Expression):
    """An operator and its operands."""

    op: str
    operands: tuple[Expression, ...]
    kind: Kind


@frozen
class Call(Expression):
    """A function of the program, applied."""

    function: str
    arguments: tuple[Expression, ...]
    kind: Kind


def term(value: Term, kind: Kind) -> Expression:
    """A number of Python as a constant of a kind; expressions stay as they are."""
    if isinstance(value, Expression):
        return value
    return Number(float(value), kind) if kind.floating else Number(int(value), kind)


def operation(op: str, left: Expression, right: Term) -> Expression:
    """A binary operation of two values of one kind."""
    other = term(right, left.kind)
    require_same(op, left, other)
    return Operation(op, (left, other), left.kind)


def comparison(op: str, left: Expression, right: Term) -> Expression:
    """A comparison of two values of one kind."""
    other = term(right, left.kind)
    require_same(op, left, other)
    return Operation(op, (left, other), Kind.BOOL)


def require_same(op: str, left: Expression, right: Expression) -> None:
    """Nothing is promoted silently."""
    if left.kind is not right.kind:
        message = f"has operands of the kinds {left.kind} and {right.kind}; cast one of them with to()"
        raise refused(Code.DTYPE, f"operation {op!r}", message)


def both(*conditions: Expression) -> Expression:
    """Whether all conditions hold, asked from the left until one fails."""
    found = conditions[0]
    for condition in conditions[1:]:
        found = Operation("both", (found, condition), Kind.BOOL)
    return found


def either(left: Expression, right: Expression) -> Expression:
    """Whether a condition holds."""
    return Operation("either", (left, right), Kind.BOOL)


def select(condition: Expression, yes: Expression, no: Term) -> Expression:
    """One value or the other."""
    other = term(no, yes.kind)
    require_same("select", yes, other)
    return Operation("select", (condition, yes, other), yes.kind)


def i32(value: int) -> Number:
    """A constant of 32 bits."""
    return Number(value, Kind.I32)


def i64(value: int) -> Number:
    """A constant of 64 bits."""
    return Number(value, Kind.I64)


def f64(value: float) -> Number:
    """A constant of 53 bits."""
    return Number(float(value), Kind.F64)


def f32(value: float) -> Number:
    """A floating-point constant, rounded to what it can hold."""
    import numpy as np

    return Number(float(np.float32(value)), Kind.F32)

"""Expressions as C: every conversion is written, and nothing depends on what the standard leaves open."""

from math import isinf, isnan

import numpy as np

from nadoo_graphs.lowered import Kind
from nadoo_graphs.lowered.expressions import Call, Expression, Load, Name, Number, Operation

BINARY = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "and": "&", "or": "|", "xor": "^",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "both": "&&", "either": "||",
}  # fmt: skip
RANK = {
    "mul": 12, "div": 12, "mod": 12, "add": 11, "sub": 11, "lt": 9, "le": 9, "gt": 9, "ge": 9, "eq": 8, "ne": 8,
    "and": 7, "xor": 6, "or": 5, "both": 4, "either": 3,
}  # fmt: skip
CLOSED = frozenset({"and", "or", "xor", "either", "eq", "ne", "div", "mod"})
"""Operators around whose operands parentheses are written even where C needs none."""
INT32_MINIMUM, INT64_MINIMUM = -(1 << 31), -(1 << 63)
ATOM = 20
SIGNED = 13


class ExpressionPrinter:
    """Writes expressions, and remembers which helpers they need."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        """What roles are called: parameters, or constants of the file."""
        self.helpers: set[str] = set()

    def text(self, expression: Expression) -> str:
        """An expression without parentheses around it."""
        return self.ranked(expression)[0]

    def ranked(self, expression: Expression) -> tuple[str, int]:
        """An expression and how tightly its outermost operator binds."""
        if isinstance(expression, Number):
            text = self.number(expression)
            return text, SIGNED if text.startswith("-") else ATOM
        if isinstance(expression, Name):
            return expression.name, ATOM
        if isinstance(expression, Load):
            return f"{self.names.get(expression.role, expression.role)}[{self.text(expression.index)}]", ATOM
        if isinstance(expression, Call):
            return f"{expression.function}({', '.join(map(self.text, expression.arguments))})", ATOM
        if isinstance(expression, Operation):
            return self.operation(expression)
        raise TypeError(f"{expression!r} is no expression of a lowered program")

    def number(self, number: Number) -> str:
        """A constant of its kind."""
        if number.kind is Kind.F32:
            return self.floating(float(number.value))
        if number.kind is Kind.F64:
            return repr(float(number.value))
        value = int(number.value)
        if number.kind is Kind.U32:
            return f"{value}u"
        if number.kind is Kind.I64:
            return f"INT64_C({value})" if value > INT64_MINIMUM else "INT64_MIN"
        return str(value) if value > INT32_MINIMUM else "INT32_MIN"

    def floating(self, value: float) -> str:
        """The shortest decimal that reads back as the same float."""
        if isnan(value) or isinf(value):
            self.helpers.add("float_of_bits")
            bits = int(np.float32(value).view(np.uint32))
            return f"nadoo_float_of_bits({bits:#010x}u)"
        text = str(np.float32(value))
        text = text if any(mark in text for mark in ".e") else f"{text}.0"
        return f"{text}f"

    def operation(self, operation: Operation) -> tuple[str, int]:
        """An operator and its operands."""
        special = SPECIAL.get(operation.op)
        if special is not None:
            return special(self, operation)
        rank = RANK[operation.op]
        left, right = operation.operands
        parts = self.operand(left, rank, operation.op), self.operand(right, rank + 1, operation.op)
        return f"{parts[0]} {BINARY[operation.op]} {parts[1]}", rank

    def operand(self, expression: Expression, rank: int, op: str) -> str:
        """An operand, in parentheses where it binds less tightly or a reader would stop."""
        text, own = self.ranked(expression)
        clear = own == ATOM or (own >= rank and not (op in CLOSED and own < SIGNED))
        return text if clear else f"({text})"

    def atom(self, expression: Expression) -> str:
        """An expression that stands where only a single thing may."""
        text, rank = self.ranked(expression)
        return text if rank == ATOM else f"({text})"

    def called(self, helper: str, *arguments: Expression) -> tuple[str, int]:
        """A helper applied."""
        self.helpers.add(helper)
        return f"nadoo_{helper}({', '.join(map(self.text, arguments))})", ATOM

    def extremum(self, operation: Operation) -> tuple[str, int]:
        """The smaller or larger value, each evaluated once."""
        return self.called(f"{operation.op}_{operation.kind.value}", *operation.operands)

    def shift_right(self, operation: Operation) -> tuple[str, int]:
        """A shift that rounds down, which C leaves open for negative numbers."""
        value, bits = operation.operands
        if operation.kind is Kind.U32:
            return f"{self.atom(value)} >> {self.atom(bits)}", 10
        return self.called(f"shift_right_{operation.kind.value}", value, bits)

    def shift_left(self, operation: Operation) -> tuple[str, int]:
        """A shift by way of unsigned numbers, where it is always defined."""
        value, bits = map(self.atom, operation.operands)
        if operation.kind is Kind.U32:
            return f"{value} << {bits}", 10
        wide = "uint64_t" if operation.kind is Kind.I64 else "uint32_t"
        return f"({operation.kind.c})(({wide}){value} << {bits})", 13

    def negative(self, operation: Operation) -> tuple[str, int]:
        """Minus a value."""
        return f"-{self.atom(operation.operands[0])}", 13

    def negation(self, operation: Operation) -> tuple[str, int]:
        """Not a condition."""
        return f"!{self.atom(operation.operands[0])}", 13

    def select(self, operation: Operation) -> tuple[str, int]:
        """One value or the other."""
        condition, yes, no = operation.operands
        return f"({self.text(condition)}) ? {self.atom(yes)} : {self.atom(no)}", 2

    def cast(self, operation: Operation) -> tuple[str, int]:
        """A value in another kind."""
        value = operation.operands[0]
        if value.kind is Kind.BOOL and not operation.kind.floating:
            return f"({self.text(value)}) ? 1 : 0", 2
        return f"({operation.kind.c}){self.atom(value)}", 13

    def bits(self, operation: Operation) -> tuple[str, int]:
        """The same bits as another kind."""
        helper = "float_of_bits" if operation.kind is Kind.F32 else "bits_of_float"
        return self.called(helper, operation.operands[0])


SPECIAL = {
    "min": ExpressionPrinter.extremum,
    "max": ExpressionPrinter.extremum,
    "shr": ExpressionPrinter.shift_right,
    "shl": ExpressionPrinter.shift_left,
    "neg": ExpressionPrinter.negative,
    "not": ExpressionPrinter.negation,
    "select": ExpressionPrinter.select,
    "cast": ExpressionPrinter.cast,
    "bits": ExpressionPrinter.bits,
}

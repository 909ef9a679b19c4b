"""Evaluating expressions and statements over arrays: one axis for samples, one for each parallel loop around."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard, cast

import numpy as np

from nadoo_graphs.errors import Code
from nadoo_graphs.lowered.errors import LoweredError, refused
from nadoo_graphs.lowered.expressions import Call, Expression, Load, Name, Number, Operation
from nadoo_graphs.lowered.program import Function
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, Store
from nadoo_graphs.lowered.types import Kind

Array = np.ndarray[Any, Any]
Held = Any
"""A Python integer, a NumPy scalar, or an array that broadcasts over samples and parallel loops."""


def is_spread(value: Held) -> TypeGuard[Array]:
    """Whether a value differs between samples or turns."""
    return isinstance(value, np.ndarray)


class Evaluator:
    """The state of one kernel while it runs: locals, memory behind roles, and which elements take part."""

    def __init__(self, functions: Mapping[str, Function], memory: Mapping[str, Array], rank: int, where: str) -> None:
        self.functions = functions
        self.memory = memory
        self.rank = rank
        self.where = where
        self.names: dict[str, Held] = {}
        self.mask: Array | None = None
        self.level = 0

    # --- statements -------------------------------------------------------------------------------------

    def run(self, statements: Sequence[Statement]) -> None:
        """Statements one after the other."""
        for statement in statements:
            RUN[type(statement)](self, statement)

    def let(self, statement: Let | Assign) -> None:
        """A value for a local; elements that do not take part keep the old one."""
        value = self.value(statement.value)
        old = self.names.get(statement.name)
        if isinstance(statement, Assign) and self.mask is not None:
            value = np.where(self.mask, value, old)
        self.names[statement.name] = value

    def loop(self, statement: For) -> None:
        """A parallel loop becomes an axis, a serial one is run turn by turn."""
        start, stop = self.value(statement.start), self.value(statement.stop)
        if statement.parallel:
            self.spread(statement, int(start), int(stop))
            return
        alike = not is_spread(start) and not is_spread(stop)
        before = self.mask
        for turn in range(int(np.min(start)), int(np.max(stop))):
            if not alike:
                inside = (start <= turn) & (turn < stop)
                self.mask = inside if before is None else before & inside
            self.names[statement.variable] = turn
            self.run(statement.body)
        self.mask = before

    def spread(self, statement: For, start: int, stop: int) -> None:
        """All turns at once, as an axis of their own."""
        shape = [1] * (self.rank + 1)
        self.level += 1
        shape[self.level] = -1
        self.names[statement.variable] = np.arange(start, stop).reshape(shape)
        if stop > start:
            self.run(statement.body)
        self.level -= 1

    def when(self, statement: If) -> None:
        """The body, for those elements for which the condition holds."""
        condition = self.value(statement.condition)
        if not is_spread(condition):
            if condition:
                self.run(statement.body)
            return
        before = self.mask
        self.mask = condition if before is None else before & condition
        if self.mask.any():
            self.run(statement.body)
        self.mask = before

    def store(self, statement: Store) -> None:
        """Values into memory, each to its own place."""
        memory = self.memory[statement.role]
        index, value = self.value(statement.index), self.value(statement.value)
        if statement.memory is not Kind.F32:
            self.require_range(value, statement.memory, f"what it stores into {statement.role!r}")
        shape = np.broadcast_shapes(
            (memory.shape[0], *[1] * self.rank),
            *(np.shape(item) for item in (index, value, self.mask) if item is not None),
        )
        places = np.broadcast_to(self.bounded(index, memory.shape[1], statement.role), shape)
        rows: Array = np.broadcast_to(sample_rows(int(memory.shape[0]), self.rank), shape)
        values = np.broadcast_to(value, shape)
        if self.mask is None:
            memory[rows, places] = values
            return
        chosen = np.broadcast_to(self.mask, shape)
        memory[rows[chosen], places[chosen]] = values[chosen]

    # --- expressions ------------------------------------------------------------------------------------

    def value(self, expression: Expression) -> Held:
        """What an expression gives."""
        if isinstance(expression, Name):
            return self.names[expression.name]
        if isinstance(expression, Number):
            return constant(expression)
        if isinstance(expression, Load):
            return self.load(expression)
        if isinstance(expression, Call):
            return self.call(expression)
        if isinstance(expression, Operation):
            return self.operation(expression)
        raise refused(Code.UNKNOWN, self.where, f"cannot evaluate {expression!r}")

    def load(self, load: Load) -> Held:
        """Elements of memory; those that do not take part may look anywhere."""
        memory = self.memory[load.role]
        index = self.bounded(self.value(load.index), memory.shape[1], load.role)
        if not is_spread(index):
            found = memory[:, index].reshape(-1, *[1] * self.rank)
        elif index.shape[0] == 1:
            found = np.take(memory, index[0], axis=1)
        elif memory.shape[0] == 1:
            found = np.take(memory[0], index)
        else:
            rows: Array = sample_rows(int(memory.shape[0]), self.rank)
            found = memory[rows, index]
        return found

    def bounded(self, index: Held, length: int, role: str) -> Held:
        """The index, refused where an element that takes part looks outside."""
        if not is_spread(index):
            if 0 <= index < length:
                return int(index)
            if self.mask is not None and not self.mask.any():
                return 0
            raise self.outside(role, int(index), length)
        if index.size and (index.min() < 0 or index.max() >= length):
            wrong = (index < 0) | (index >= length)
            active = wrong if self.mask is None else wrong & self.mask
            if active.any():
                found = np.broadcast_to(index, active.shape)[active]
                raise self.outside(role, int(found[0]), length)
            return np.where(wrong, 0, index)
        return index

    def outside(self, role: str, index: int, length: int) -> LoweredError:
        """The error of an index that leads out of a slice."""
        return refused(Code.LIMIT, self.where, f"looks at element {index} of {role!r}, which has {length}")

    def call(self, call: Call) -> Held:
        """A function, with locals of its own."""
        function = self.functions[call.function]
        values = [self.value(argument) for argument in call.arguments]
        outer = self.names
        self.names = {name: value for (name, _), value in zip(function.parameters, values, strict=True)}
        self.run(function.body)
        result = self.value(function.result)
        self.names = outer
        return result

    def operation(self, operation: Operation) -> Held:
        """An operator on the values of its operands."""
        values = [self.value(operand) for operand in operation.operands]
        if operation.op == "cast":
            return self.cast(values[0], operation.operands[0].kind, operation.kind)
        if operation.op == "bits":
            return reread(values[0], operation.operands[0].kind, operation.kind)
        if operation.op in ("div", "mod") and not operation.kind.floating:
            values = self.divisible(values)
        found = OPERATORS[operation.op](*values)
        if operation.kind is Kind.U32 and operation.op in WRAPPING:
            return found & 0xFFFFFFFF
        if operation.kind is Kind.I32 and operation.op in WRAPPING:
            self.require_range(found, Kind.I32, f"the result of {operation.op!r}")
        return found

    def cast(self, value: Held, given: Kind, kind: Kind) -> Held:
        """A value in another kind: floats lose their fraction, integers must fit, unsigned ones wrap."""
        if kind.floating:
            held = kind.numpy.type
            return np.asarray(value).astype(held) if is_spread(value) else held(value)
        if given is Kind.BOOL:
            return value * 1
        if given.floating:
            value = np.trunc(value).astype(np.int64) if is_spread(value) else int(value)
        if kind is Kind.U32:
            return value & 0xFFFFFFFF
        self.require_range(value, kind, f"a cast to {kind}")
        return value

    def divisible(self, values: list[Held]) -> list[Held]:
        """Integers are divided only where no language disagrees: at least 0, by more than 0."""
        left, right = values
        self.require(np.less(left, 0) | np.less_equal(right, 0), "divides by 0, or divides negative integers")
        return [np.maximum(left, 0) if is_spread(left) else left, np.maximum(right, 1)]

    def require_range(self, value: Held, kind: Kind, what: str) -> None:
        """Refuse integers that do not fit."""
        low, high = kind.bounds
        if not is_spread(value):
            if not low <= value <= high:
                raise refused(Code.LIMIT, self.where, f"{what} is {value}, outside {kind} ({low} to {high})")
            return
        if value.size and (value.min() < low or value.max() > high):
            self.require((value < low) | (value > high), f"{what} is outside {kind} ({low} to {high})")

    def require(self, wrong: Held, message: str) -> None:
        """Refuse what is wrong for an element that takes part."""
        active = wrong if self.mask is None else np.asarray(wrong) & self.mask
        if np.any(active):
            raise refused(Code.LIMIT, self.where, f"{message}; the rule that lowered it must bound its operands")


def constant(number: Number) -> Held:
    """A number as NumPy computes with it."""
    if number.kind is Kind.F64:
        return np.float64(number.value)
    return np.float32(number.value) if number.kind is Kind.F32 else int(number.value)


def reread(value: Held, given: Kind, kind: Kind) -> Held:
    """The bits of a value as another kind."""
    if given is Kind.F32:
        return np.asarray(value, np.float32).view(np.uint32).astype(np.int64)[()]
    return np.asarray(value).astype(np.uint32).view(np.float32)[()]


def sample_rows(count: int, rank: int) -> Array:
    """The number of each sample, laid along the first axis."""
    return cast(Array, np.arange(count).reshape(-1, *[1] * rank))


def spread_choice(condition: Held, yes: Held, no: Held) -> Array:
    """One value or the other, element by element."""
    return cast(Array, np.where(condition, yes, no))


def smaller(left: Held, right: Held) -> Held:
    """left < right ? left : right."""
    if is_array(left, right):
        return spread_choice(np.less(left, right), left, right)
    return left if left < right else right


def larger(left: Held, right: Held) -> Held:
    """left > right ? left : right."""
    if is_array(left, right):
        return spread_choice(np.greater(left, right), left, right)
    return left if left > right else right


def choose(condition: Held, yes: Held, no: Held) -> Held:
    """condition ? yes : no."""
    if is_array(condition, yes, no):
        return spread_choice(condition, yes, no)
    return yes if condition else no


def quotient(left: Held, right: Held) -> Held:
    """A float's division, or an integer's of numbers from 0 up."""
    return left / right if is_float(left) else left // right


def is_array(*values: Held) -> bool:
    """Whether any value is an array."""
    return any(is_spread(value) for value in values)


def is_float(value: Held) -> bool:
    """Whether a value is floating."""
    return isinstance(value, np.floating) or (is_spread(value) and value.dtype.kind == "f")


WRAPPING = frozenset({"add", "sub", "mul", "neg", "shl"})
OPERATORS: Mapping[str, Any] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": quotient, "mod": operator.mod,
    "min": smaller, "max": larger, "neg": operator.neg, "and": operator.and_, "or": operator.or_,
    "xor": operator.xor, "shl": operator.lshift, "shr": operator.rshift, "eq": operator.eq, "ne": operator.ne,
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "both": np.logical_and,
    "either": np.logical_or, "not": np.logical_not, "select": choose,
}  # fmt: skip
RUN: Mapping[type, Callable[[Evaluator, Any], None]] = {
    Let: Evaluator.let,
    Assign: Evaluator.let,
    For: Evaluator.loop,
    If: Evaluator.when,
    Store: Evaluator.store,
}

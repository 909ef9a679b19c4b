"""What a kernel executes, counted from its loops: how often each kind of operation runs, without running it.

Loops have known lengths, and a condition that hangs on loop variables alone, as at a padded border, is counted exactly;
one that hangs on data counts as if it held.
"""

from collections import defaultdict
from collections.abc import Mapping
from math import prod
from typing import Any, cast

import numpy as np
from attrs import define, field

from nadoo_graphs.lowered.evaluation import OPERATORS
from nadoo_graphs.lowered.expressions import Call, Expression, Load, Name, Number, Operation
from nadoo_graphs.lowered.program import Kernel
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, Store, children, parts, walk

MOST_TURNS = 1 << 20
"""A condition over more turns than this counts as if it always held."""
Array = np.ndarray[Any, Any]


@define
class Execution:
    """The counts of a kernel while its statements are walked."""

    counts: defaultdict[str, float] = field(factory=lambda: defaultdict(float))
    ranges: dict[str, tuple[int, int]] = field(factory=dict[str, tuple[int, int]])
    locals: dict[str, Expression] = field(factory=dict[str, Expression])

    def walk(self, statements: tuple[Statement, ...], times: float) -> None:
        """Count the statements of a block that runs so often."""
        for statement in statements:
            if isinstance(statement, For):
                self.loop(statement, times)
            elif isinstance(statement, If):
                self.evaluate(statement.condition, times, "compare")
                self.walk(statement.body, times * self.share(statement.condition))
            else:
                self.single(statement, times)

    def loop(self, statement: For, times: float) -> None:
        """A loop whose ends are numbers; others are taken to turn once."""
        start, stop = statement.start, statement.stop
        ends = (int(start.value), int(stop.value)) if isinstance(start, Number) and isinstance(stop, Number) else (0, 1)
        turns = max(0, ends[1] - ends[0])
        inner = any(isinstance(item, For) for item in walk(statement.body))
        self.counts["turns.outer" if inner else "turns.inner"] += times * turns
        self.counts["loops"] += times
        self.ranges[statement.variable] = ends
        self.walk(statement.body, times * turns)

    def single(self, statement: Let | Assign | Store, times: float) -> None:
        """A local or a store."""
        self.evaluate(statement.value, times, "")
        if isinstance(statement, Store):
            self.counts[f"store.{statement.memory.value}"] += times
        elif isinstance(statement, Let):
            self.locals[statement.name] = statement.value
        else:
            self.locals.pop(statement.name, None)

    def evaluate(self, expression: Expression, times: float, instead: str) -> None:
        """The operations of an expression on values; what only finds an element is no work of its own."""
        if isinstance(expression, Load):
            self.counts[f"load.{expression.memory.value}"] += times
            return
        if isinstance(expression, Call):
            self.counts[f"call.{expression.function}"] += times
        elif isinstance(expression, Operation):
            self.counts[instead or f"{expression.op}.{expression.kind.value}"] += times
        for child in children(expression):
            self.evaluate(child, times, instead)

    def share(self, condition: Expression) -> float:
        """In which share of the turns around it a condition holds."""
        resolved = self.resolved(condition)
        if resolved is None:
            return 1.0
        names = sorted({part.name for part in parts(resolved) if isinstance(part, Name)})
        if not names or prod(self.length(name) for name in names) > MOST_TURNS:
            return 1.0
        grids = np.meshgrid(*(np.arange(*self.ranges[name]) for name in names), indexing="ij", sparse=True)
        value = evaluated(resolved, dict(zip(names, grids, strict=True)))
        shape = tuple(self.length(name) for name in names)
        return float(np.mean(np.broadcast_to(value, shape))) if prod(shape) else 0.0

    def resolved(self, expression: Expression) -> Expression | None:
        """An expression over loop variables alone; None where it hangs on anything else."""
        if isinstance(expression, Name):
            if expression.name in self.ranges and expression.name not in self.locals:
                return expression
            found = self.locals.get(expression.name)
            return None if found is None else self.resolved(found)
        if isinstance(expression, Number):
            return expression
        if not isinstance(expression, Operation) or expression.op not in OPERATORS:
            return None
        operands = [self.resolved(operand) for operand in expression.operands]
        if any(operand is None for operand in operands):
            return None
        return Operation(expression.op, tuple(cast("list[Expression]", operands)), expression.kind)

    def length(self, name: str) -> int:
        """The turns of a loop."""
        start, stop = self.ranges[name]
        return max(0, stop - start)


def evaluated(expression: Expression, names: Mapping[str, Array]) -> Any:
    """An expression over arrays of turns."""
    if isinstance(expression, Name):
        return names[expression.name]
    if isinstance(expression, Operation):
        return OPERATORS[expression.op](*(evaluated(operand, names) for operand in expression.operands))
    return cast(Number, expression).value


def executed(kernel: Kernel) -> Mapping[str, float]:
    """How often each operation of a kernel runs: loads, stores, calls and turns of loops by name, the rest by kind."""
    execution = Execution()
    execution.walk(kernel.body, 1.0)
    return dict(execution.counts)

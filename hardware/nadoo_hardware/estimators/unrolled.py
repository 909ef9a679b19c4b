"""What is left of a kernel in code: loops unrolled as compilers unroll them, and equal values computed once.

Short loops become straight code, a longer one of plain sums becomes a few copies of its body, conditions that are
known by then are gone. The limits are those of LLVM at -O3, in its own way of counting; a first walk decides which
loops are unrolled as a whole, from the inside out, a second one counts what is left.
"""

from collections import Counter
from typing import cast

from attrs import define, field

from nadoo_graphs.lowered import Kernel
from nadoo_graphs.lowered.expressions import Call, Expression, Load, Name, Number, Operation
from nadoo_graphs.lowered.intervals import within_kind
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, Store, walk
from nadoo_graphs.lowered.types import Kind
from nadoo_hardware.estimators.unrolled_operations import FALSE, INTEGERS, TRUE, known_interval, name_of
from nadoo_hardware.estimators.unrolled_values import BEGINNING, NO_LOOP, NUMBER, Sum, Used, Values

RESCALE = "nadoo_scale"
"""How the names of functions begin that rescale accumulators."""
WHOLE = 150
"""The largest straight code of a loop that is unrolled as a whole."""
FOLDED = 200
"""The same where conditions are known in straight code, as a multiple of what is saved by that."""
SAVED = 1.15
MOST_SAVED = 4.0
MOST_TURNS = 10
"""Loops of more turns are not looked into for conditions."""
COPIES = 4
"""The copies of a body whose number of turns has no divisor that fits."""
PARTIAL = {"rescale": 45, "calls": 10, "loops": 14, "wide": 3, "addresses": 0, NUMBER: 0, BEGINNING: 0, "logic": 0}
"""What each costs in a loop that is copied; addresses of integers are part of what reads them."""
FIRST = {**PARTIAL, "addresses": 1, BEGINNING: 1}
"""What each costs before addresses are part of what reads them."""
STRAIGHT = {**PARTIAL, "float_addresses": 0}
"""What each costs in straight code, where addresses are constants."""
SILENT = (NUMBER, BEGINNING, "logic")
COPIED = ("loads", "stores", "sums", "products", "bits", "float_operations")
"""What copies of a body are told apart by."""
Locals = dict[str, Sum]


def unrolled(kernel: Kernel) -> Counter[str]:
    """What the code of a kernel is made of, by name."""
    plan: dict[int, bool] = {}
    Unrolling(written=frozenset(kernel.written), plan=plan, deciding=True).block(kernel.body, {}, {})
    used: Used = {}
    walked = Unrolling(written=frozenset(kernel.written), plan=plan, deciding=False)
    walked.block(kernel.body, {}, used)
    found = Counter(walked.values.names[value] for value in used)
    found["addresses"] += found.pop("float_addresses", 0)
    return Counter({name: many for name, many in found.items() if many and name not in SILENT})


@define
class Unrolling:
    """One walk over a kernel."""

    written: frozenset[str]
    plan: dict[int, bool]
    """Whether a loop is unrolled as a whole, by the identity of its statement."""
    deciding: bool
    values: Values = field(factory=Values)
    depth: int = 0
    around: int = NO_LOOP
    stores: int = 0

    # --- statements ---------------------------------------------------------------------------------------------------

    def block(self, body: tuple[Statement, ...], names: Locals, used: Used) -> None:
        """The statements of a block."""
        for statement in body:
            if isinstance(statement, For):
                self.loop(statement, names, used)
            elif isinstance(statement, If):
                self.condition(statement, names, used)
            elif isinstance(statement, Store):
                self.store(statement, names, used)
            elif isinstance(statement, Let):
                names[statement.name] = self.expression(statement.value, names, used)
            else:
                names[statement.name] = self.accumulated(statement, names, used)

    def condition(self, statement: If, names: Locals, used: Used) -> None:
        """A condition that is known is no code, and neither is what never runs."""
        found = self.values.interval(self.expression(statement.condition, names, used))
        if found == FALSE:
            return
        if found != TRUE:
            used[self.values.new("conditions", self.around)] = None
        self.block(statement.body, names, used)
        if found != TRUE:
            self.begin(statement.body, names, used)

    def begin(self, body: tuple[Statement, ...], names: Locals, used: Used) -> None:
        """Locals that a body may have changed have a value of their own afterwards."""
        for item in walk(body):
            if isinstance(item, Assign) and item.name in names:
                loops = self.around | self.values.loops_of([names[item.name]])
                value = self.values.new(BEGINNING, loops, within_kind(item.value.kind))
                used[value] = None
                names[item.name] = Sum(((value, 1),))

    def store(self, statement: Store, names: Locals, used: Used) -> None:
        """A store makes what was read before another value than what is read afterwards."""
        index = self.expression(statement.index, names, used)
        self.address(statement.role, index, statement.memory, used)
        self.argument(statement.value, names, used)
        used[self.values.new("stores", self.around | self.values.loops_of([index]))] = None
        self.stores += 1

    def accumulated(self, statement: Assign, names: Locals, used: Used) -> Sum:
        """The new value of a local; a sum of several values is computed there and then."""
        found = self.argument(statement.value, names, used)
        if len(found.parts) < 2:
            return found
        loops = self.values.loops_of([found]) | self.around
        value = self.values.value(("sum", found), "sums", loops, within_kind(statement.value.kind))
        used[value] = None
        return Sum(((value, 1),))

    # --- loops --------------------------------------------------------------------------------------------------------

    def loop(self, statement: For, names: Locals, used: Used) -> None:
        """A loop as straight code, as copies of its body, or as it is."""
        ends = [self.values.interval(self.expression(end, names, used)) for end in (statement.start, statement.stop)]
        known = all(low == high for low, high in ends)
        start, stop = ends[0][0], ends[1][1]
        if stop <= start:
            return
        if self.deciding and id(statement) not in self.plan:
            whole = known and (stop - start == 1 or self.is_whole(statement, names, start, stop))
            self.plan[id(statement)] = whole
        if self.plan[id(statement)] and known:
            used.update(self.straight(statement, names, start, stop, 0) or {})
            return
        loop = 1 << self.depth
        inner = self.turning(statement, names, used, start, stop)
        copies = 1 if self.deciding else self.copies(inner, loop, stop - start if known else 0)
        self.copy(inner, loop, copies, used)
        used[self.values.new("loops", self.around)] = None

    def turning(self, statement: For, names: Locals, used: Used, start: int, stop: int) -> Used:
        """What one turn of a loop uses, whichever turn it is."""
        loop, before = 1 << self.depth, self.around
        self.depth, self.around = self.depth + 1, before | loop
        variable = self.values.new(NUMBER, loop, (start, stop - 1))
        turn: Locals = {**names, statement.variable: Sum(((variable, 1),))}
        self.begin(statement.body, turn, used)
        inner: Used = {}
        self.block(statement.body, turn, inner)
        self.depth, self.around = self.depth - 1, before
        names.update({name: turn[name] for name in names})
        return inner

    def straight(self, statement: For, names: Locals, start: int, stop: int, most: int) -> Used | None:
        """What all turns use one after the other; None where that is too much."""
        used: Used = {}
        for turn in range(start, stop):
            names[statement.variable] = Sum((), turn)
            self.block(statement.body, names, used)
            if most and len(used) > most:
                return None
        return used

    def is_whole(self, statement: For, names: Locals, start: int, stop: int) -> bool:
        """Whether a loop is short, or becomes so where its conditions are known."""
        loop, turns = 1 << self.depth, stop - start
        inner = self.turning(statement, dict(names), {}, start, stop)
        size = self.values.size(inner, loop, FIRST) + 1
        if turns * size + 2 < WHOLE:
            return True
        if turns > MOST_TURNS or turns * size > 3 * MOST_SAVED * FOLDED:
            return False
        line = self.straight(statement, dict(names), start, stop, int(MOST_SAVED * FOLDED))
        if line is None:
            return False
        straight = max(1, self.values.size_beside(line, inner, loop, STRAIGHT))
        saved = turns * (self.values.size(inner, loop, STRAIGHT) + 1) / straight
        return saved > SAVED and straight < FOLDED * min(MOST_SAVED, saved)

    def copies(self, inner: Used, loop: int, turns: int) -> int:
        """The copies of the body of a loop: plain sums alone are copied, as often as divides the turns and fits."""
        if any(self.values.names[value] in ("loops", "conditions") for value in inner):
            return 1
        size = self.values.size(inner, loop, PARTIAL) + 1
        most = min(turns, (WHOLE - 2) // size)
        found = next((many for many in range(most, 1, -1) if turns % many == 0), COPIES)
        while found > 1 and found * size + 2 > WHOLE:
            found //= 2
        return found if not turns or found <= turns else 1

    def copy(self, inner: Used, loop: int, copies: int, used: Used) -> None:
        """What a loop uses, and apart from it what its copies use again because it hangs on the turn.

        Apart, because a compiler copies bodies for one core and not for another.
        """
        used.update(inner)
        names, loops = self.values.names, self.values.loops
        moving = [value for value in inner if loops[value] & loop and names[value] not in (*SILENT, "addresses")]
        for value in moving if copies > 1 else ():
            if names[value] != "float_addresses":
                name = f"copied.{names[value]}" if names[value] in COPIED else "copied.others"
                used.update({self.values.new(name, loops[value]): None for _ in range(copies - 1)})

    # --- expressions --------------------------------------------------------------------------------------------------

    def expression(self, expression: Expression, names: Locals, used: Used) -> Sum:
        """The value of an expression; what computes it is used."""
        if isinstance(expression, Number):
            return self.number(expression)
        if isinstance(expression, Name):
            return names[expression.name]
        if isinstance(expression, Load):
            return self.load(expression, names, used)
        if isinstance(expression, Call):
            return self.call(expression, names, used)
        return self.operation(cast("Operation", expression), names, used)

    def number(self, number: Number) -> Sum:
        """A constant."""
        if not number.kind.floating:
            return Sum((), int(number.value))
        key = ("number", number.value, number.kind)
        return Sum(((self.values.value(key, NUMBER, NO_LOOP, within_kind(number.kind)), 1),))

    def address(self, role: str, index: Sum, memory: Kind, used: Used) -> int:
        """The address of an element without what is constant in it; gives the loops that it hangs on."""
        if not index.parts:
            return NO_LOOP
        loops = self.values.loops_of([index])
        name = "float_addresses" if memory is Kind.F32 else "addresses"
        used[self.values.value(("address", role, index.parts), name, loops)] = None
        return loops

    def load(self, load: Load, names: Locals, used: Used) -> Sum:
        """An element that is read."""
        index = self.expression(load.index, names, used)
        loops = self.address(load.role, index, load.memory, used)
        changes = load.role in self.written
        key = ("load", load.role, index, self.stores if changes else 0)
        value = self.values.value(key, "loads", loops | (self.around if changes else 0), within_kind(load.memory))
        used[value] = None
        return Sum(((value, 1),))

    def call(self, call: Call, names: Locals, used: Used) -> Sum:
        """A function, applied."""
        arguments = tuple(self.argument(argument, names, used) for argument in call.arguments)
        name = "rescale" if call.function.startswith(RESCALE) else "calls"
        loops = self.values.loops_of(arguments)
        value = self.values.value(("call", call.function, arguments), name, loops, within_kind(call.kind))
        used[value] = None
        return Sum(((value, 1),))

    def argument(self, expression: Expression, names: Locals, used: Used) -> Sum:
        """The value of an expression that has to be there as one."""
        found = self.expression(expression, names, used)
        if len(found.parts) > 1:
            self.join(found, used)
        return found

    def join(self, found: Sum, used: Used) -> None:
        """The additions that make one value of a sum."""
        used[self.values.value(("sum", found), "sums", self.values.loops_of([found]))] = None

    def operation(self, operation: Operation, names: Locals, used: Used) -> Sum:
        """An operator: additions of integers only join sums, what is known is no code."""
        operands = [self.expression(operand, names, used) for operand in operation.operands]
        linear = linear_sum(operation, operands)
        if linear is not None:
            return linear
        found = known_interval(operation, [self.values.interval(operand) for operand in operands])
        if found[0] == found[1] and not operation.kind.floating:
            return Sum((), found[0])
        if operation.kind in (*INTEGERS, Kind.BOOL) and operation.op != "both":
            for operand in operands:
                if operand.parts and not operand.alone:
                    self.join(operand, used)
        key = (operation.op, operation.kind, tuple(operands))
        value = self.values.value(key, name_of(operation), self.values.loops_of(operands), found)
        used[value] = None
        return Sum(((value, 1),))


def linear_sum(operation: Operation, operands: list[Sum]) -> Sum | None:
    """Sums, differences and multiples of integers as sums; None for other operators."""
    if operation.op == "cast" and operation.kind in INTEGERS and operation.operands[0].kind in INTEGERS:
        return operands[0]
    if operation.kind not in INTEGERS:
        return None
    if operation.op in ("add", "sub"):
        return operands[0].plus(operands[1], 1 if operation.op == "add" else -1)
    if operation.op == "neg":
        return operands[0].times(-1)
    if operation.op == "mul" and not (operands[0].parts and operands[1].parts):
        factor, other = (operands[0], operands[1]) if not operands[0].parts else (operands[1], operands[0])
        return other.times(factor.constant)
    return None

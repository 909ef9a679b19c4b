"""The static check of one kernel: every index within its slice, every value within its kind, no race in a loop."""

from collections.abc import Iterator

from attrs import frozen

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.lowered.affine import Affine, affine, distinct
from nadoo_graphs.lowered.expressions import Expression, Load, Name, Operation
from nadoo_graphs.lowered.intervals import Interval, Intervals, hull, within_kind
from nadoo_graphs.lowered.program import FLASH, Kernel, Program
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, Store, expressions_of, parts, walk
from nadoo_graphs.lowered.types import Kind

ROUNDS = 4
"""How often a loop is gone through to see whether what it carries stays within bounds."""


@frozen
class Turn:
    """A loop around a statement: its variable, how often it turns at most, and whether turns are independent."""

    variable: str
    count: int
    parallel: bool


class KernelCheck:
    """Walks the body of a kernel with what is known of its locals."""

    def __init__(self, program: Program, kernel: Kernel) -> None:
        self.kernel = kernel
        self.where = f"kernel {kernel.name!r}"
        self.kinds: dict[str, Kind] = {}
        self.homes: dict[str, int] = {}
        self.forms: dict[str, Affine] = {}
        self.lengths = {role: part.length for role, part in kernel.roles.items()}
        self.memory = {role: program.buffers[part.buffer].kind for role, part in kernel.roles.items()}
        self.constants: dict[str, Interval] = {}
        for role, part in kernel.roles.items():
            buffer = program.buffers[part.buffer]
            if buffer.storage == FLASH and not buffer.kind.floating and buffer.length:
                self.constants[role] = (int(buffer.constants.min()), int(buffer.constants.max()))

    def violations(self) -> Iterator[Problem]:
        """Everything that is wrong with the kernel."""
        yield from self.block(self.kernel.body, {}, ())

    def problem(self, code: Code, message: str) -> Problem:
        """A violation in this kernel."""
        return Problem(code, self.where, message)

    def block(
        self, body: tuple[Statement, ...], names: dict[str, Interval], turns: tuple[Turn, ...]
    ) -> Iterator[Problem]:
        """Statements in order; `names` is what is known so far, and changes."""
        for statement in body:
            for expression in expressions_of(statement):
                yield from self.expression(expression, names)
            if isinstance(statement, For):
                yield from self.loop(statement, names, turns)
            elif isinstance(statement, If):
                inner = {**names, **self.refined(statement.condition, names)}
                yield from self.block(statement.body, inner, turns)
                for name in assigned(statement.body, names):
                    names[name] = hull(names[name], inner[name])
            elif isinstance(statement, Store):
                yield from self.store(statement, names, turns)
            else:
                yield from self.local(statement, names, turns)

    def known(self, names: dict[str, Interval]) -> Intervals:
        """Intervals with these names."""
        return Intervals(names, self.constants)

    def local(self, statement: Let | Assign, names: dict[str, Interval], turns: tuple[Turn, ...]) -> Iterator[Problem]:
        """A local keeps its kind, and a parallel loop around it does not carry it from turn to turn."""
        name, kind = statement.name, statement.value.kind
        if isinstance(statement, Assign):
            if name not in self.kinds:
                yield self.problem(Code.NAME, f"sets {name!r}, which was not defined; let it first")
            elif self.kinds[name] is not kind:
                yield self.problem(Code.DTYPE, f"sets {name!r}, a {self.kinds[name]}, to a {kind}; cast the value")
            carried = any(turn.parallel for turn in turns[self.homes.get(name, 0) :])
            if carried:
                yield self.problem(Code.SCHEMA, f"a parallel loop carries {name!r} from turn to turn; make it serial")
        else:
            form = affine(statement.value, self.forms)
            changes = any(isinstance(item, Assign) and item.name == name for item in walk(self.kernel.body))
            if form is not None and not changes:
                self.forms[name] = form
            self.homes[name] = len(turns)
        self.kinds[name] = kind
        names[name] = self.known(names).of(statement.value)

    def loop(self, statement: For, names: dict[str, Interval], turns: tuple[Turn, ...]) -> Iterator[Problem]:
        """A loop: what its body changes is not known at the start of a turn."""
        start, stop = (self.known(names).of(edge) for edge in (statement.start, statement.stop))
        if stop[1] <= start[0]:
            return
        self.kinds[statement.variable] = Kind.I32
        self.forms[statement.variable] = Affine({statement.variable: 1})
        span = {statement.variable: (start[0], stop[1] - 1)}
        turn = Turn(statement.variable, stop[1] - start[0], statement.parallel)
        names.update(self.settled(statement.body, {**names, **span}, (*turns, turn)))
        yield from self.block(statement.body, {**names, **span}, (*turns, turn))

    def settled(
        self, body: tuple[Statement, ...], names: dict[str, Interval], turns: tuple[Turn, ...]
    ) -> dict[str, Interval]:
        """What holds of the locals that a body sets, in every turn; one that grows may be all of its kind."""
        carried = assigned(body, names)
        found = {name: names[name] for name in carried}
        for turn in range(ROUNDS if carried else 0):
            inner = self.after(body, {**names, **found}, turns)
            wider = {name: hull(found[name], inner[name]) for name in carried}
            if wider == found:
                return self.narrowed(body, names, found, turns)
            growing = [name for name in carried if turn and wider[name] != found[name]]
            found = {**wider, **{name: within_kind(self.kinds[name]) for name in growing}}
        return {name: within_kind(self.kinds[name]) for name in carried}

    def narrowed(
        self,
        body: tuple[Statement, ...],
        names: dict[str, Interval],
        found: dict[str, Interval],
        turns: tuple[Turn, ...],
    ) -> dict[str, Interval]:
        """The same, as narrow as a turn leaves it, where that holds after all further turns: masks bound what grows."""
        once = self.after(body, {**names, **found}, turns)
        tighter = {name: hull(names[name], once[name]) for name in found}
        twice = self.after(body, {**names, **tighter}, turns)
        return tighter if all(hull(tighter[name], twice[name]) == tighter[name] for name in found) else found

    def after(
        self, body: tuple[Statement, ...], names: dict[str, Interval], turns: tuple[Turn, ...]
    ) -> dict[str, Interval]:
        """What is known of locals after a body, whatever is wrong in it."""
        inner = dict(names)
        for _problem in self.block(body, inner, turns):
            pass
        return inner

    def refined(self, condition: Expression, names: dict[str, Interval]) -> dict[str, Interval]:
        """What a condition says of names that it compares."""
        if not isinstance(condition, Operation):
            return {}
        if condition.op == "both":
            first = self.refined(condition.operands[0], names)
            return {**first, **self.refined(condition.operands[1], {**names, **first})}
        if condition.op not in ("lt", "le", "gt", "ge") or not isinstance(condition.operands[0], Name):
            return {}
        name, other = condition.operands[0], self.known(names).of(condition.operands[1])
        low, high = self.known(names).of(name)
        edge = 0 if condition.op in ("le", "ge") else 1
        if condition.op in ("lt", "le"):
            return {name.name: (low, min(high, other[1] - edge))}
        return {name.name: (max(low, other[0] + edge), high)}

    def expression(self, expression: Expression, names: dict[str, Interval]) -> Iterator[Problem]:
        """Every name is defined with its kind, every element that is read lies within its slice."""
        for part in parts(expression):
            if isinstance(part, Name) and self.kinds.get(part.name) is not part.kind:
                yield self.problem(Code.NAME, f"uses {part.name!r} as a {part.kind}, which it is not; let it first")
            if isinstance(part, Load):
                yield from self.access(part.role, part.index, part.memory, names)

    def access(self, role: str, index: Expression, memory: Kind, names: dict[str, Interval]) -> Iterator[Problem]:
        """An element of a role, by its index and the kind that it is taken for."""
        low, high = self.known(names).of(index)
        length = self.lengths[role]
        if low < 0 or high >= length:
            message = f"looks at elements {low} to {high} of {role!r}, which has {length}; bound the index"
            yield self.problem(Code.LIMIT, message)
        if memory is not self.memory[role]:
            message = f"takes {role!r} for {memory}, but {self.memory[role]} lies there; use that kind"
            yield self.problem(Code.DTYPE, message)

    def store(self, statement: Store, names: dict[str, Interval], turns: tuple[Turn, ...]) -> Iterator[Problem]:
        """A store: index, kind, range, and that no other turn of a parallel loop writes the element."""
        yield from self.access(statement.role, statement.index, statement.memory, names)
        if statement.value.kind is not statement.memory.computed:
            message = f"stores a {statement.value.kind} as {statement.memory}; cast the value"
            yield self.problem(Code.DTYPE, message)
        elif not statement.memory.floating:
            low, high = self.known(names).of(statement.value)
            least, most = statement.memory.bounds
            if low < least or high > most:
                message = f"stores {low} to {high} into {statement.role!r}, which holds {least} to {most}"
                yield self.problem(Code.LIMIT, f"{message}; clamp the value")
        yield from self.races(statement, turns)

    def races(self, statement: Store, turns: tuple[Turn, ...]) -> Iterator[Problem]:
        """Two turns of a parallel loop never write one element."""
        outermost = next((place for place, turn in enumerate(turns) if turn.parallel), None)
        if outermost is None:
            return
        form = affine(statement.index, self.forms)
        counts = {turn.variable: turn.count for turn in turns[outermost:]}
        relevant = {name: count for name, count in counts.items() if matters(name, turns, form)}
        if form is None or not distinct(form, relevant):
            message = f"two turns of a parallel loop may write one element of {statement.role!r}"
            yield self.problem(Code.SCHEMA, f"{message}; make the loop serial, or the index distinct")


def assigned(body: tuple[Statement, ...], names: dict[str, Interval]) -> list[str]:
    """The locals from outside that a body sets."""
    found = {item.name for item in walk(body) if isinstance(item, Assign)}
    return sorted(found.intersection(names))


def matters(name: str, turns: tuple[Turn, ...], form: Affine | None) -> bool:
    """Whether a loop takes part: parallel ones always, serial ones where the index depends on them."""
    turn = next(turn for turn in turns if turn.variable == name)
    return turn.parallel or (form is not None and form.terms.get(name, 0) != 0)

"""Writing loop bodies: statements are collected by a builder, and loops are `with` blocks.

with body.parallel("output", 10) as output:
    total = body.let("total", f32(0))
    with body.loop("k", 64) as k:
        body.assign(total, total + x.at(k) * weight.at(output * 64 + k))
    body.store(y, output, total)
"""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager

from attrs import frozen

from nadoo_graphs.lowered.expressions import Call, Expression, Load, Name, Number, Term, term
from nadoo_graphs.lowered.program import Function
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, Store
from nadoo_graphs.lowered.types import Kind


@frozen
class Place:
    """What a role stands for, as a body sees it: memory of one kind."""

    role: str
    memory: Kind

    def at(self, index: Term) -> Expression:
        """An element."""
        return Load(self.role, term(index, Kind.I32), self.memory)

    @property
    def kind(self) -> Kind:
        """The kind of its elements once they are read."""
        return self.memory.computed


class Body:
    """The statements of one kernel or function, as they are written."""

    def __init__(self) -> None:
        self._blocks: list[list[Statement]] = [[]]
        self._names: set[str] = set()
        self.functions: dict[str, Function] = {}

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Everything that was written."""
        return tuple(self._blocks[0])

    def fresh(self, name: str) -> str:
        """A name that nothing else in this body has."""
        found, count = name, 1
        while found in self._names:
            count += 1
            found = f"{name}{count}"
        self._names.add(found)
        return found

    def let(self, name: str, value: Term, kind: Kind = Kind.I32) -> Name:
        """A new local."""
        first = term(value, kind)
        local = Name(self.fresh(name), first.kind)
        self._blocks[-1].append(Let(local.name, first))
        return local

    def assign(self, local: Name, value: Term) -> None:
        """Another value for a local."""
        self._blocks[-1].append(Assign(local.name, term(value, local.kind)))

    def store(self, place: Place, index: Term, value: Term) -> None:
        """A value written into memory."""
        number = term(value, place.kind)
        self._blocks[-1].append(Store(place.role, term(index, Kind.I32), number, place.memory))

    def call(self, function: Function, *arguments: Term) -> Expression:
        """A function applied; the program will hold it."""
        self.functions[function.name] = function
        kinds = [kind for _, kind in function.parameters]
        return Call(
            function.name, tuple(term(one, kind) for one, kind in zip(arguments, kinds, strict=True)), function.kind
        )

    @contextmanager
    def loop(self, name: str, stop: Term, start: Term = 0, *, parallel: bool = False) -> Generator[Name, None, None]:
        """A loop."""
        first, end = term(start, Kind.I32), term(stop, Kind.I32)
        variable = self.fresh(name)
        self._blocks.append([])
        yield Name(variable)
        body = tuple(self._blocks.pop())
        self._blocks[-1].append(For(variable, first, end, body, parallel))

    def parallel(self, name: str, stop: Term) -> AbstractContextManager[Name]:
        """A loop whose turns do not depend on each other."""
        return self.loop(name, stop, parallel=True)

    @contextmanager
    def when(self, condition: Expression | None) -> Generator[None, None, None]:
        """Statements under a condition; without one they stand as they are."""
        if condition is None:
            yield
            return
        self._blocks.append([])
        yield
        body = tuple(self._blocks.pop())
        self._blocks[-1].append(If(condition, body))


def constant(value: Expression) -> int | float | None:
    """The number that an expression is, if it is one."""
    return value.value if isinstance(value, Number) else None

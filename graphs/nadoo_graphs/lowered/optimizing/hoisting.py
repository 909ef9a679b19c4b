"""Locals that are the same in every turn of a loop are computed once, before it."""

from collections.abc import Iterator

from attrs import evolve

from nadoo_graphs.lowered.expressions import Call, Load, Name, Number, Operation
from nadoo_graphs.lowered.optimizing.rewriting import with_bodies
from nadoo_graphs.lowered.program import Program
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, Store, parts, walk

UNSAFE = ("div", "mod")
"""Operations that may be refused where the loop would not have run."""


def hoist_invariants(program: Program) -> Program:
    """Move invariant locals out of loops."""
    return with_bodies(program, lambda body: tuple(hoisted(body, stored(body))))


def stored(body: tuple[Statement, ...]) -> frozenset[str]:
    """The roles that a kernel writes."""
    return frozenset(item.role for item in walk(body) if isinstance(item, Store))


def hoisted(body: tuple[Statement, ...], written: frozenset[str]) -> Iterator[Statement]:
    """Statements, invariants of each loop before it."""
    for statement in body:
        if isinstance(statement, If):
            yield evolve(statement, body=tuple(hoisted(statement.body, written)))
        elif isinstance(statement, For):
            inner = tuple(hoisted(statement.body, written))
            moved, kept = divided(statement, inner, written)
            yield from moved
            yield evolve(statement, body=kept)
        else:
            yield statement


def divided(
    loop: For, body: tuple[Statement, ...], written: frozenset[str]
) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """The locals that may stand before a loop, and what stays inside."""
    inside = {item.name for item in walk(body) if isinstance(item, Let | Assign)}
    inside |= {item.variable for item in walk(body) if isinstance(item, For)} | {loop.variable}
    changed = {item.name for item in walk(body) if isinstance(item, Assign)}
    moved: list[Statement] = []
    kept: list[Statement] = []
    for statement in body:
        if isinstance(statement, Let) and statement.name not in changed and invariant(statement, inside, written):
            moved.append(statement)
            inside.discard(statement.name)
        else:
            kept.append(statement)
    return tuple(moved), tuple(kept)


def invariant(statement: Let, inside: set[str], written: frozenset[str]) -> bool:
    """Whether a value depends on nothing that the loop changes, and can always be computed.

    Memory is read only where a kernel writes none of it, at one fixed place.
    """
    for part in parts(statement.value):
        if isinstance(part, Load) and (part.role in written or not isinstance(part.index, Number)):
            return False
        if isinstance(part, Call) or (isinstance(part, Operation) and part.op in UNSAFE):
            return False
        if isinstance(part, Name) and part.name in inside:
            return False
    return True

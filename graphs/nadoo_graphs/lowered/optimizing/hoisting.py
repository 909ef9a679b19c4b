"""Locals that are the same in every turn of a loop are computed once, before it."""

from collections.abc import Iterator

from attrs import evolve

from nadoo_graphs.lowered.expressions import Call, Load, Name, Operation
from nadoo_graphs.lowered.optimizing.rewriting import with_bodies
from nadoo_graphs.lowered.program import Program
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, parts, walk

UNSAFE = ("div", "mod")
"""Operations that may be refused where the loop would not have run."""


def hoist_invariants(program: Program) -> Program:
    """Move invariant locals out of serial loops; a parallel loop is an axis and repeats nothing."""
    return with_bodies(program, lambda body: tuple(hoisted(body)))


def hoisted(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """Statements, invariants of each loop before it."""
    for statement in body:
        if isinstance(statement, If):
            yield evolve(statement, body=tuple(hoisted(statement.body)))
        elif isinstance(statement, For):
            inner = tuple(hoisted(statement.body))
            moved, kept = divided(statement, inner)
            yield from moved
            yield evolve(statement, body=kept)
        else:
            yield statement


def divided(loop: For, body: tuple[Statement, ...]) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """The locals that may stand before a loop, and what stays inside."""
    inside = {item.name for item in walk(body) if isinstance(item, Let | Assign)}
    inside |= {item.variable for item in walk(body) if isinstance(item, For)} | {loop.variable}
    changed = {item.name for item in walk(body) if isinstance(item, Assign)}
    moved: list[Statement] = []
    kept: list[Statement] = []
    for statement in body:
        if isinstance(statement, Let) and statement.name not in changed and invariant(statement, inside):
            moved.append(statement)
            inside.discard(statement.name)
        else:
            kept.append(statement)
    return tuple(moved), tuple(kept)


def invariant(statement: Let, inside: set[str]) -> bool:
    """Whether a value depends on nothing that the loop changes, reads no memory, and can always be computed."""
    for part in parts(statement.value):
        if isinstance(part, Load | Call) or (isinstance(part, Operation) and part.op in UNSAFE):
            return False
        if isinstance(part, Name) and part.name in inside:
            return False
    return True

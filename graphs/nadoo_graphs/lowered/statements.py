"""Statements of the loop language: structured loops, locals, stores and conditions; nothing jumps."""

from collections.abc import Iterator
from typing import TypeAlias

from attrs import frozen

from nadoo_graphs.lowered.expressions import Call, Expression, Load, Operation
from nadoo_graphs.lowered.types import Kind


@frozen
class For:
    """A loop from start to below stop. The turns of a parallel one do not depend on each other."""

    variable: str
    start: Expression
    stop: Expression
    body: tuple["Statement", ...]
    parallel: bool = False


@frozen
class Let:
    """A new local and its first value."""

    name: str
    value: Expression


@frozen
class Assign:
    """Another value for a local."""

    name: str
    value: Expression


@frozen
class Store:
    """A value written into memory; it must fit into the kind that lies there."""

    role: str
    index: Expression
    value: Expression
    memory: Kind


@frozen
class If:
    """Statements that run where a condition holds."""

    condition: Expression
    body: tuple["Statement", ...]


Statement: TypeAlias = For | Let | Assign | Store | If


def walk(statements: tuple[Statement, ...]) -> Iterator[Statement]:
    """All statements, outer ones first."""
    for statement in statements:
        yield statement
        if isinstance(statement, For | If):
            yield from walk(statement.body)


def expressions_of(statement: Statement) -> tuple[Expression, ...]:
    """The expressions that stand in a statement itself, not in its body."""
    if isinstance(statement, For):
        return (statement.start, statement.stop)
    if isinstance(statement, If):
        return (statement.condition,)
    return (statement.index, statement.value) if isinstance(statement, Store) else (statement.value,)


def parts(expression: Expression) -> Iterator[Expression]:
    """An expression and everything in it, outer ones first."""
    yield expression
    for child in children(expression):
        yield from parts(child)


def children(expression: Expression) -> tuple[Expression, ...]:
    """What an expression is directly made of."""
    if isinstance(expression, Operation):
        return expression.operands
    if isinstance(expression, Load):
        return (expression.index,)
    return expression.arguments if isinstance(expression, Call) else ()


def all_parts(statements: tuple[Statement, ...]) -> Iterator[Expression]:
    """Every expression of every statement."""
    for statement in walk(statements):
        for expression in expressions_of(statement):
            yield from parts(expression)

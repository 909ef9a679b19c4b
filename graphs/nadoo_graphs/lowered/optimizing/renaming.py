"""Statements that move into another kernel: their roles and locals under other names."""

from collections.abc import Callable, Mapping

from attrs import evolve

from nadoo_graphs.lowered.expressions import Expression, Load, Name
from nadoo_graphs.lowered.optimizing.rewriting import rewritten, rewritten_body
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, Store

Index = Callable[[str, Expression], Expression]


def moved(statement: Statement, names: Mapping[str, str], index_of: Index) -> Statement:
    """A statement with its roles under other names."""

    def rewrite(part: Expression) -> Expression:
        return Load(names[part.role], index_of(part.role, part.index), part.memory) if isinstance(part, Load) else part

    if isinstance(statement, For | If):
        inner = tuple(moved(item, names, index_of) for item in statement.body)
        if isinstance(statement, If):
            return If(rewritten(statement.condition, rewrite), inner)
        start, stop = rewritten(statement.start, rewrite), rewritten(statement.stop, rewrite)
        return evolve(statement, start=start, stop=stop, body=inner)
    value = rewritten(statement.value, rewrite)
    if isinstance(statement, Store):
        index = index_of(statement.role, rewritten(statement.index, rewrite))
        return evolve(statement, role=names[statement.role], index=index, value=value)
    return evolve(statement, value=value)


def with_mark(body: tuple[Statement, ...], mark: str) -> tuple[Statement, ...]:
    """Statements whose locals and loop variables have a mark behind their names."""
    if not mark:
        return body
    renamed = rewritten_body(body, lambda part: evolve(part, name=part.name + mark) if isinstance(part, Name) else part)
    return inner_marks(renamed, mark)


def inner_marks(body: tuple[Statement, ...], mark: str) -> tuple[Statement, ...]:
    """The names that statements define, marked; their expressions are marked already."""
    found: list[Statement] = []
    for statement in body:
        if isinstance(statement, For):
            found.append(evolve(statement, variable=statement.variable + mark, body=inner_marks(statement.body, mark)))
        elif isinstance(statement, If):
            found.append(evolve(statement, body=inner_marks(statement.body, mark)))
        elif isinstance(statement, Let | Assign):
            found.append(evolve(statement, name=statement.name + mark))
        else:
            found.append(statement)
    return tuple(found)

"""The flow of properties through a recipe, checked before anything runs."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nadoo_core.errors import CoreCode, Problem
from nadoo_core.passes.base import Pass
from nadoo_core.passes.properties import Property

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph


def check_flow(
    steps: Sequence[tuple[str, Pass]], held: Iterable[str] = (), graph: "ModelGraph | None" = None
) -> tuple[Problem, ...]:
    """Every need that no earlier step meets, or that an earlier step has broken.

    Without a graph a structural need is believed until a step breaks it: whether it holds is seen when the step runs.
    """
    history, broken = set(held), dict[str, str]()
    problems: list[Problem] = []
    for name, step in steps:
        problems += [
            unmet(name, item, broken.get(item.name), steps)
            for item in step.needs
            if not is_held(item, history, broken, graph)
        ]
        broken |= {item.name: name for item in step.breaks}
        history -= {item.name for item in step.breaks}
        history |= {item.name for item in step.establishes}
        broken = {item: by for item, by in broken.items() if item not in history}
    return tuple(problems)


def is_held(item: Property, history: set[str], broken: dict[str, str], graph: "ModelGraph | None") -> bool:
    """Whether a need is met as far as can be known before anything runs."""
    if item.name in history:
        return True
    if item.predicate is None or item.name in broken:
        return False
    return graph is None or item.predicate(graph)


def unmet(name: str, item: Property, breaker: str | None, steps: Sequence[tuple[str, Pass]]) -> Problem:
    """The complaint about a need, with who broke it or who could meet it."""
    makers = [other for other, step in steps if item in step.establishes and other != name]
    return Problem(CoreCode.NEED, f"step {name!r}", item.missing(breaker, makers[0] if makers else None))

"""What a law is, and how a pass is applied to be judged: by its own `apply`, without the checks of `Pass.run`.

A law that only looked at what `run` lets through would trust the checks that it is there to check.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from nadoo_core.passes import Context, Pass

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph


@frozen
class LawBroken:
    """What a pass did to a graph that no pass may."""

    law: str
    message: str

    def __str__(self) -> str:
        return f"{self.law}: {self.message}"


Check: TypeAlias = "Callable[[Pass, ModelGraph, Context], str | None]"


@frozen
class Law:
    """A law: its name, what it says, and the check, which gives the breach as a text."""

    name: str
    statement: str
    check: Check

    def __call__(self, operation: Pass, graph: "ModelGraph", context: Context | None = None) -> LawBroken | None:
        """Try the law with a pass on a graph; None also where the pass cannot be applied to this graph."""
        from nadoo_core.testing.context import law_context

        message = self.check(operation, separate(graph), context or law_context(graph, operation))
        return None if message is None else LawBroken(self.name, message)


def separate(graph: "ModelGraph") -> "ModelGraph":
    """A graph with tensors of its own, so that a pass that writes to them is found by one law and spoils no other."""
    copy = graph.copy()
    for name, record in graph.tensors.items():
        copy.set_tensor(name, record.value.clone())
    return copy


def applied(operation: Pass, graph: "ModelGraph", context: Context) -> "ModelGraph | None":
    """A copy that the pass has changed; None where its needs are unmet or it refuses the graph."""
    if not all(item.holds(graph, context.properties) for item in operation.needs):
        return None
    copy = graph.copy()
    try:
        operation.apply(copy, context.silent())
    except Exception:  # the law `refuses_in_words` says which of them a pass may raise
        return None
    return copy

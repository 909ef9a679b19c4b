"""What is true of a graph between two passes: recomputed where it can be seen, declared where only history tells."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph

Predicate: TypeAlias = Callable[["ModelGraph"], bool]


@frozen
class Property:
    """A structural property has a predicate and is recomputed; a historical one is declared and can be broken.

    `advice` is what to do where it is needed and missing, if that is not another step that establishes it.
    """

    name: str
    summary: str
    predicate: "Predicate | None" = None
    advice: str = ""

    @property
    def structural(self) -> bool:
        """Whether a look at the graph decides."""
        return self.predicate is not None

    def missing(self, breaker: str | None = None, maker: str | None = None) -> str:
        """What to say where it is needed and missing: who broke it or could establish it, and what to do."""
        advice = "put a step before this one that establishes it"
        broken = "" if breaker is None else f", which step {breaker!r} breaks"
        if breaker is not None:
            advice = "move this step before that one, or establish it again in between"
        elif maker is not None:
            advice = f"move this step behind {maker!r}, which establishes it"
        return f"needs the property {self.name!r} ({self.summary}){broken}; {self.advice or advice}"

    def holds(self, graph: "ModelGraph", history: frozenset[str]) -> bool:
        """Whether a graph with this history has the property."""
        return self.name in history if self.predicate is None else bool(self.predicate(graph))


TRAINED = Property("trained", "its weights come from a training on this task")
CALIBRATED = Property("calibrated", "ranges of activations were measured on calibration data")
PRUNED_WEIGHTS = Property("pruned weights", "single weights were set to zero, and have to stay so to be worth it")

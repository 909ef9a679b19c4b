"""What a run gives back, and the error of a run that stopped, which knows how far it came."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from nadoo_core.errors import Problem, RunError

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph


@frozen
class RunResult:
    """The ledger of a finished run, and its graph, which is read when somebody asks for it."""

    ledger: dict[str, Any] = field(repr=False)
    out: Path | None
    load: "Callable[[], ModelGraph]" = field(repr=False)

    @property
    def graph(self) -> "ModelGraph":
        """The transformed model."""
        return self.load()

    @property
    def steps(self) -> tuple[dict[str, Any], ...]:
        """The ledger's steps."""
        return tuple(self.ledger["steps"])

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the transformed model."""
        return self.ledger["result"]["fingerprint"]


class RunStoppedError(RunError):
    """A run stopped at a step; what was finished before is kept, and `ledger` tells it."""

    def __init__(self, problems: Iterable[Problem] | Problem, title: str = "", ledger: Any = None) -> None:
        super().__init__(problems, title)
        self.ledger: dict[str, Any] = ledger or {}

"""Where a run stands: the graph so far, which is read from the store only when somebody has to look at it."""

from typing import TYPE_CHECKING, Any

from attrs import define, field

from nadoo_core.store import Entry

if TYPE_CHECKING:
    from nadoo_core.recipe import Step
    from nadoo_graphs.graph import ModelGraph


@define(eq=False)
class Position:
    """The result of a step, or the model that the run began with, which has neither step nor entry."""

    fingerprint: str
    properties: frozenset[str]
    held: "ModelGraph | None" = field(default=None, repr=False)
    entry: Entry | None = None
    parent: "Position | None" = field(default=None, repr=False)
    step: "Step | None" = None

    def let_go(self) -> None:
        """Keep the graph in the store only, so that a run of many steps does not hold all of their tensors."""
        if self.entry is not None:
            self.held = None


@define
class Outcome:
    """What a step came to: the new position, and what the ledger says of it."""

    position: Position
    record: dict[str, Any] = field(repr=False)
    key: str | None
    reused: bool
    seconds: float
    notes: list[str] = field(factory=list[str])

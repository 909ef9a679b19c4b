"""The account of one application of a pass: what it was asked, changed, refused and said, and what was checked."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from nadoo_core.passes.context import Refusal
from nadoo_core.passes.effects import Measured

if TYPE_CHECKING:
    from nadoo_graphs.difference import GraphDifference
    from nadoo_graphs.graph import ModelGraph


@frozen
class Changes:
    """The names of what differs between the graph before and after."""

    nodes_added: tuple[str, ...] = ()
    nodes_removed: tuple[str, ...] = ()
    nodes_changed: tuple[str, ...] = ()
    tensors_added: tuple[str, ...] = ()
    tensors_removed: tuple[str, ...] = ()
    tensors_changed: tuple[str, ...] = ()

    @classmethod
    def of(cls, difference: "GraphDifference") -> "Changes":
        """The names in a difference."""
        return cls(
            difference.added,
            difference.removed,
            tuple(part.name for part in difference.changed),
            difference.tensors_added,
            difference.tensors_removed,
            tuple(part.name.removeprefix("tensor ") for part in difference.tensors_changed),
        )

    @property
    def nodes(self) -> int:
        """How many nodes were added, removed or changed; what `require = { min_changed = 2 }` counts."""
        return len(self.nodes_added) + len(self.nodes_removed) + len(self.nodes_changed)

    def as_dict(self) -> dict[str, list[str]]:
        """The names as JSON holds them."""
        return {name: list(names) for name, names in asdict(self).items()}


@frozen(kw_only=True)
class PassRecord:
    """Everything that the ledger says of a step, but for metrics."""

    name: str
    options: Mapping[str, Any]
    step: str
    seed: int
    effect: str
    before: str = ""
    after: str = ""
    changes: Changes = field(factory=Changes)
    refused: tuple[Refusal, ...] = ()
    log: tuple[str, ...] = ()
    tables: Mapping[str, Any] = field(factory=dict[str, Any])
    measured: Measured = field(factory=Measured)
    established: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether the graph is another one than before."""
        return self.before != self.after

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON holds it."""
        return {
            "name": self.name,
            "options": dict(self.options),
            "step": self.step,
            "seed": self.seed,
            "effect": self.effect,
            "before": self.before,
            "after": self.after,
            "changed": self.changed,
            "changes": self.changes.as_dict(),
            "refused": [{"node": item.node, "reason": item.reason} for item in self.refused],
            "log": list(self.log),
            "tables": dict(self.tables),
            "error64": self.measured.error64,
            "error32": self.measured.error32,
            "unchecked": self.measured.unchecked,
            "established": list(self.established),
            "seconds": self.seconds,
        }


@frozen
class PassResult:
    """The new graph, the account of how it came to be, and the historical properties that it has now."""

    graph: "ModelGraph"
    record: PassRecord
    properties: frozenset[str] = frozenset()

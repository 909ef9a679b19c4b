"""What a pass may use beside the graph: data, training, evaluation, random numbers, and ways to say what it did."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from nadoo_core.errors import ContextError, CoreCode, Problem
from nadoo_core.options import did_you_mean

if TYPE_CHECKING:
    import numpy
    import torch

    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.node import Node

SEED_BYTES = 8


class Observer:
    """Who watches a pass at work; the methods do nothing, and a runner overrides those that it shows."""

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """So much of a lengthy work is done."""

    def log(self, step: str, text: str) -> None:
        """A remark for whoever reads the run."""


@frozen(kw_only=True)
class Services:
    """What a run can do for its passes; what is None it cannot."""

    data: Mapping[str, Any] = field(factory=dict[str, Any])
    """Data by role: train, validation, calibration."""
    train: Callable[..., Any] | None = None
    """`train(graph, seed=…, **options)` gives a trained graph."""
    evaluate: Callable[..., Any] | None = None
    """`evaluate(graph, role=…, **options)` gives metrics."""
    estimate: Callable[..., Any] | None = None
    """`estimate(graph, device=…)` gives a cost."""
    load: Callable[[str, str], Any] | None = None
    """`load(kind, name)` gives what a plugin in use offers, such as the clip rule of a name."""


@frozen
class Refusal:
    """A node that a pass was asked for and left alone, and why."""

    node: str
    reason: str


class Notes:
    """What a pass says while it works; collected for the record."""

    def __init__(self) -> None:
        self.refused: list[Refusal] = []
        self.log: list[str] = []
        self.tables: dict[str, list[dict[str, Any]]] = {}

    @property
    def reasons(self) -> str:
        """Everything that was left alone, and why, for a message."""
        return "; ".join(f"{item.node}: {item.reason}" for item in self.refused)


@frozen(kw_only=True)
class Context:
    """Everything that a pass may use beside its options and the graph; nothing else is allowed to decide a result."""

    step: str = "step"
    """The name of the step, from which its random numbers come."""
    seed: int = 0
    """The seed of the run."""
    services: Services = field(factory=Services)
    """What the run can do for its passes; use the methods below instead."""
    properties: frozenset[str] = frozenset()
    """The historical properties of the graph, such as "trained"."""
    allow_no_change: bool = False
    """Whether a pass may leave the graph as it is."""
    check: bool = True
    """Whether a pass is held to its effect by running the graph before and after. Without it nothing is executed, so
    that a graph of many gigabytes is not held twice in float64; the record says that nothing was checked."""
    observer: Observer = field(factory=Observer)
    """Who is told of progress and remarks."""
    notes: Notes = field(factory=Notes, repr=False, eq=False)
    """What this pass has said so far."""

    @classmethod
    def standalone(cls, seed: int = 0, **members: Any) -> "Context":
        """A context for scripts and tests: no data and no services, unless given."""
        return cls(seed=seed, **members)

    def data(self, role: str) -> Any:
        """The data of a role: "train", "validation" or "calibration"; the test set is never given to a pass."""
        if role in self.services.data and role != "test":
            return self.services.data[role]
        known = [name for name in self.services.data if name != "test"]
        raise self.missing(f"data {role!r} was asked for; {did_you_mean(role, known)}; add [data] to the recipe")

    def train(self, graph: "ModelGraph", **options: Any) -> Any:
        """Train a graph with the run's training data, loss and device, seeded by the step."""
        options.setdefault("seed", self.seed_for("train"))
        return self.service("train")(graph, **options)

    def evaluate(self, graph: "ModelGraph", role: str = "validation", **options: Any) -> Any:
        """The metrics of a graph on the data of a role; the test set is read once, at the end, by the run."""
        if role == "test":
            raise self.missing("the test set was asked for; a pass decides by 'validation' data")
        return self.service("evaluate")(graph, role=role, **options)

    def estimate(self, graph: "ModelGraph", device: str | None = None) -> Any:
        """The cost of a graph on a device, by default the target of the run."""
        return self.service("estimate")(graph, device=device)

    def load(self, kind: str, name: str) -> Any:
        """What the plugins in use offer by a name, such as `load("clip_rules", "mse")`; without a run, nobody does."""
        return self.service("load")(kind, name)

    def table(self, name: str, rows: "Sequence[Mapping[str, Any]]") -> None:
        """A table for the record and the ledger, such as one line a layer."""
        self.notes.tables[name] = [dict(row) for row in rows]

    def service(self, name: str) -> Callable[..., Any]:
        """One of the run's abilities, or a refusal that names it."""
        found = getattr(self.services, name)
        if found is None:
            hint = "give Context(services=Services(…))" if name != "estimate" else "no estimator is installed"
            raise self.missing(f"{name!r} was asked for and this run cannot do it; {hint}")
        return found

    def missing(self, message: str) -> ContextError:
        """The error of a pass that wants more than there is."""
        return ContextError(Problem(CoreCode.CONTEXT, f"step {self.step!r}", message))

    def seed_for(self, name: str = "") -> int:
        """A seed from the run's seed, the step and a name; another step before this one does not change it."""
        digest = hashlib.sha256(f"{self.seed}/{self.step}/{name}".encode()).digest()
        return int.from_bytes(digest[:SEED_BYTES], "big") >> 1

    def generator(self, name: str = "") -> "torch.Generator":
        """Random numbers for torch; the same name gives the same numbers."""
        import torch

        return torch.Generator().manual_seed(self.seed_for(name))

    def numbers(self, name: str = "") -> "numpy.random.Generator":
        """Random numbers for NumPy; the same name gives the same numbers."""
        import numpy

        return numpy.random.default_rng(self.seed_for(name))

    def refuse(self, node: "Node | str", reason: str) -> None:
        """Note that a selected node is left alone, and why; the record and the ledger say so."""
        self.notes.refused.append(Refusal(node if isinstance(node, str) else node.name, reason))

    def progress(self, done: int, total: int, what: str = "") -> None:
        """Tell whoever watches how far a lengthy work is."""
        self.observer.progress(self.step, done, total, what)

    def log(self, text: str) -> None:
        """A remark for the record and for whoever watches."""
        self.notes.log.append(text)
        self.observer.log(self.step, text)

    def begun(self) -> "Context":
        """The same context with empty notes, as one application of a pass gets it."""
        return evolve(self, notes=Notes())

    def silent(self) -> "Context":
        """The same context for a second application, of which nobody is told."""
        return evolve(self, notes=Notes(), observer=Observer())

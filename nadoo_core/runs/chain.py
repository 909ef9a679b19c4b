"""The chain: one step after another, each taken from the store if it is there and put into it if it was not.

A graph from the store is loaded only when a step has to work on it, so a run that finds everything loads nothing.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nadoo_core.errors import CoreCode, NadooError, Problem, RunError, StoreError
from nadoo_core.passes import Context, Exact, PassResult
from nadoo_core.recipe import Recipe, Step
from nadoo_core.runs.keys import UNKNOWN_SOURCE, scores_key, step_inputs, step_key
from nadoo_core.runs.position import Outcome, Position
from nadoo_core.store import Entry, Store
from nadoo_graphs.graph import ModelGraph

if TYPE_CHECKING:
    from pathlib import Path

    from nadoo_core.registry import Registry
    from nadoo_core.runs.bench import Bench
    from nadoo_core.runs.observer import Watchers

Document = dict[str, Any]
PRECISE = 3


class Chain:
    """Carries out steps; knows the store, the bench and who watches."""

    def __init__(
        self, recipe: Recipe, store: Store, bench: "Bench", registry: "Registry", watch: "Watchers", scratch: "Path"
    ) -> None:
        self.recipe = recipe
        self.store = store
        self.bench = bench
        self.registry = registry
        self.watch = watch
        self.scratch = scratch
        self.notes: list[str] = []
        self.used: set[str] = set()
        self.start: Position | None = None

    def begin(self, graph: ModelGraph) -> Position:
        """The model that all steps begin with."""
        self.start = Position(graph.fingerprint(), self.recipe.held, graph)
        return self.start

    @property
    def original(self) -> ModelGraph:
        """The model that all steps begin with."""
        if self.start is None or self.start.held is None:
            raise RunError(Problem(CoreCode.RUN, "run", "has not begun; call begin first"))
        return self.start.held

    # --- steps ---

    def advance(self, position: Position, step: Step) -> Outcome:
        """The result of a step on the graph of a position."""
        started = time.perf_counter()
        inputs = step_inputs(self.recipe, step, position, self.bench, self.registry)
        key = step_key(inputs)
        notes: list[str] = [] if key is not None else [UNKNOWN_SOURCE]
        entry = self.find(key, notes)
        if entry is not None:
            return Outcome(self.stored(entry, position, step), dict(entry.record), key, True, elapsed(started), notes)
        before = self.graph(position)
        if key is None:
            result, record = self.execute(before, position, step, self.scratch / step.name)
            after = Position(record["fingerprint"], result.properties, result.graph, None, position, step)
            return Outcome(after, record, None, False, elapsed(started), notes)
        with self.store.working(key, lambda: self.watch.log(step.name, "waits for a process that does this step")):
            after, record, reused = self.computed(before, position, step, key, inputs)
        return Outcome(after, record, key, reused, elapsed(started), notes)

    def computed(
        self, before: ModelGraph, position: Position, step: Step, key: str, inputs: Document
    ) -> tuple[Position, Document, bool]:
        """The step done and stored, unless another process did it while this one waited."""
        entry = self.find(key, self.notes)
        if entry is not None:
            return self.stored(entry, position, step), dict(entry.record), True
        result, record = self.execute(before, position, step, self.store.training_folder(key))
        entry = self.keep(key, inputs, result, record, step)
        return Position(record["fingerprint"], result.properties, result.graph, entry, position, step), record, False

    def find(self, key: str | None, notes: list[str]) -> Entry | None:
        """The stored entry of a key; a damaged one is forgotten, and that is noted."""
        try:
            entry = None if key is None else self.store.find(key)
        except StoreError as error:
            notes.append(str(error.problems[0].message))
            self.store.discard(str(key))
            return None
        if entry is not None:
            self.used.add(entry.key)
        return entry

    def stored(self, entry: Entry, position: Position, step: Step) -> Position:
        """The position that a stored result leads to."""
        properties = frozenset(entry.record["properties"])
        return Position(entry.record["fingerprint"], properties, None, entry, position, step)

    def execute(
        self, before: ModelGraph, position: Position, step: Step, checkpoints: "Path"
    ) -> tuple[PassResult, Document]:
        """Run the pass, and find out which nodes it moved most."""
        logs: list[Document] = []
        context = Context(
            step=step.name,
            seed=self.recipe.seed,
            services=self.bench.services(step.name, checkpoints, self.watch, logs),
            properties=position.properties,
            allow_no_change=step.allow_no_change,
            observer=self.watch,
        )
        result = step.operation.run(before, context)
        if not isinstance(result, PassResult):  # pyright: ignore[reportUnnecessaryIsInstance] - a pass may be anybody's
            message = f"gave {type(result).__name__} instead of a PassResult; do not override run"
            raise RunError(Problem(CoreCode.PASS, f"step {step.name!r}", message))
        record: Document = {
            "fingerprint": result.record.after,
            "properties": sorted(result.properties),
            "pass": result.record.as_dict(),
            "training": logs,
            "touched": touched_nodes(result),
            "fidelity": [],
            "notes": [],
        }
        if result.record.changed and not isinstance(step.operation.promise(), Exact):
            self.note_fidelity(before, result.graph, record)
        return result, record

    def note_fidelity(self, before: ModelGraph, after: ModelGraph, record: Document) -> None:
        """Which nodes lost most; a step whose values cannot be compared still counts, and the reason is noted.

        An exact step is not asked: it loses nothing, but a node of its may stand for another value than before.
        """
        try:
            record["fidelity"] = self.bench.losses_of_fidelity(before, after)
        except (NadooError, RuntimeError) as error:
            record["notes"].append(f"fidelity could not be measured: {error}")

    def keep(self, key: str, inputs: Document, result: PassResult, record: Document, step: Step) -> Entry:
        """Put a finished step into the store; from here on it is never done again."""
        self.used.add(key)
        entry = self.store.publish(
            key, "step", f"{self.recipe.name}: {step.name}", inputs=inputs, record=record, graph=result.graph,
            keep=self.used,
        )  # fmt: skip
        self.store.end_training(key)
        return entry

    # --- graphs ---

    def graph(self, position: Position) -> ModelGraph:
        """The graph of a position, from memory or from the store; what is damaged there is computed again."""
        if position.held is not None:
            return position.held
        if position.entry is None:
            raise RunError(Problem(CoreCode.RUN, "run", "a position without a graph; report this"))
        try:
            position.held = self.store.load(position.entry, self.original.ops)
        except StoreError as error:
            self.notes.append(f"step {position.step.name if position.step else ''!r}: {error.problems[0].message}")
            self.recompute(position, position.entry.key)
        return self.graph(position)

    def recompute(self, position: Position, key: str) -> None:
        """Do a stored step again, which must give what it gave before."""
        self.store.discard(key)
        if position.parent is None or position.step is None:
            raise RunError(Problem(CoreCode.RUN, "run", "cannot go back further than its beginning; report this"))
        outcome = self.advance(position.parent, position.step)
        if outcome.position.fingerprint != position.fingerprint:
            message = "gave another result than when it was stored, from the same inputs; it is not reproducible"
            raise RunError(Problem(CoreCode.RUN, f"step {position.step.name!r}", message))
        position.entry, position.held = outcome.position.entry, outcome.position.held

    # --- scores ---

    def scores(self, position: Position) -> Document:
        """The metrics of a position's graph, from the store or measured now."""
        key, inputs = scores_key(position.fingerprint, self.original_fingerprint, self.bench, "validation")
        return self.remembered(key, inputs, lambda: self.bench.scores(self.graph(position), self.original))

    def cost(self, position: Position) -> Document:
        """What a position's graph costs, from the store or estimated now."""
        key, inputs = self.bench.costing.key(position.fingerprint)
        return self.remembered(key, inputs, lambda: self.bench.costing.line(self.graph(position)))

    def test_scores(self, positions: dict[str, Position]) -> dict[str, Document]:
        """The metrics of some positions on the test set, from one reading of it."""
        identity = "/".join(position.fingerprint for position in positions.values())
        key, inputs = scores_key(identity, self.original_fingerprint, self.bench, "test")
        graphs: Callable[[], dict[str, ModelGraph]] = lambda: {  # noqa: E731
            name: self.graph(position) for name, position in positions.items()
        }
        return self.remembered(key, inputs, lambda: self.bench.test_scores(graphs()))

    def remembered(self, key: str, inputs: Document, measure: Callable[[], Document]) -> Document:
        """A measurement from the store, or one that is put there."""
        entry = self.find(key, self.notes)
        if entry is None:
            record = {"scores": measure()}
            self.used.add(key)
            title = f"{self.recipe.name}: evaluation"
            entry = self.store.publish(key, "evaluation", title, inputs=inputs, record=record, keep=self.used)
        return dict(entry.record["scores"])

    @property
    def original_fingerprint(self) -> str:
        """The fingerprint of the model that the run began with."""
        return self.start.fingerprint if self.start is not None else ""


def touched_nodes(result: PassResult) -> list[str]:
    """The nodes that a pass added, removed or changed, those whose tensors it changed included."""
    changes = result.record.changes
    tensors = [name for name in (*changes.tensors_added, *changes.tensors_changed) if name in result.graph.tensors]
    users = {user for name in tensors for user in result.graph.tensor_users(name)}
    return sorted({*changes.nodes_added, *changes.nodes_removed, *changes.nodes_changed, *users})


def elapsed(started: float) -> float:
    """Seconds since a moment."""
    return round(time.perf_counter() - started, PRECISE)

"""The stages of a run after its beginning: every step with its judgement, then the result in all its forms."""

import time
from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen

from nadoo_core.cost import Verdict
from nadoo_core.deadline import deadline
from nadoo_core.errors import CoreCode, NadooError, Problem, RunError
from nadoo_core.recipe import Recipe, Step
from nadoo_core.runs.chain import Chain, elapsed
from nadoo_core.runs.folder import GRAPH, RunFolder
from nadoo_core.runs.limits import doubts, judged, limit_problems, require_problems
from nadoo_core.runs.observer import Watchers
from nadoo_core.runs.position import Outcome, Position
from nadoo_core.runs.result import RunStoppedError

Document = dict[str, Any]
CHECKS = ("effect", "error64", "error32", "unchecked", "refused", "log", "tables", "established")
"""What the ledger says of a step beside its changes: how it was checked, and what its pass said."""


@frozen
class Wishes:
    """What the user wants beside the result."""

    until: str | None = None
    keep_failed: bool = False
    keep_steps: bool = False
    attribution: bool = False
    step_timeout: float | None = None


@define
class Stages:
    """A run under way: its ledger, and where it stands."""

    recipe: Recipe
    chain: Chain
    folder: RunFolder
    ledger: Document
    watch: Watchers
    wishes: Wishes
    position: Position
    started: float = field(factory=time.perf_counter)
    done: list[Step] = field(factory=list[Step])

    # --- steps ---

    def run_steps(self, steps: Sequence[Step]) -> None:
        """All steps in their order."""
        self.ledger["original"] = {
            "metrics": self.chain.scores(self.position), "cost": self.chain.cost(self.position),
        }  # fmt: skip
        self.write()
        for index, step in enumerate(steps, 1):
            self.watch.step_started(step, index, len(steps))
            self.run_step(step, index)
            self.write()
            self.watch.step_finished(step, self.ledger["steps"][-1])

    def run_step(self, step: Step, index: int) -> None:
        """One step: its result, what it cost, and whether the run goes on with it."""
        started = time.perf_counter()
        limit = self.wishes.step_timeout
        try:
            with deadline(limit, lambda: overdue(step, limit)):
                outcome = self.chain.advance(self.position, step)
        except NadooError as error:
            self.ledger["steps"].append(self.failed_line(step, error, elapsed(started)))
            self.keep_failed(step, self.position)
            raise RunStoppedError(error.problems, f"the run stopped at step {step.name!r}:", self.ledger) from error
        line = self.line(step, outcome)
        self.ledger["steps"].append(line)
        self.judge(step, outcome.position, line, outcome)
        if line["state"] == "done":
            self.position.let_go()
            self.position = outcome.position
            self.done.append(step)
            self.keep_step(step, index)

    def judge(self, step: Step, after: Position, line: Document, outcome: Outcome) -> None:
        """Hold a result to what the recipe requires and allows."""
        unmet = require_problems(step, len(outcome.record["touched"]))
        if unmet:
            self.stop(step, line, after, unmet)
        line["metrics"] = self.chain.scores(after)
        line["cost"] = self.chain.cost(after)
        before = self.reference(step)
        line["limit"] = judged(step.limit, before, line["metrics"])
        line["notes"] += doubts(line["limit"])
        broken = limit_problems(step, line["limit"])
        if not broken:
            return
        if step.limit is not None and step.limit.otherwise == "roll back":
            line["state"] = "rolled back"
            line["notes"] += [problem.message for problem in broken]
            return
        self.stop(step, line, after, broken)

    def reference(self, step: Step) -> Document:
        """The metrics that a step's limit compares with."""
        if step.limit is None:
            return {}
        if step.limit.against == "original":
            return self.ledger["original"]["metrics"]
        return self.chain.scores(self.position)

    def stop(self, step: Step, line: Document, after: Position, problems: list[Problem]) -> None:
        """End the run at a step that was carried out and is not accepted."""
        line["state"] = "failed"
        line["error"] = [str(problem) for problem in problems]
        self.keep_failed(step, after)
        raise RunStoppedError(problems, f"the run stopped at step {step.name!r}:", self.ledger)

    def line(self, step: Step, outcome: Outcome) -> Document:
        """What the ledger says of a step that was carried out."""
        record = outcome.record
        return {
            "name": step.name,
            "pass": step.pass_name,
            "options": record["pass"]["options"],
            "key": outcome.key,
            "parent": self.position.fingerprint,
            "fingerprint": outcome.position.fingerprint,
            "reused": outcome.reused,
            "state": "done",
            "changes": record["pass"]["changes"],
            "metrics": {},
            "limit": [],
            "fidelity": record["fidelity"],
            "training": record["training"],
            "checks": {key: record["pass"][key] for key in CHECKS},
            "seconds": outcome.seconds,
            "notes": [*outcome.notes, *record["notes"]],
        }

    def failed_line(self, step: Step, error: NadooError, seconds: float) -> Document:
        """What the ledger says of a step that could not be carried out."""
        return {
            "name": step.name,
            "pass": step.pass_name,
            "key": None,
            "parent": self.position.fingerprint,
            "fingerprint": None,
            "reused": False,
            "state": "failed",
            "changes": {},
            "metrics": {},
            "seconds": seconds,
            "error": [str(problem) for problem in error.problems],
        }

    def keep_failed(self, step: Step, position: Position) -> None:
        """Write the graph that a step left and that was not accepted, or else the one that it could not work on."""
        if self.wishes.keep_failed:
            self.folder.save(self.chain.graph(position), f"failed/{step.name}")

    def keep_step(self, step: Step, index: int) -> None:
        """Write the graph of a step."""
        if self.wishes.keep_steps:
            self.save(f"steps/{index:02d}-{step.name}")

    # --- result ---

    def finish(self) -> None:
        """Judge the result, write it, and account for every step if that is wanted."""
        result: Document = {
            "fingerprint": self.position.fingerprint,
            "metrics": self.chain.scores(self.position),
            "cost": self.chain.cost(self.position),
        }
        self.ledger["result"] = result
        if self.wishes.until is not None:
            self.ledger["notes"].append("the test set was not read, because the run ended early on request")
        elif self.recipe.data is not None:
            positions = {"original_test": self.start, "test": self.position}
            result.update(self.chain.test_scores(positions))
        self.save(GRAPH)
        self.export()
        if self.wishes.attribution:
            from nadoo_core.runs.attribution import attribution

            self.ledger["attribution"] = attribution(self.chain, self.start, self.done, result["metrics"])
        self.keep_within_budget(result)

    def keep_within_budget(self, result: Document) -> None:
        """Judge the result by the recipe's budget; everything is written before a run ends for exceeding it."""
        if self.recipe.target.budget.empty or self.wishes.until is not None:
            return
        verdicts = self.chain.bench.costing.verdicts(self.chain.graph(self.position), result["metrics"])
        result["budget"] = [verdict.document() for verdict in verdicts]
        problems = [
            Problem(CoreCode.LIMIT, f"budget {verdict.resource}", excess_text(verdict))
            for verdict in verdicts
            if verdict.exceeded
        ]
        if problems:
            raise RunStoppedError(problems, "the result is complete and exceeds its budget:", self.ledger)

    @property
    def start(self) -> Position:
        """Where the run began."""
        return self.chain.start or self.position

    def save(self, name: str) -> None:
        """Write the graph so far into the run's folder, where there is one."""
        if self.folder.path is not None:
            self.folder.save(self.chain.graph(self.position), name)

    def export(self) -> None:
        """Give the result out in the other forms that the recipe names."""
        from nadoo_core.runs.exporting import ExportContext, exported

        bench = self.chain.bench
        context = ExportContext(bench.registry, bench.inputs)
        for number, export in enumerate(self.recipe.exports, 1):
            graph, name = self.chain.graph(self.position), f"exports/{number:02d}-{export.to}"
            self.ledger["exports"].append(exported(export, graph, self.folder, name, context))

    def write(self) -> None:
        """Let the ledger on the disk say how far the run is."""
        self.ledger["seconds"] = elapsed(self.started)
        notes = [*self.ledger["notes"], *self.chain.notes, *self.watch.notes]
        self.ledger["notes"] = list(dict.fromkeys(notes))
        self.folder.write_ledger(self.ledger)


def excess_text(verdict: Verdict) -> str:
    """How far a result is from its budget, and where to cut."""
    value, estimate = verdict.allowed, verdict.estimate
    said = "at least" if verdict.least else "at most"
    where = f"; {', '.join(verdict.nodes)} take most" if verdict.nodes else ""
    spread = f" ({estimate.low:.6g} to {estimate.high:.6g})" if estimate.width > 0 else ""
    return (
        f"allows {said} {value:.6g}, the result has {estimate.value:.6g}{spread}, {verdict.excess:.6g} too far{where}"
    )


def overdue(step: Step, seconds: float | None) -> RunError:
    """The error of a step that does not end."""
    message = (
        f"took longer than the {seconds:g} s that a step may take; finished steps are kept and a training goes on from "
        "its checkpoint: start again with more time, or without step_timeout (--step-timeout)"
    )
    return RunError(Problem(CoreCode.RUN, f"step {step.name!r}", message))

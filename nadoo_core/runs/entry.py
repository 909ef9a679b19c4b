"""run: what `nadoo run` does, from Python."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nadoo_core.errors import CoreCode, NadooError, Problem, RecipeError, RunError
from nadoo_core.options import did_you_mean
from nadoo_core.recipe import Recipe, Step, read_recipe, require_trust
from nadoo_core.registry import Registry
from nadoo_core.runs.bench import Bench
from nadoo_core.runs.chain import Chain
from nadoo_core.runs.folder import RunFolder, opened
from nadoo_core.runs.ledger import new_ledger
from nadoo_core.runs.observer import RunObserver, Watchers
from nadoo_core.runs.origin import origin_of
from nadoo_core.runs.result import RunResult, RunStoppedError
from nadoo_core.runs.stages import Stages, Wishes
from nadoo_core.store import Store, default_store

if TYPE_CHECKING:
    from torch import nn

    from nadoo_graphs.graph import ModelGraph


def run(
    recipe: Recipe | str | Path,
    *,
    model: "nn.Module | ModelGraph | None" = None,
    out: str | Path | None = None,
    store: Store | str | Path | None = None,
    trust: bool = False,
    until: str | None = None,
    keep_failed: bool = False,
    keep_steps: bool = False,
    attribution: bool = False,
    step_timeout: float | None = None,
    registry: Registry | None = None,
    observer: RunObserver | None = None,
    changes: Sequence[str] = (),
) -> RunResult:
    """Carry out a recipe. What was done before is taken from the store; what stops the run is a `RunStoppedError`.

    `model` takes the place of the recipe's [model]; without `out` nothing is written but the store. A step that takes
    longer than `step_timeout` seconds is interrupted, where the system has an alarm clock and this is the main thread.
    """
    known = registry or Registry.of()
    read = recipe if isinstance(recipe, Recipe) else read_recipe(recipe, registry=known, changes=changes)
    steps = chosen_steps(read, until)
    require_trust(read, trust)
    with opened(out) as folder, tempfile.TemporaryDirectory() as scratch:
        watch = Watchers(observer or RunObserver(), known, read)
        chain = Chain(read, store_at(store), Bench(read, known), known, watch, Path(scratch))
        wishes = Wishes(until, keep_failed, keep_steps, attribution, step_timeout)
        return carried_out(begun(chain, model, folder, wishes), steps)


def store_at(place: Store | str | Path | None) -> Store:
    """The store that was given, in a folder that was given, or where the user keeps it."""
    if isinstance(place, Store):
        return place
    return default_store() if place is None else Store(Path(place))


def chosen_steps(recipe: Recipe, until: str | None) -> tuple[Step, ...]:
    """The steps up to the one that the user named."""
    names = [step.name for step in recipe.steps]
    if until is None:
        return recipe.steps
    if until not in names:
        raise RecipeError(
            Problem(CoreCode.UNKNOWN_NAME, f"--until {until}", f"is no step; {did_you_mean(until, names)}")
        )
    return recipe.steps[: names.index(until) + 1]


def begun(chain: Chain, model: Any, folder: RunFolder, wishes: Wishes) -> Stages:
    """The run with its model, before the first step."""
    origin = origin_of(chain.recipe, model, chain.registry, chain.bench)
    position = chain.begin(origin.graph)
    ledger = new_ledger(chain.recipe, {"source": origin.source, "fingerprint": position.fingerprint})
    folder.clear()
    return Stages(chain.recipe, chain, folder, ledger, chain.watch, wishes, position)


def carried_out(stages: Stages, steps: Sequence[Step]) -> RunResult:
    """All steps and the result; the ledger says how it ended."""
    stages.watch.run_started(tuple(step.name for step in steps))
    try:
        stages.run_steps(steps)
        stages.finish()
    except Exception as error:
        stopped = as_stopped(error, stages)
        write_stopped(stages, stopped)
        raise stopped from error
    stages.ledger["state"] = "done"
    stages.write()
    stages.watch.run_finished(stages.ledger)
    return RunResult(stages.ledger, stages.folder.path, lambda: stages.chain.graph(stages.position))


def as_stopped(error: Exception, stages: Stages) -> RunStoppedError:
    """The error of a run for whatever ended it; what nobody declared came from a model, a data set or torch."""
    if isinstance(error, RunStoppedError):
        return RunStoppedError(error.problems, error.title, stages.ledger)
    if isinstance(error, NadooError):
        return RunStoppedError(error.problems, "the run stopped:", stages.ledger)
    message = f"ended with {type(error).__name__}: {error}; what was finished is kept, mend the cause and start again"
    return RunStoppedError(Problem(CoreCode.RUN, "run", message), "", stages.ledger)


def write_stopped(stages: Stages, error: RunStoppedError) -> None:
    """Write down why the run ended; a disk that takes no ledger either does not hide the reason."""
    stages.ledger["state"] = "stopped"
    stages.ledger["error"] = [str(problem) for problem in error.problems]
    try:
        stages.write()
    except RunError as second:
        stages.ledger["notes"].append(f"the ledger could not be written: {second}")
    stages.watch.run_finished(stages.ledger)

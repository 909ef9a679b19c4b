"""Who watches a run: a terminal, a test, or a plugin's hooks; none of them can disturb it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nadoo_core.deadline import PLUGIN_S, deadline
from nadoo_core.passes import Observer

if TYPE_CHECKING:
    from nadoo_core.recipe import Recipe, Step
    from nadoo_core.registry import Registry


class RunObserver(Observer):
    """Does nothing; override what is to be shown. What an observer raises is noted, and the run goes on."""

    def run_started(self, name: str, steps: tuple[str, ...]) -> None:
        """A run with these steps begins."""

    def step_started(self, name: str, index: int, total: int) -> None:
        """A step begins; they count from 1."""

    def step_finished(self, step: Mapping[str, Any]) -> None:
        """A step has ended, or its result was found in the store; the mapping is the ledger's."""

    def run_finished(self, ledger: Mapping[str, Any]) -> None:
        """The run has ended, with this ledger."""


class StuckError(Exception):
    """An observer did not come back."""


class Watchers(Observer):
    """The observer and the plugins' hooks as one, whose failures become notes."""

    def __init__(self, observer: RunObserver, registry: "Registry", recipe: "Recipe") -> None:
        self.observer = observer
        self.hooks = registry.hooks
        self.recipe = recipe
        self.notes: list[str] = []
        self.stuck: set[str] = set()

    def tell(self, what: str, call: Callable[[], object]) -> None:
        """Call one of them; watching is no reason to lose a run, and one that does not come back is called no more."""
        if what in self.stuck:
            return
        try:
            with deadline(PLUGIN_S, lambda: StuckError(f"took longer than {PLUGIN_S:g} s and is called no more")):
                call()
        except StuckError as error:
            self.stuck.add(what)
            self.notes.append(f"an observer of {what} {error}")
        except Exception as error:
            note = f"an observer raised {type(error).__name__} at {what}: {error}"
            if note not in self.notes:
                self.notes.append(note)

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """So much of a lengthy work is done."""
        self.tell("progress", lambda: self.observer.progress(step, done, total, what))

    def log(self, step: str, text: str) -> None:
        """A remark for whoever reads the run."""
        self.tell("log", lambda: self.observer.log(step, text))

    def run_started(self, steps: tuple[str, ...]) -> None:
        """The run begins."""
        self.tell("run_started", lambda: self.observer.run_started(self.recipe.name, steps))

    def step_started(self, step: "Step", index: int, total: int) -> None:
        """A step begins."""
        self.tell("step_started", lambda: self.observer.step_started(step.name, index, total))
        self.tell("nadoo_step_started", lambda: self.hooks.nadoo_step_started(run=self.recipe, step=step))

    def step_finished(self, step: "Step", line: Mapping[str, Any]) -> None:
        """A step has ended."""
        self.tell("step_finished", lambda: self.observer.step_finished(line))
        self.tell(
            "nadoo_step_finished", lambda: self.hooks.nadoo_step_finished(run=self.recipe, step=step, result=line)
        )

    def run_finished(self, ledger: Mapping[str, Any]) -> None:
        """The run has ended."""
        self.tell("run_finished", lambda: self.observer.run_finished(ledger))
        self.tell("nadoo_run_finished", lambda: self.hooks.nadoo_run_finished(run=self.recipe, ledger=ledger))

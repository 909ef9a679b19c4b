"""Watching a run: bars in a terminal, plain lines in a pipe, and nothing between the two."""

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from nadoo_core.command_line.output import counted
from nadoo_core.command_line.session import Session
from nadoo_core.runs import RunObserver

if TYPE_CHECKING:
    from rich.progress import TaskID

PAUSE_S = 5.0


class PlainObserver(RunObserver):
    """A line for each thing that happens; of lengthy work one every few seconds."""

    def __init__(self, *, to_errors: bool = False) -> None:
        self.to_errors = to_errors
        self.told = time.monotonic()

    def print(self, text: str) -> None:
        """One line, on the standard error where the standard output is for a program."""
        click.echo(text, err=self.to_errors)

    def run_started(self, name: str, steps: tuple[str, ...]) -> None:
        """A run with these steps begins."""
        self.print(f"{name}: {counted(len(steps), 'step')}")

    def step_started(self, name: str, index: int, total: int) -> None:
        """A step begins."""
        self.told = time.monotonic()
        self.print(f"[{index}/{total}] {name}")

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """So much of a lengthy work is done."""
        if time.monotonic() - self.told >= PAUSE_S:
            self.told = time.monotonic()
            self.print(f"      {done}/{total} {what}".rstrip())

    def log(self, step: str, text: str) -> None:
        """A remark of a pass."""
        self.print(f"      {text}")

    def step_finished(self, step: Mapping[str, Any]) -> None:
        """A step has ended."""
        self.print(f"      {outcome_text(step)}")

    def close(self) -> None:
        """Nothing is held that would have to be given back."""


class TerminalObserver(PlainObserver):
    """A bar for the step at work; lines of what is done stay above it."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        super().__init__()
        self.bars = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), transient=True
        )
        self.task: TaskID | None = None

    def print(self, text: str) -> None:
        """One line above the bar."""
        from rich.markup import escape

        self.bars.console.print(escape(text), highlight=False)

    def run_started(self, name: str, steps: tuple[str, ...]) -> None:
        """A run begins, and with it the display."""
        super().run_started(name, steps)
        self.bars.start()

    def step_started(self, name: str, index: int, total: int) -> None:
        """A step begins: a bar of its own."""
        self.end_task()
        self.task = self.bars.add_task(f"[{index}/{total}] {name}", total=None)

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """The bar of the step moves."""
        if self.task is not None:
            self.bars.update(self.task, completed=done, total=total, description=f"{step}: {what}" if what else step)

    def step_finished(self, step: Mapping[str, Any]) -> None:
        """The bar gives way to a line."""
        self.end_task()
        self.print(f"{step['name']}: {outcome_text(step)}")

    def run_finished(self, ledger: Mapping[str, Any]) -> None:
        """The run has ended, and with it the display."""
        self.close()

    def close(self) -> None:
        """Give the terminal back, however the run ended."""
        self.end_task()
        self.bars.stop()

    def end_task(self) -> None:
        """Take the bar of the step away."""
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None


def outcome_text(step: Mapping[str, Any]) -> str:
    """How a step ended, in a line."""
    state = "found in the store" if step.get("reused") and step["state"] == "done" else step["state"]
    metrics = ", ".join(f"{name} {number_text(item)}" for name, item in step["metrics"].items())
    return f"{state}{f', {metrics}' if metrics else ''}, {step['seconds']:.1f} s"


def number_text(measurement: Mapping[str, Any]) -> str:
    """A measured number; JSON has infinities as texts."""
    value = measurement["value"]
    return value if isinstance(value, str) else f"{value:.4g}"


def observer_for(session: Session) -> PlainObserver:
    """Who watches a run of this call."""
    if session.json:
        return PlainObserver(to_errors=True)
    return TerminalObserver() if sys.stdout.isatty() else PlainObserver()

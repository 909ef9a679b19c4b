"""A ledger as people read it: a table of steps with what each changed and cost, then the test and the notes."""

from collections.abc import Mapping
from typing import Any

import click

from nadoo_core.command_line.output import print_table
from nadoo_core.command_line.progress import number_text

COLUMNS = ("step", "outcome", "nodes", "tensors")
WORDS = {"added": "+", "removed": "-", "changed": "~"}


def print_ledger(ledger: Mapping[str, Any]) -> None:
    """The steps of a run, below them the test set's verdict and whatever was noted."""
    metrics = metric_names(ledger)
    rows = [("original", "", "", "", *numbers(ledger["original"].get("metrics", {}), metrics), "")]
    rows += [step_row(step, metrics) for step in ledger["steps"]]
    print_table((*COLUMNS, *metrics, "seconds"), rows, numbers=" ".join((*metrics, "seconds")))
    for line in verdict(ledger):
        click.echo(line)
    for step in ledger["steps"]:
        for note in step.get("notes", ()):
            click.echo(f"note on {step['name']}: {note}")
    for note in ledger["notes"]:
        click.echo(f"note: {note}")
    print_attribution(ledger)


def metric_names(ledger: Mapping[str, Any]) -> tuple[str, ...]:
    """Every metric that was measured after a step."""
    tables = [ledger["original"].get("metrics", {}), *(step["metrics"] for step in ledger["steps"])]
    return tuple(dict.fromkeys(name for table in tables for name in table))


def step_row(step: Mapping[str, Any], metrics: tuple[str, ...]) -> tuple[str, ...]:
    """One step as a row."""
    state = "stored" if step["reused"] and step["state"] == "done" else step["state"]
    changes = step["changes"]
    row = (step["name"], state, change_text(changes, "nodes"), change_text(changes, "tensors"))
    return (*row, *numbers(step["metrics"], metrics), f"{step['seconds']:.1f}")


def change_text(changes: Mapping[str, Any], what: str) -> str:
    """How many were added, removed and changed: +1 -3 ~2."""
    counts = {sign: len(changes.get(f"{what}_{word}", ())) for word, sign in WORDS.items()}
    return " ".join(f"{sign}{count}" for sign, count in counts.items() if count)


def numbers(measured: Mapping[str, Any], metrics: tuple[str, ...]) -> list[str]:
    """The metrics in the order of the columns; what was not measured stays empty."""
    return [number_text(measured[name]) if name in measured else "" for name in metrics]


def verdict(ledger: Mapping[str, Any]) -> list[str]:
    """What the test set says of the result and of the model as it came."""
    result = ledger["result"]
    if not result.get("test"):
        return []
    before, after = result.get("original_test", {}), result["test"]
    lines = [measured_text(name, item, before.get(name)) for name, item in after.items()]
    return ["", f"on {count_text(after)}: {'; '.join(lines)}"]


def measured_text(name: str, after: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    """A metric with its standard error, and what it was at the beginning."""
    error = after.get("standard_error")
    spread = f" ± {error:.2g}" if error is not None else ""
    start = f", at the start {number_text(before)}" if before else ""
    return f"{name} {number_text(after)}{spread}{start}"


def count_text(measured: Mapping[str, Any]) -> str:
    """How many test examples there were."""
    counts = {item["count"] for item in measured.values()}
    return f"{max(counts):,} test examples" if counts else "the test set"


def print_attribution(ledger: Mapping[str, Any]) -> None:
    """What each step really cost, where that was asked for."""
    if not ledger["attribution"]:
        return
    click.echo("\nwhat each step changed (the result, minus the result without the step):")
    for item in ledger["attribution"]:
        click.echo(f"   {item['name']}: {item['reason'] or effect_text(item['effect'])}")


def effect_text(effect: Mapping[str, float | None]) -> str:
    """The change of each metric that can be told."""
    return ", ".join(f"{name} {value:+.4g}" for name, value in effect.items() if value is not None) or "cannot be told"

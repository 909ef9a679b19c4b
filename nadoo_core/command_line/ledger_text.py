"""A ledger as people read it: a table of steps with what each changed and cost, then the test and the notes."""

from collections.abc import Mapping
from typing import Any

import click

from nadoo_core.command_line.output import bytes_text, print_table
from nadoo_core.command_line.progress import number_text

COLUMNS = ("step", "outcome", "nodes", "tensors")
COSTS = {"flash_bytes": "flash", "peak_ram_bytes": "RAM", "latency_s": "latency", "energy_j": "energy",
         "macs": "MACs", "weight_bytes": "weights"}  # fmt: skip
DEVICE_COSTS = ("macs", "flash_bytes", "peak_ram_bytes", "latency_s", "energy_j")
COUNTED = ("macs", "weight_bytes")
WORDS = {"added": "+", "removed": "-", "changed": "~"}


def print_ledger(ledger: Mapping[str, Any]) -> None:
    """The steps of a run, below them the test set's verdict and whatever was noted."""
    metrics, costs = metric_names(ledger), cost_names(ledger)
    original = ledger["original"]
    measured = (*numbers(original.get("metrics", {}), metrics), *amounts(original.get("cost", {}), costs))
    rows = [("original", "", "", "", *measured, "")]
    rows += [step_row(step, metrics, costs) for step in ledger["steps"]]
    heads = (*metrics, *(COSTS[name] for name in costs), "seconds")
    print_table((*COLUMNS, *heads), rows, numbers=" ".join(heads))
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


def cost_names(ledger: Mapping[str, Any]) -> tuple[str, ...]:
    """Every cost that is known of some step: on the device where there is one, else what was counted."""
    tables = [ledger["original"].get("cost", {}), *(step.get("cost", {}) for step in ledger["steps"])]
    wanted = DEVICE_COSTS if any("device" in table for table in tables) else COUNTED
    return tuple(name for name in wanted if any(table.get(name) is not None for table in tables))


def amounts(cost: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    """The costs in the order of the columns; what is not known stays empty."""
    return [cost_text(name, cost[name]) if cost.get(name) is not None else "" for name in names]


def cost_text(name: str, value: float) -> str:
    """A cost with its unit."""
    if name.endswith("_bytes"):
        return bytes_text(value)
    if name.endswith("_s"):
        return f"{1e3 * value:.3g} ms"
    return f"{1e3 * value:.3g} mJ" if name.endswith("_j") else f"{value:,}"


def step_row(step: Mapping[str, Any], metrics: tuple[str, ...], costs: tuple[str, ...]) -> tuple[str, ...]:
    """One step as a row."""
    state = "stored" if step["reused"] and step["state"] == "done" else step["state"]
    changes = step["changes"]
    row = (step["name"], state, change_text(changes, "nodes"), change_text(changes, "tensors"))
    measured = (*numbers(step["metrics"], metrics), *amounts(step.get("cost", {}), costs))
    return (*row, *measured, f"{step['seconds']:.1f}")


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

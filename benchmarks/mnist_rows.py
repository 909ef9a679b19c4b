"""Runs of the recipe `mnist-perceptron` that differ in a few options: one row each, kept as soon as it is there.

What was measured is not run again, so that a benchmark that was stopped goes on. The float training of a seed is the
same in all of its runs; it is computed once and then taken from the store.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

import torch
from attrs import field, frozen

from nadoo_core.recipe import read_recipe
from nadoo_core.registry import Registry
from nadoo_core.runs import RunStoppedError, run
from nadoo_core.store.files import write_whole
from nadoo_core.studies import Point
from nadoo_core.studies.table import Row, failed_row, interval, row_of

RECIPE = "mnist-perceptron"
Change: TypeAlias = tuple[str, Any]


@frozen
class Line:
    """One line of a table: what it is called, and how its runs differ from the recipe."""

    label: str
    values: dict[str, Any] = field(factory=dict[str, Any])
    changes: tuple[Change, ...] = ()
    without: tuple[str, ...] = ()


@frozen
class Plan:
    """How long and how often every line is run, and where the rows are kept."""

    seeds: tuple[int, ...]
    float_epochs: int
    epochs: int
    store: Path | None
    results: Path

    @property
    def changes(self) -> tuple[Change, ...]:
        """What all runs have in common beside the recipe."""
        return (("train.epochs", self.float_epochs), ("train-codes.epochs", self.epochs))


def parsed(parser: argparse.ArgumentParser, results: Path, seeds: Sequence[int]) -> tuple[argparse.Namespace, Plan]:
    """The command line: the options of every table beside those that the parser has already."""
    parser.add_argument("--seeds", type=int, nargs="+", default=list(seeds), metavar="SEED")
    parser.add_argument("--float-epochs", type=int, default=20, help="epochs in floating point, once for each seed")
    parser.add_argument("--epochs", type=int, default=20, help="epochs over codes")
    parser.add_argument("--store", type=Path, default=None, help="where finished steps are kept")
    parser.add_argument("--results", type=Path, default=results, help="the file that rows are kept in")
    chosen = parser.parse_args()
    plan = Plan(tuple(chosen.seeds), chosen.float_epochs, chosen.epochs, chosen.store, chosen.results)
    return chosen, plan


def measured(lines: Sequence[Line], plan: Plan, command: str) -> list[Row]:
    """The rows of all lines; all lines of a seed come before the next seed, so that what is there can be compared."""
    registry = Registry.of()
    document = head(plan, command, registry)
    rows: list[Row] = kept(plan, document)
    points = [point_of(line, seed, plan, registry) for seed in plan.seeds for line in lines]
    known = {identity(row) for row in rows}
    for done, point in enumerate(points, 1):
        if identity(failed_row(point, "")) in known:
            continue
        rows.append(carried_out(point, plan.store, registry))
        sys.stderr.write(f"{done}/{len(points)} {said(rows[-1])}\n")
        write_whole(plan.results, (json.dumps({**document, "rows": rows}, indent=2) + "\n").encode())
    wanted = {identity(failed_row(point, "")) for point in points}
    return [row for row in rows if identity(row) in wanted]


def head(plan: Plan, command: str, registry: Registry) -> Row:
    """How the rows were made; the recipe is written out, so that rows of two recipes are never mixed."""
    recipe = read_recipe(RECIPE, registry=registry, changes=plan.changes).document
    return {
        "command": command, "nadoo": version("nadoo"), "torch": torch.__version__,
        "threads": torch.get_num_threads(), "recipe": json.loads(json.dumps(recipe)),
    }  # fmt: skip


def kept(plan: Plan, document: Row) -> list[Row]:
    """The rows that are there already, without those of runs that stopped: these are tried again."""
    if not plan.results.exists():
        return []
    found = json.loads(plan.results.read_text(encoding="utf-8"))
    if found["recipe"] != document["recipe"]:
        sys.exit(f"{plan.results} holds rows of another recipe or other epochs; move it away, or give --results FILE")
    return [row for row in found["rows"] if "error" not in row]


def point_of(line: Line, seed: int, plan: Plan, registry: Registry) -> Point:
    """One run of a line."""
    changes = [*plan.changes, *line.changes, ("seed", seed)]
    recipe = read_recipe(RECIPE, registry=registry, changes=changes, without=line.without)
    return Point(line.label, line.values, seed, recipe)


def carried_out(point: Point, store: Path | None, registry: Registry) -> Row:
    """What a run came to on the test set, with its accuracy on the examples that decided which epoch was kept."""
    try:
        result = run(point.recipe, store=store, registry=registry)
    except RunStoppedError as error:
        return failed_row(point, "; ".join(str(problem) for problem in error.problems))
    validation = result.ledger["result"]["metrics"]["accuracy"]["value"]
    return {**row_of(point, result), "validation_accuracy": validation}


def identity(row: Row) -> tuple[Any, ...]:
    """Which run a row is of."""
    return row["label"], row.get("format"), row["seed"]


def said(row: Row) -> str:
    """A row for whoever watches."""
    place = " ".join(str(part) for part in identity(row) if part is not None)
    return f"{place}: {row['error']}" if "error" in row else f"{place}: {100 * row['accuracy']:.2f} %"


def summary(rows: Sequence[Row], label: str) -> Row | None:
    """The mean of a line's seeds, half its 95 % interval, and the size of the weights; None where no run ended."""
    own = [row for row in rows if row["label"] == label and "error" not in row]
    if not own:
        return None
    accuracies = [float(row["accuracy"]) for row in own]
    return {
        "label": label, "seeds": len(own), "weight_bytes": own[0]["weight_bytes"], "accuracy": fmean(accuracies),
        "half_width": interval(accuracies), "best": max(accuracies),
        "validation_accuracy": fmean(float(row["validation_accuracy"]) for row in own),
    }  # fmt: skip


def points(mean: float, half_width: float, sign: str = "") -> str:
    """A mean in percent, with half its 95 % interval where there is one."""
    spread = f" ± {100 * half_width:.2f}" if half_width else ""
    return f"{100 * mean:{sign}.2f}{spread}"

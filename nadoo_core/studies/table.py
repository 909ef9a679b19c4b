"""The table of a study: a row a point, with what the run measured, written as CSV after every point."""

import csv
import io
from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from attrs import frozen

from nadoo_core.store.files import write_whole

if TYPE_CHECKING:
    from nadoo_core.runs.result import RunResult
    from nadoo_core.studies.points import Point

Row = dict[str, Any]
TRAINED = {"train_loss": "loss", "train_accuracy": "accuracy", "positive_share": "positive_share"}


def row_of(point: "Point", result: "RunResult") -> Row:
    """What a run came to: metrics on the test set, or on validation data without one, and the model's size."""
    from nadoo_graphs.counting import count

    judged: Mapping[str, Any] = result.ledger["result"].get("test") or result.ledger["result"]["metrics"]
    counted = count(result.graph)
    sizes: Row = {"parameters": counted.parameters, "weight_bytes": counted.weight_bytes, "macs": macs_of(result)}
    metrics = {name: item["value"] for name, item in judged.items()}
    head: Row = {"label": point.label, **point.values, "seed": point.seed}
    return {**head, **metrics, **sizes, **training_of(result.ledger), "fingerprint": result.fingerprint}


def macs_of(result: "RunResult") -> int:
    """The multiply-accumulates of one example; every symbol counts as one."""
    from nadoo_graphs.counting import count
    from nadoo_graphs.sizes import symbols_of

    graph = result.graph
    sizes = [size for node in graph.nodes() for item in node.outputs for size in item.shape]
    return count(graph).macs(dict.fromkeys({name for size in sizes for name in symbols_of(size)}, 1))


def training_of(ledger: Mapping[str, Any]) -> Row:
    """Loss, accuracy and share of positive activations in the epoch that the last training kept."""
    logs = [log for step in ledger["steps"] for log in step.get("training", ())]
    if not logs or not logs[-1]["epochs"]:
        return {}
    kept = logs[-1].get("kept_epoch")
    epochs = logs[-1]["epochs"]
    epoch = next((item for item in epochs if item["epoch"] == kept), epochs[-1])
    return {column: epoch.get(key) for column, key in TRAINED.items()}


def failed_row(point: "Point", error: str) -> Row:
    """A point whose run stopped."""
    return {"label": point.label, **point.values, "seed": point.seed, "error": error}


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """The rows with all columns that any of them has, whole or not at all."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: spelled(value) for name, value in row.items()})
    write_whole(path, text.getvalue().encode())


def spelled(value: Any) -> Any:
    """A cell; nothing is an empty one."""
    return "" if value is None else value


@frozen
class Summary:
    """The seeds of one line at one place: their mean, and half the width of a 95 % interval where there are several."""

    label: str
    place: Any
    mean: float
    half_width: float
    count: int


STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
NORMAL = 1.96


def interval(values: Sequence[float]) -> float:
    """Half the width of the 95 % interval of a mean, by Student's distribution; 0 for one value."""
    count = len(values)
    if count < min(STUDENT):
        return 0.0
    return STUDENT.get(count, NORMAL) * stdev(values) / sqrt(count)


def summaries(rows: Sequence[Row], metric: str, path: str | None) -> list[Summary]:
    """The lines of the plot, point by point."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if isinstance(row.get(metric), int | float):
            groups.setdefault((row["label"], repr(row.get(path or "", ""))), []).append(row)
    found: list[Summary] = []
    for (label, _), members in groups.items():
        values = [float(row[metric]) for row in members]
        found.append(Summary(label, members[0].get(path or "", ""), fmean(values), interval(values), len(values)))
    return found


def paired(rows: Sequence[Row], metric: str, first: str) -> list[tuple[str, float, float, int]]:
    """Each variant against the first one, seed by seed: mean difference, half its 95 % interval, and how many pairs."""
    by_label: dict[str, dict[Any, float]] = {}
    for row in rows:
        if isinstance(row.get(metric), int | float):
            by_label.setdefault(row["label"], {})[row["seed"]] = float(row[metric])
    base = by_label.get(first, {})
    found: list[tuple[str, float, float, int]] = []
    for label, scores in by_label.items():
        differences = [scores[seed] - base[seed] for seed in scores if seed in base]
        if label != first and differences:
            found.append((label, fmean(differences), interval(differences), len(differences)))
    return found

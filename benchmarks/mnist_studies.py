"""The studies of skip paths and activations on MNIST, beside the figures of the notes that they follow.

python -m benchmarks.mnist_studies residuals|activations [--set STEP.OPTION=VALUE] [--store DIR] [--out DIR] [--record]

NADOO_DATA is the folder of the data. Stopped at any moment, the same command goes on from the store. The notes trained
each line once, with augmentation; here five seeds are trained without, and every line is compared with the first one
seed by seed, so differences are what can be compared.
"""

import argparse
import csv
import json
import statistics
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.figures import RESULTS
from nadoo_core.studies import StudyResult, study
from nadoo_core.studies.table import interval, paired

RECIPES = Path(__file__).parent / "recipes"
COLUMNS = ("loss", "accuracy", "train_loss", "train_accuracy", "positive_share")
Row = dict[str, Any]
Notes = dict[str, tuple[float, float, float, float, float]]
RESIDUALS: Notes = {
    "none": (0.047278, 0.9852, 0.070248, 0.9781, 0.395),
    "relu(x+f)": (0.040175, 0.9872, 0.076385, 0.9759, 0.420),
    "x+relu(f)": (0.047587, 0.9859, 0.079785, 0.9752, 0.330),
    "s*x+relu(f)": (0.041398, 0.9859, 0.068703, 0.9787, 0.319),
    "relu(s*x+f)": (0.042721, 0.9865, 0.071519, 0.9779, 0.403),
}
ACTIVATIONS: Notes = {
    "relu": (0.048307, 0.9850, 0.081163, 0.9746, 0.432),
    "leaky_relu 0.125": (0.051325, 0.9844, 0.090833, 0.9720, 0.368),
    "leaky_relu 0.0625": (0.048970, 0.9840, 0.086684, 0.9728, 0.387),
    "x*relu(x+3)/6": (0.038514, 0.9872, 0.075767, 0.9763, 0.432),
    "x*relu(x+3)": (0.042816, 0.9863, 0.074241, 0.9768, 0.442),
    "x*relu(x+0)": (0.049050, 0.9854, 0.080196, 0.9750, 0.638),
    "x*relu6(x+3)": (0.041766, 0.9878, 0.075704, 0.9763, 0.415),
    "relu(x+1)-1": (0.049661, 0.9844, 0.087294, 0.9730, 0.408),
    "relu_topq 0.5": (0.061737, 0.9815, 0.110103, 0.9656, 0.224),
}
NOTES = {"residuals": RESIDUALS, "activations": ACTIVATIONS}
"""What the notes have for each line, in the order of the columns; where they are silent there is nothing to compare."""


def rows_of(table: Path) -> list[Row]:
    """The rows of a study's table, with its numbers as numbers."""
    with table.open(encoding="utf-8", newline="") as file:
        return [{name: number(value) for name, value in row.items()} for row in csv.DictReader(file)]


def number(text: str) -> float | str:
    """A cell as a number, where it is one."""
    try:
        return float(text)
    except ValueError:
        return text


def lines(name: str, rows: list[Row]) -> Row:
    """Every line: means over the seeds with half their 95 % intervals, differences from the first line, the notes."""
    labels = list(dict.fromkeys(str(row["label"]) for row in rows))
    first, notes = labels[0], NOTES[name]
    found: Row = {}
    for label in labels:
        own = [row for row in rows if row["label"] == label]
        found[label] = {"seeds": len(own)}
        for place, column in enumerate(COLUMNS):
            values = [float(row[column]) for row in own]
            cell: Row = {"mean": statistics.fmean(values), "half_width": interval(values)}
            cell |= difference(rows, column, (first, label))
            if label in notes:
                cell |= {"notes": notes[label][place], "notes_difference": notes[label][place] - notes[first][place]}
            found[label][column] = {key: round(value, 6) for key, value in cell.items()}
    return found


def difference(rows: list[Row], column: str, labels: tuple[str, str]) -> Row:
    """A line's paired difference from the first one."""
    for label, mean, half_width, _ in paired(rows, column, labels[0]):
        if label == labels[1] != labels[0]:
            return {"difference": mean, "difference_half_width": half_width}
    return {}


def text(found: Row) -> str:
    """The accuracies as a table for people."""
    head = f"{'line':20} {'accuracy':>9} {'difference from the first':>28} {'in the notes':>14}"
    table = [head]
    for label, cells in found.items():
        cell = cells["accuracy"]
        moved = (
            f"{100 * cell['difference']:+.2f} ± {100 * cell['difference_half_width']:.2f}"
            if "difference" in cell
            else ""
        )
        noted = f"{100 * cell['notes_difference']:+.2f}" if "notes" in cell else ""
        table.append(f"{label:20} {100 * cell['mean']:9.2f} {moved:>28} {noted:>14}")
    return "\n".join(table) + "\n"


def main() -> None:
    """Run a study to its end, print its lines, and record them if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(NOTES))
    parser.add_argument("--store", type=Path, default=None, help="where finished steps are kept")
    parser.add_argument("--out", type=Path, default=None, help="where the table and the plot are written")
    parser.add_argument("--set", action="append", default=[], help="change the recipe, such as train.batch=512")
    parser.add_argument("--record", action="store_true", help="write the results beside this file")
    chosen = parser.parse_args()
    out: Path = chosen.out or Path("out") / f"mnist-{chosen.name}"
    recipe, changes = RECIPES / f"mnist-{chosen.name}.toml", list[str](chosen.set)
    result: StudyResult = study(recipe, out, store=chosen.store, trust=True, changes=changes)
    found = lines(chosen.name, rows_of(result.table))
    sys.stdout.write(text(found))
    if chosen.record:
        settings = [f"--set {item}" for item in changes]
        document = {
            "command": f"python -m benchmarks.mnist_studies {' '.join([chosen.name, *settings, '--record'])}",
            "nadoo": version("nadoo"),
            "torch": torch.__version__, "threads": torch.get_num_threads(), "lines": found,
        }  # fmt: skip
        path = RESULTS / f"mnist_{chosen.name}.json"
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""The packaged recipes for digits as they are, three seeds each: accuracy on the test set, and bytes of weights.

python -m benchmarks.mnist_accuracy [--recipes NAME …] [--seeds SEED …] [--store DIR] [--results FILE]

Nothing about a run is chosen by the test set: the weights of the last epoch are kept. Rows are kept as they come, so
that the same command goes on where it was stopped; rows of a recipe that changed since are measured again. NADOO_DATA
is the folder of the data.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks.figures import RESULTS
from benchmarks.mnist_rows import carried_out, points, said, summary
from nadoo_core.recipe import read_recipe
from nadoo_core.registry import Registry
from nadoo_core.store.files import write_whole
from nadoo_core.studies import Point
from nadoo_core.studies.table import Row

WANTED = {"mnist-perceptron": 0.9902, "mnist-cnn": 0.9950}
"""The mean that each recipe has to reach."""
COMMAND = "NADOO_DATA=… python -m benchmarks.mnist_accuracy"
SEEDS = (0, 1, 2)


def kept(results: Path) -> list[Row]:
    """The rows that are there already."""
    return json.loads(results.read_text(encoding="utf-8"))["rows"] if results.exists() else []


def measure(recipe: str, seed: int, rows: list[Row], store: Path | None) -> list[Row]:
    """The rows with that of one run, which is carried out unless it is there."""
    registry = Registry.of()
    point = Point(recipe, {}, seed, read_recipe(recipe, registry=registry, changes=[("seed", seed)]))
    document = json.loads(json.dumps(point.recipe.document))
    others = [row for row in rows if (row["label"], row["seed"]) != (recipe, seed)]
    if any(row["recipe"] == document for row in rows if row not in others):
        return rows
    found = {**carried_out(point, store, registry), "recipe": document}
    sys.stderr.write(said(found) + "\n")
    return [*others, found]


def text(rows: Sequence[Row], recipes: Sequence[str]) -> str:
    """A line for each recipe."""
    lines = [f"{'recipe':18} {'bytes':>8} {'seeds':>6} {'test, mean':>16} {'best':>7} {'wanted':>7}"]
    for recipe in recipes:
        cell = summary(rows, recipe)
        if cell is not None:
            lines.append(
                f"{recipe:18} {cell['weight_bytes']:8,} {cell['seeds']:6} "
                f"{points(cell['accuracy'], cell['half_width']):>16} {100 * cell['best']:7.2f} "
                f"{100 * WANTED[recipe]:7.2f}"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=list(WANTED), choices=list(WANTED), metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), metavar="SEED")
    parser.add_argument("--store", type=Path, default=None, help="where finished steps are kept")
    parser.add_argument("--results", type=Path, default=RESULTS / "mnist_accuracy.json")
    chosen = parser.parse_args()
    head = {"command": COMMAND, "nadoo": version("nadoo"), "torch": torch.__version__}
    for seed in chosen.seeds:
        for recipe in chosen.recipes:
            rows = measure(recipe, seed, kept(chosen.results), chosen.store)
            document = {**head, "threads": torch.get_num_threads(), "rows": rows}
            write_whole(chosen.results, (json.dumps(document, indent=2) + "\n").encode())
    sys.stdout.write(text(kept(chosen.results), chosen.recipes))


if __name__ == "__main__":
    main()

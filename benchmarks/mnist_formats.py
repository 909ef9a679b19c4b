"""All formats of weights on the perceptron 256-64-64-64-10 and MNIST at 16×16: accuracy after training over codes.

python -m benchmarks.mnist_formats [--formats NAME …] [--seeds SEED …] [--epochs N] [--results FILE]

Every run is the recipe `mnist-perceptron` with another format; `float` is the same without the step `quantize`.
The weights of the last epoch are kept, and the test set is only looked at for the table. Rows are kept as they come, so
that the same command goes on where it was stopped. NADOO_DATA is the folder of the data.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import sys
from collections.abc import Sequence

from benchmarks.figures import RESULTS
from benchmarks.mnist_rows import Line, measured, parsed, points, summary
from nadoo_core.studies.table import Row

FLOAT = "float"
FORMATS = (
    "4bitsym", "2bitsym", "ternary", "binarysym", "binary", "4bit", "fp130", "fp130log", "fp130floor", "nf4", "5bitsym",
    "8bit", "23level", "int2", "int3", "int4", "int8", "dorefa2", "dorefa4",
)  # fmt: skip
SEEDS = (0, 1, 2)


def line_of(name: str) -> Line:
    """The runs with one format, or with none."""
    if name == FLOAT:
        return Line(name, without=("quantize",))
    return Line(name, changes=(("quantize.weights", name),))


def text(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The table for people, the best format first."""
    found = sorted(filter(None, (summary(rows, name) for name in names)), key=lambda cell: -cell["accuracy"])
    lines = [f"{'format':12} {'bytes':>8} {'seeds':>6} {'test, mean':>16} {'best':>7} {'validation':>11}"]
    for cell in found:
        mean = points(cell["accuracy"], cell["half_width"])
        lines.append(
            f"{cell['label']:12} {cell['weight_bytes']:8,} {cell['seeds']:6} {mean:>16} {100 * cell['best']:7.2f} "
            f"{100 * cell['validation_accuracy']:11.2f}"
        )
    lines += [f"{row['label']:12} seed {row['seed']}: {row['error']}" for row in rows if "error" in row]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", nargs="+", default=[*FORMATS, FLOAT], metavar="NAME")
    chosen, plan = parsed(parser, RESULTS / "mnist_formats.json", SEEDS)
    rows = measured([line_of(name) for name in chosen.formats], plan, "python -m benchmarks.mnist_formats")
    sys.stdout.write(text(rows, chosen.formats))


if __name__ == "__main__":
    main()

"""All clip rules on formats below 5 bits, on the perceptron and MNIST at 16×16: is OCTAV the best?

python -m benchmarks.mnist_clips [--formats NAME …] [--rules NAME …] [--seeds SEED …] [--epochs N] [--results FILE]

Every run is the recipe `mnist-perceptron` with one format and one rule, which gives the first clips and follows the
weights after every epoch. Rules are compared with OCTAV seed by seed, because seeds differ by more than rules do.
`auto` and `auto-training` are left out, which are `mse` and `octav` here, and so are formats of signs alone: behind a
relu-norm the one scale of a layer says nothing, and no clip moves a sign. Rows are kept as they come, so that the same
command goes on where it was stopped. NADOO_DATA is the folder of the data.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.figures import RESULTS
from benchmarks.mnist_rows import Line, measured, parsed, points, summary
from nadoo_core.quantizing import CLIP_RULES
from nadoo_core.studies.table import Row, paired

FORMATS = ("4bitsym", "2bitsym", "ternary", "4bit", "fp130", "nf4", "int3")
OCTAV = "octav"
RULES = (OCTAV, *sorted(set(CLIP_RULES) - {OCTAV, "auto", "auto-training"}))
FIXED, LEVEL = 0.75, 0.2
"""About where the other rules bring the clips of this network, and the one level of ternary weights."""
SEEDS = (0, 1, 2)


def line_of(form: str, rule: str) -> Line:
    """The runs of one rule on one format; scales that are derived or learned begin with it and go on with it."""
    options: dict[str, Any] = {"fixed": {"value": LEVEL if form == "ternary" else FIXED}} if rule == "fixed" else {}
    changes = [(f"{step}.{key}", value) for step in ("quantize", "train-codes")
               for key, value in (("clip", rule), ("clip_options", options))]  # fmt: skip
    return Line(rule, {"format": form}, (("quantize.weights", form), *changes))


def table(rows: Sequence[Row], form: str, rules: Sequence[str]) -> str:
    """The rules of one format, the best first, and what that says about OCTAV."""
    own = [row for row in rows if row["format"] == form]
    found = sorted(filter(None, (summary(own, rule) for rule in rules)), key=lambda cell: -cell["accuracy"])
    against = {rule: (mean, half_width) for rule, mean, half_width, _ in paired(own, "accuracy", OCTAV)}
    lines = [f"{form:14} {'seeds':>5} {'test, mean':>11} {'against octav':>16} {'validation':>11}"]
    for cell in found:
        beside = points(*against[cell["label"]], "+") if cell["label"] in against else ""
        lines.append(
            f"  {cell['label']:12} {cell['seeds']:5} {100 * cell['accuracy']:11.2f} "
            f"{beside:>16} {100 * cell['validation_accuracy']:11.2f}"
        )
    lines += [f"  {row['label']:12} seed {row['seed']}: {row['error']}" for row in own if "error" in row]
    return "\n".join([*lines, f"  {verdict(against)}"]) + "\n"


def verdict(against: dict[str, tuple[float, float]]) -> str:
    """Whether OCTAV is the best rule of a format, and whether its distance to the best one could be chance."""
    if not against:
        return "OCTAV has nothing to be compared with"
    best = max(against, key=lambda rule: against[rule][0])
    mean, half_width = against[best]
    if mean <= 0:
        return f"OCTAV is the best; next is {best}, {points(mean, half_width, '+')}"
    if half_width == 0:
        return f"OCTAV is not the best: {best} is {points(mean, 0)} above it, on one seed"
    how = "more than" if mean > half_width else "within"
    return f"OCTAV is not the best: {best} is {points(mean, half_width)} above it, {how} the 95 % interval of this pair"


def main() -> None:
    """Run what is missing, and print a table for each format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", nargs="+", default=list(FORMATS), metavar="NAME")
    parser.add_argument("--rules", nargs="+", default=list(RULES), choices=RULES, metavar="NAME")
    chosen, plan = parsed(parser, RESULTS / "mnist_clips.json", SEEDS)
    lines = [line_of(form, rule) for form in chosen.formats for rule in chosen.rules]
    rows = measured(lines, plan, "python -m benchmarks.mnist_clips")
    sys.stdout.write("\n".join(table(rows, form, chosen.rules) for form in chosen.formats))


if __name__ == "__main__":
    main()

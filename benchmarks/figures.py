"""What every benchmark measures, prints and records: figures beside their limits, and how to repeat them."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from attrs import asdict, frozen

RESULTS = Path(__file__).parent / "results"
SEED = 0


@frozen
class Figure:
    """One measured figure, its limit and how far single runs lay apart."""

    name: str
    measured: float
    limit: float
    unit: str
    spread: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the figure is within the limit."""
        return self.measured <= self.limit

    def line(self) -> str:
        """The figure as a person reads it."""
        spread = f" (spread {self.spread:.2f})" if self.spread else ""
        state = "ok  " if self.holds else "OVER"
        return f"{state}  {self.name:42} {self.measured:9.2f} {self.unit}, limit {self.limit:g}{spread}"


def report(name: str, description: str, measure: Callable[[], Sequence[Figure]]) -> int:
    """Measure, print, record if asked for, and give the exit code: 1 if a figure is over its limit."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write the results beside this file")
    recording = parser.parse_args().record
    figures = measure()
    sys.stdout.write("\n".join(figure.line() for figure in figures) + "\n")
    if recording:
        write(name, figures)
    return 0 if all(figure.holds for figure in figures) else 1


def write(name: str, figures: Sequence[Figure]) -> None:
    """Record the figures with command, seed and versions."""
    document = {
        "command": f"python -m benchmarks.{name} --record",
        "seed": SEED,
        "nadoo": version("nadoo"),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "figures": [{**asdict(figure), "holds": figure.holds} for figure in figures],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

"""What every benchmark measures, prints and records: figures beside their limits, and how to repeat them."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

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
    """Record figures with their limits."""
    record(name, {"figures": [{**asdict(figure), "holds": figure.holds} for figure in figures]})


def record(name: str, found: Mapping[str, Any], *, data: bool = False) -> None:
    """Record what was found with command, seed and versions; `data` says that the command needs NADOO_DATA."""
    document = {
        "command": f"{'NADOO_DATA=… ' if data else ''}python -m benchmarks.{name} --record",
        "seed": SEED,
        "nadoo": version("nadoo"),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        **found,
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")

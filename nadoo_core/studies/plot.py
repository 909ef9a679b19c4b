"""The plot of a study, as SVG by matplotlib, which is an extra."""

import io
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from nadoo_core.store.files import write_whole
from nadoo_core.studies.table import Summary

SIZE = (7.0, 4.5)
BAR = 3


def has_plots() -> bool:
    """Whether matplotlib is installed."""
    try:
        import_module("matplotlib")
    except ImportError:
        return False
    return True


def write_plot(path: Path, lines: Sequence[Summary], metric: str, place: str, title: str) -> None:
    """A line a variant over the first swept option, or a bar a variant where nothing is swept."""
    matplotlib: Any = import_module("matplotlib")
    matplotlib.use("svg")
    pyplot: Any = import_module("matplotlib.pyplot")
    with matplotlib.rc_context({"svg.hashsalt": title}):
        figure, axes = pyplot.subplots(figsize=SIZE, layout="constrained")
        draw(axes, lines, place)
        axes.set_ylabel(metric)
        axes.set_title(title)
        held = io.BytesIO()
        figure.savefig(held, format="svg", metadata={"Date": None})
        pyplot.close(figure)
    write_whole(path, held.getvalue())


def draw(axes: Any, lines: Sequence[Summary], place: str) -> None:
    """The lines or bars, each with its interval."""
    if not place:
        names = [line.label for line in lines]
        axes.errorbar(range(len(lines)), [line.mean for line in lines], [line.half_width for line in lines],
                      fmt="o", capsize=BAR)  # fmt: skip
        axes.set_xticks(range(len(lines)), names, rotation=30, ha="right")
        return
    for label in dict.fromkeys(line.label for line in lines):
        own = [line for line in lines if line.label == label]
        numeric = all(isinstance(line.place, int | float) and not isinstance(line.place, bool) for line in own)
        places = [line.place if numeric else str(line.place) for line in own]
        axes.errorbar(places, [line.mean for line in own], [line.half_width for line in own],
                      fmt="o-", capsize=BAR, label=label)  # fmt: skip
    axes.set_xlabel(place)
    if len({line.label for line in lines}) > 1:
        axes.legend()

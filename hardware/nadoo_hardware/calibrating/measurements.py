"""Measurements that were made elsewhere, as on a board of the user: models, and what they took."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from attrs import frozen

from nadoo_core.cost.calibrated import CostUnit
from nadoo_core.cost.calibration import Sample
from nadoo_core.cost.reading import read_tables, structured
from nadoo_core.options import Options, Seconds, option
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.estimators.terms import GENERIC, latency_terms
from nadoo_hardware.estimators.work import graph_work

Generic = Literal["elements", "bytes", "views", "calls"]
MOST_CYCLES = 1e15


@frozen(kw_only=True)
class Measurement(Options):
    """What one model took: seconds or cycles."""

    model: str = option(help="a saved graph or a file, beside this one", min_length=1)
    seconds: Seconds | None = option(default=None, above=0, help="how long one inference took")
    cycles: float | None = option(default=None, above=0, maximum=MOST_CYCLES, help="how many cycles one inference took")

    def complaints(self) -> Iterator[str]:
        """One of the two, and not both."""
        if (self.seconds is None) == (self.cycles is None):
            yield f"gives {'both' if self.seconds else 'neither'} of seconds and cycles for {self.model!r}; give one"


@frozen(kw_only=True)
class Measurements(Options):
    """A file of measurements, all in seconds or all in cycles."""

    source: str = option(help="how it was measured", min_length=1, max_length=500)
    terms: tuple[Generic, ...] = option(default=GENERIC, help="what is fitted beside multiply-accumulates")
    measurement: tuple[Measurement, ...] = option(help="every model that was measured", min_length=1)

    def complaints(self) -> Iterator[str]:
        """Units that are mixed."""
        if len({item.cycles is None for item in self.measurement}) > 1:
            yield "has seconds of some models and cycles of others; give all in one unit"

    @property
    def unit(self) -> CostUnit:
        """What was counted."""
        return "seconds" if self.measurement[0].cycles is None else "cycles"


def read_measurements(path: Path) -> Measurements:
    """The measurements of a TOML file; all that is wrong with it is said at once."""
    return structured(Measurements, read_tables(path, "file of measurements"), path.name)


def samples_of(given: Measurements, folder: Path, load: Callable[[str], ModelGraph]) -> list[Sample]:
    """The measurements with the work of their models; models are relative to the folder of the file."""
    samples: list[Sample] = []
    for item in given.measurement:
        beside = folder / item.model
        work = graph_work(load(str(beside) if beside.exists() else item.model))
        time = item.cycles if item.seconds is None else item.seconds
        samples.append(Sample(item.model, time or 0.0, latency_terms(work, given.terms)))
    return samples

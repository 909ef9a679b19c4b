"""Measuring on the machine at hand: every network several times, far apart, because other work comes and goes."""

from collections.abc import Callable, Sequence

from attrs import frozen

from nadoo_core.cost.calibration import Sample
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.calibrating.networks import drawn_networks
from nadoo_hardware.calibrating.probes import probes
from nadoo_hardware.estimators.host import Measurement, measure, quantile
from nadoo_hardware.estimators.terms import BY_KIND, latency_terms
from nadoo_hardware.estimators.work import graph_work

PASSES = 3
MOST_S = 0.3
"""How long one network is run in one pass."""
Progress = Callable[[int, int, str], None]


@frozen
class Measured:
    """What networks took, and by how much the passes over them differed."""

    samples: tuple[Sample, ...]
    unrest: float
    """The median over all networks of the slowest pass's median as a multiple of the fastest one's, less one."""
    spread: float
    """The median over all networks of the middle half of their runs, as a share of the median run."""


def measured_networks(many: int, seed: int, precisions: Sequence[str], progress: Progress) -> Measured:
    """Draw networks and probes in some precisions, and run them on this machine."""
    models: list[tuple[ModelGraph, bool]] = []
    for precision in precisions:
        models += [(graph, False) for graph in drawn_networks(many, seed, precision)]
        models += [(graph, True) for graph in probes(seed, precision)]
    runs: list[list[Measurement]] = [[] for _ in models]
    for turn in range(PASSES):
        for place, (graph, _) in enumerate(models):
            progress(turn * len(models) + place, PASSES * len(models), graph.name)
            runs[place].append(measure(graph, most_s=MOST_S))
    several = len(precisions) > 1
    samples = [sample_of(graph, probe, found, several) for (graph, probe), found in zip(models, runs, strict=True)]
    unrest = [max(medians) / min(medians) - 1 for medians in ([run.median for run in found] for found in runs)]
    spreads = [run.middle_half / run.median for found in runs for run in found]
    return Measured(tuple(samples), quantile(unrest, 1 / 2), quantile(spreads, 1 / 2))


def sample_of(graph: ModelGraph, probe: bool, runs: Sequence[Measurement], several: bool) -> Sample:
    """A network with the least of its passes' medians: what else the machine did only adds."""
    work = graph_work(graph)
    name = f"{graph.name} {work.nodes[0].activations}" if several else graph.name
    return Sample(name, min(run.median for run in runs), latency_terms(work, BY_KIND), probe)

"""Scoring for searches: what a model costs with its layers' weights in some formats, thousands of times a second.

Everything that no format changes is estimated once, and every layer once in every format that is tried; a score is then
a sum.
"""

from collections.abc import Mapping, Sequence

from attrs import frozen

from nadoo_core.cost import Cost, CostNumber, Device
from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.options import did_you_mean
from nadoo_graphs.counting import WEIGHT
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.estimators.analytic import analytic, beside_tensors, code_size, covered
from nadoo_hardware.estimators.conditional import expected
from nadoo_hardware.estimators.energy import node_energy
from nadoo_hardware.estimators.latency import node_time_of
from nadoo_hardware.estimators.program import lowered, program_code, program_times
from nadoo_hardware.estimators.work import BoundGraph, NodeWork, graph_work, node_work


@frozen
class NodeScore:
    """One node with its weights in one format: its work, its tensors in flash, its time and its energy."""

    work: NodeWork
    flash: Mapping[str, int]
    latency: CostNumber
    energy: CostNumber


class Scorer:
    """A model on a device; a score says of formats what the analytic estimator says, without the nodes."""

    def __init__(self, graph: ModelGraph, device: Device) -> None:
        self.graph, self.device, self.bound = graph, device, BoundGraph.of(graph)
        self.nodes = tuple(node.name for node in graph.nodes())
        self.layers = frozenset(node.name for node in graph.nodes() if WEIGHT in node.tensors)
        self.given = analytic(graph, device)
        self.known: dict[tuple[str, str | None], NodeScore] = {}
        work = graph_work(graph)
        self.program = lowered(graph, work, device)
        self.beside = beside_tensors(graph, self.program)
        self.code = program_code(self.program, device)
        self.times, self.works = program_times(self.program, device), {node.name: node for node in work.nodes}

    def score(self, formats: Mapping[str, str]) -> Cost:
        """The cost with the weights of some layers in other formats; layers that are not named stay as they are."""
        scores = [self.node_score(name, formats.get(name)) for name in self.nodes]
        unknown = [] if formats.keys() <= self.layers else [name for name in formats if name not in self.layers]
        if unknown:
            advice = ((name, did_you_mean(name, sorted(self.layers))) for name in unknown)
            problems = (
                Problem(CoreCode.UNKNOWN_NAME, name, f"is no layer with weights; {text}") for name, text in advice
            )
            raise OptionError(problems)
        works = [score.work for score in scores]
        totals = {
            "macs": self.given.macs,
            "flash_bytes": CostNumber.exact(tensors_once(scores))
            .plus(self.beside)
            .plus(self.code or code_size(works, self.device)),
            "peak_ram_bytes": self.given.ram,
            "latency_s": summed(works, [score.latency for score in scores]),
            "energy_j": summed(works, [score.energy for score in scores]),
        }
        return Cost(device=self.device.name, totals=totals, coverage=self.given.coverage, ranges=self.given.ranges)

    def node_score(self, name: str, chosen: str | None) -> NodeScore:
        """One node in one format, from what is known or estimated now."""
        found = self.known.get((name, chosen))
        if found is None:
            found = self.known[name, chosen] = self.estimated(name, chosen)
        return found

    def estimated(self, name: str, chosen: str | None) -> NodeScore:
        """One node by the parts of the analytic estimator."""
        if chosen is not None and chosen not in self.graph.formats:
            message = f"{chosen!r} is no format; {did_you_mean(chosen, self.graph.formats.names)}"
            raise OptionError([Problem(CoreCode.UNKNOWN_NAME, name, message)])
        flash: dict[str, int] = {}
        work = node_work(self.bound, self.graph[name], chosen, flash)
        latency = node_time_of(work, self.works[name], self.times.get(name), self.device).number
        energy = node_energy(work, latency, self.device)
        return NodeScore(work, flash, *expected([work, work], [latency, energy]))


def tensors_once(scores: Sequence[NodeScore]) -> int:
    """The bytes of all tensors; one that several nodes use counts once, in the widest form that any of them wants."""
    held: dict[str, int] = {}
    for score in scores:
        for name, count in score.flash.items():
            if count > held.get(name, 0):
                held[name] = count
    return sum(held.values())


def summed(works: Sequence[NodeWork], numbers: Sequence[CostNumber]) -> CostNumber:
    """The sum; with gaps it is what the analytic estimator makes of them."""
    values = [number.value for number in numbers if number.value is not None]
    lows = [number.low for number in numbers if number.low is not None]
    highs = [number.high for number in numbers if number.high is not None]
    if not len(values) == len(lows) == len(highs) == len(numbers):
        return covered(works, numbers)[0]
    return CostNumber(sum(values), sum(lows), sum(highs))

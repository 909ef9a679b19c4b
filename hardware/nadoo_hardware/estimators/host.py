"""The machine at hand as a device: a graph is run on it many times, and the median with its spread is the cost."""

import time
from collections.abc import Sequence

import torch
from attrs import frozen

from nadoo_core.cost import Cost, CostNumber, Device
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.sizes import bind
from nadoo_hardware.estimators.work import sizes_of
from nadoo_hardware.host_device import NAME

WARM_UP = 3
REPEATS = 30
MOST_S = 5.0
"""How long one measurement may take; slow models are run less often, but never less than three times."""
FEWEST = 3
NINE_IN_TEN = (0.05, 0.95)
MARGIN = 1.1
"""By how much the spread is widened, because a later run sees another machine than the earlier ones."""


@frozen
class Measurement:
    """The seconds of many runs."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return quantile(self.seconds, 1 / 2)

    @property
    def middle_half(self) -> float:
        """How far the middle half of the runs lies apart."""
        return quantile(self.seconds, 3 / 4) - quantile(self.seconds, 1 / 4)

    @property
    def number(self) -> CostNumber:
        """The median with the range of nine runs in ten, a little wider."""
        low, high = (quantile(self.seconds, share) for share in NINE_IN_TEN)
        return CostNumber(self.median, low / MARGIN, high * MARGIN)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of all lies, between neighbours in proportion."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def measured(graph: ModelGraph, device: Device) -> Cost:
    """The latency of a graph on this machine; for any other device nothing is said."""
    if device.name != NAME:
        return Cost(device=device.name)
    found = measure(graph)
    note = f"measured: median of {len(found.seconds)} runs in torch with {threads_text()}"
    ranges = {"latency_s": "nine in ten of the runs themselves, widened by a tenth"}
    return Cost(device=NAME, totals={"latency_s": found.number}, notes=(note,), ranges=ranges)


def threads_text() -> str:
    """How many threads compute, and so which clock counts."""
    many = torch.get_num_threads()
    return "one thread, in processor time" if many == 1 else f"{many} threads"


def now() -> float:
    """Seconds: of processor time where one thread computes, so that other programs do not count; else of the clock."""
    return time.thread_time() if torch.get_num_threads() == 1 else time.perf_counter()


def measure(graph: ModelGraph, repeats: int = REPEATS, most_s: float = MOST_S) -> Measurement:
    """Run a graph on made inputs of one example, first without a clock and then with one."""
    module, inputs = graph.to_module().eval(), made_inputs(graph)
    seconds: list[float] = []
    with torch.no_grad():
        for _ in range(WARM_UP):
            module(*inputs)
        started = now()
        while len(seconds) < repeats and (now() - started < most_s or len(seconds) < FEWEST):
            begun = now()
            module(*inputs)
            seconds.append(now() - begun)
    return Measurement(tuple(seconds))


def made_inputs(graph: ModelGraph) -> tuple[torch.Tensor, ...]:
    """One example an input; the captured one where there is one, because indices must be valid."""
    sizes, generator = sizes_of(graph), torch.Generator().manual_seed(0)
    examples = {item.name: item.example for item in graph.contract.inputs}
    found: list[torch.Tensor] = []
    for node in graph.inputs:
        shape, dtype = [bind(size, sizes) for size in node.type.shape], getattr(torch, node.type.dtype)
        example = examples.get(node.name)
        if dtype.is_floating_point or example is None:
            found.append(torch.rand(shape, generator=generator).to(dtype))
        else:
            found.append(example[tuple(slice(0, size) for size in shape)])
    return tuple(found)

"""Fidelity: how much a model still computes what another one computes, on inputs alone, per output and per node.

The signal-to-noise ratio is 10·log₁₀(Σ reference² / Σ difference²) in dB over all examples; equal values have +∞.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import torch
from attrs import define, field, frozen

from nadoo_core.evaluation.compute import device_of, evaluating
from nadoo_core.evaluation.errors import evaluation_error
from nadoo_core.evaluation.measurement import Measurement, mean_of, numbers, spread
from nadoo_core.evaluation.outputs import Model, as_module, batches, flat, require_examples
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, OUTPUT

MATRIX = 2
DECIBEL = 10 / math.log(10)


@frozen
class Agreement:
    """How close two values are: noise, the largest difference, and how often the top class is the same."""

    snr_db: Measurement
    largest_error: float
    top_class: Measurement | None


@frozen
class Fidelity:
    """The agreement of every output and node, and the nodes that could not be compared, with the reason."""

    outputs: Mapping[str, Agreement]
    nodes: Mapping[str, Agreement]
    unmatched: Mapping[str, str]

    def worst(self, count: int = 5) -> tuple[str, ...]:
        """The nodes that lost most, the worst first."""
        return tuple(sorted(self.nodes, key=lambda name: self.nodes[name].snr_db.value)[:count])


@define
class Comparison:
    """What is known of one pair of values so far: a few numbers an example."""

    signal: list[float] = field(factory=list[float])
    noise: list[float] = field(factory=list[float])
    same_class: list[float] = field(factory=list[float])
    largest: float = 0.0

    def add(self, reference: torch.Tensor, value: torch.Tensor) -> None:
        """Compare a batch of both."""
        expected, found = (tensor.double().reshape(len(tensor), -1) for tensor in (reference, value))
        difference = torch.where(expected == found, 0, expected - found)  # equal infinities, as in masks, are no noise
        self.signal += numbers((torch.where(expected.isfinite(), expected, 0) ** 2).sum(1))
        self.noise += numbers((difference**2).sum(1))
        self.largest = max(self.largest, float(difference.abs().max()) if difference.numel() else 0.0)
        if reference.ndim == MATRIX and reference.shape[1] > 1:
            same = first_highest(expected) == first_highest(found)
            self.same_class += numbers(same)

    def agreement(self) -> Agreement:
        """The result over all batches."""
        top_class = mean_of(self.same_class) if self.same_class else None
        return Agreement(signal_to_noise(self.signal, self.noise), self.largest, top_class)


def first_highest(rows: torch.Tensor) -> torch.Tensor:
    """The first of the highest values of each row."""
    return (rows == rows.max(1, keepdim=True).values).double().argmax(1)


def signal_to_noise(signal: Sequence[float], noise: Sequence[float]) -> Measurement:
    """The ratio in dB from both powers of every example; its error follows from how the examples vary."""
    count, total, lost = len(signal), math.fsum(signal), math.fsum(noise)
    if lost == 0:
        return Measurement(math.inf, count, None)
    if total == 0:
        return Measurement(-math.inf, count, None)
    pairs = zip(signal, noise, strict=True)
    influences = [DECIBEL * count * (power / total - error / lost) for power, error in pairs]
    return Measurement(DECIBEL * (math.log(total) - math.log(lost)), count, spread(influences))


def measure_fidelity(
    reference: Model,
    model: Model,
    inputs: torch.Tensor,
    nodes: str | Sequence[str] = (),
    batch: int = 256,
    compute: str = "cpu",
) -> Fidelity:
    """Compare two models on the same inputs; `nodes` are globs of node names, for two graphs."""
    patterns = [nodes] if isinstance(nodes, str) else list(nodes)
    outputs = compared_outputs(as_module(reference), as_module(model), inputs, batch, compute)
    if not patterns:
        return Fidelity(outputs, {}, {})
    if not (isinstance(reference, ModelGraph) and isinstance(model, ModelGraph)):
        message = "nodes are compared between two graphs; capture the models, or leave `nodes` out"
        raise evaluation_error("fidelity", message)
    compared, unmatched = compared_nodes(reference, model, inputs, patterns, batch)
    return Fidelity(outputs, compared, unmatched)


def compared_outputs(
    reference: torch.nn.Module, model: torch.nn.Module, inputs: torch.Tensor, batch: int, compute: str
) -> dict[str, Agreement]:
    """The agreement of every output."""
    device, found = device_of(compute), dict[str, Comparison]()
    with evaluating(reference, device), evaluating(model, device):
        for portion in batches(inputs, batch):
            placed = portion.to(device)
            pair = flat(reference(placed)), flat(model(placed))
            require_same_outputs(*pair)
            for index, (expected, value) in enumerate(zip(*pair, strict=True)):
                require_examples(value, len(portion))
                name = f"output:{index}" if index else "output"
                found.setdefault(name, Comparison()).add(require_examples(expected, len(portion)).cpu(), value.cpu())
    return {name: comparison.agreement() for name, comparison in found.items()}


def require_same_outputs(expected: Sequence[torch.Tensor], found: Sequence[torch.Tensor]) -> None:
    """Refuse models whose outputs differ in number or shape."""
    shapes = [[list(tensor.shape) for tensor in tensors] for tensors in (expected, found)]
    if shapes[0] != shapes[1]:
        message = f"the reference gives {shapes[0]}, the model {shapes[1]}; only equal shapes can be compared"
        raise evaluation_error("outputs", message)


def compared_nodes(
    reference: ModelGraph, model: ModelGraph, inputs: torch.Tensor, patterns: Sequence[str], batch: int
) -> tuple[dict[str, Agreement], dict[str, str]]:
    """The agreement of every node that both graphs have under one name, and why the others have none."""
    known = {name for graph in (reference, model) for name in computed(graph)}
    if not any(fnmatchcase(name, pattern) for name in known for pattern in patterns):
        message = f"no node is named {', '.join(patterns)}; there are {', '.join(sorted(known)[:8])}"
        raise evaluation_error("nodes", message)
    found, unmatched = dict[str, Comparison](), dict[str, str]()
    for portion in batches(inputs, batch):
        values = [graph.run(portion, keep=patterns).values for graph in (reference, model)]
        pairs = [{name: value for name, value in kept.items() if name.split(":")[0] in known} for kept in values]
        unmatched |= dict(mismatches(pairs[0], pairs[1], len(portion)))
        for name in pairs[0]:
            if name not in unmatched:
                found.setdefault(name, Comparison()).add(pairs[0][name], pairs[1][name])
    kept = {name: comparison.agreement() for name, comparison in found.items() if name not in unmatched}
    return kept, unmatched


def computed(graph: ModelGraph) -> tuple[str, ...]:
    """The names of the nodes that compute something."""
    return tuple(node.name for node in graph.nodes() if node.op not in {INPUT, OUTPUT, "tensor"})


def mismatches(
    expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], count: int
) -> Iterable[tuple[str, str]]:
    """The values that have no counterpart to be compared with."""
    for name in sorted({*expected, *found}):
        if name not in expected or name not in found:
            yield name, f"only in the {'reference' if name in expected else 'model'}"
            continue
        shapes = [list(values[name].shape) for values in (expected, found)]
        if shapes[0] != shapes[1]:
            yield name, f"shape {shapes[0]} became {shapes[1]}"
        elif not shapes[0] or shapes[0][0] != count:
            yield name, f"its first axis of {shapes[0]} does not count the examples"
        elif not comparable(expected[name], found[name]):
            yield name, "NaN or infinities stand where the other has something else"


def comparable(expected: torch.Tensor, found: torch.Tensor) -> bool:
    """Whether both values are numbers wherever they differ."""
    finite = expected.double().isfinite() & found.double().isfinite()
    return bool(((expected == found) | finite).all())

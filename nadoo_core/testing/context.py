"""What a pass may use while the laws are tried: small made data, and stand-ins for training, evaluation and estimates.

The stand-ins answer at once and always the same, so that whatever differs between two applications is the pass's doing.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from nadoo_core.data.examples import Examples
from nadoo_core.evaluation.measurement import Measurement
from nadoo_core.passes import Context, Pass, Services
from nadoo_core.passes.comparing import Inputs, made_input, run, symbol_values
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.sizes import symbols_of

if TYPE_CHECKING:
    from nadoo_graphs.sizes import Size

ROLES = ("train", "validation", "calibration")
EXAMPLES = 8
NUDGE = 1 / 64


def law_context(graph: ModelGraph, operation: Pass, seed: int = 0) -> Context:
    """A context in which every service answers and every historical property that the pass needs is held."""
    services = Services(
        data=MadeData(graph),
        train=stand_in_train,
        evaluate=stand_in_evaluate,
        estimate=stand_in_estimate,
    )
    held = {item.name for item in operation.needs if not item.structural}
    return Context(step=operation.name or "step", seed=seed, services=services, properties=frozenset(held))


class MadeData(Mapping[str, Examples]):
    """Examples by role, made when a pass asks for them; most never do."""

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph

    def __getitem__(self, role: str) -> Examples:
        return made_examples(self.graph, ROLES.index(role))

    def __contains__(self, role: object) -> bool:
        return role in ROLES

    def __iter__(self) -> Iterator[str]:
        return iter(ROLES)

    def __len__(self) -> int:
        return len(ROLES)


def made_inputs(graph: ModelGraph, seed: int, size: int | None = None) -> Inputs:
    """Inputs within the contract's ranges; `size` is what open sizes become, where the contract admits it."""
    generator = torch.Generator().manual_seed(seed)
    contracts = {item.name: item for item in graph.contract.inputs}
    sizes = symbol_values(graph)
    if size is not None:
        sizes = {name: admitted(size, *graph.contract.symbols.get(name, (1, None))) for name in sizes}
    return {node.name: made_input(node, contracts.get(node.name), sizes, generator) for node in graph.inputs}


def admitted(size: int, least: int, most: int | None) -> int:
    """The size nearest to one that is wanted."""
    return max(least, size if most is None else min(size, most))


def made_examples(graph: ModelGraph, seed: int) -> Examples:
    """Inputs for the first input of a graph, with a class each where the first output has classes."""
    inputs = made_inputs(graph, seed, EXAMPLES)
    if not inputs:
        return Examples(torch.zeros(EXAMPLES, 1))
    first = next(iter(inputs.values()))
    targets = made_targets(graph, inputs)
    return Examples(first, targets if targets is not None and len(targets) == len(first) else None)


def made_targets(graph: ModelGraph, inputs: Inputs) -> torch.Tensor | None:
    """The classes that the graph itself gives, or its numbers."""
    try:
        result = run(graph, inputs)[0]
    except (GraphError, RuntimeError, IndexError, ValueError):
        return None
    return result.argmax(1) if has_classes(graph.type(graph.outputs[0]).shape) else result


def has_classes(shape: "Iterable[Size]") -> bool:
    """Whether a result is one row of scores an example."""
    sizes = tuple(shape)
    return len(sizes) == 2 and bool(symbols_of(sizes[0]))


def stand_in_train(graph: ModelGraph, *, seed: int = 0, **options: Any) -> ModelGraph:
    """A copy whose trainable tensors have moved a little, in a direction that the seed decides."""
    generator = torch.Generator().manual_seed(seed)
    trained = graph.copy()
    for name, record in graph.tensors.items():
        if record.trainable and record.value.is_floating_point():
            step = torch.randn(record.value.shape, generator=generator, dtype=torch.float64)
            trained.set_tensor(name, record.value + NUDGE * step.to(record.value.dtype))
    return trained


def stand_in_evaluate(graph: ModelGraph, *, role: str = "validation", **options: Any) -> dict[str, Measurement]:
    """Metrics that follow from the size of the outputs, so that other weights give other metrics."""
    outputs = run(graph, made_inputs(graph, ROLES.index(role), EXAMPLES))
    size = float(sum(item.double().abs().mean() for item in outputs))
    return {"loss": Measurement(size, EXAMPLES, None), "accuracy": Measurement(1 / (1 + size), EXAMPLES, None)}


def stand_in_estimate(graph: ModelGraph, *, device: str | None = None) -> dict[str, int]:
    """The bytes of the tensors, the one cost that needs no model of a device."""
    return {"flash_bytes": sum(record.bytes for record in graph.tensors.values())}

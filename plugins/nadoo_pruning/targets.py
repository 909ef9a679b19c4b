"""What pruning aims at: a share of the work or the size, or so many bytes or seconds on the device."""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.passes import Context
from nadoo_graphs.channels import ChannelMap, ChannelPreview, remove_channels
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.sizes import bind

Mask = NDArray[np.bool_]
SHARES = ("macs", "parameters", "channels")
ESTIMATES = ("flash", "latency")
KINDS = (*SHARES, *ESTIMATES)


@frozen(eq=False)
class Target:
    """A kind of cost, how much of it is allowed, and how it is measured for a choice of units."""

    kind: str
    limit: float
    measure: Callable[[Mask], float]

    def allows(self, cost: float) -> bool:
        """Whether a cost is within the limit."""
        return cost <= self.limit

    def text(self, cost: float) -> str:
        """A cost as messages say it."""
        return {"flash": f"{cost:,.0f} B", "latency": f"{1000 * cost:.4g} ms"}.get(self.kind, f"{cost:,.0f}")


def measure_of(
    kind: str, channels: ChannelMap, context: Context, gaining: Collection[str] = ()
) -> Callable[[Mask], float]:
    """How a kind of cost is found for a choice of units; some layers gain a bias where they lose inputs."""
    if kind == "channels":
        return lambda kept: float(kept.sum())
    if kind in SHARES:
        preview = ChannelPreview(channels)
        if kind == "macs":
            return preview.macs
        return lambda kept: float(preview.parameters(kept) + new_biases(preview, gaining, kept))

    def estimate(kept: Mask) -> float:
        smaller = channels.space.graph.copy()
        remove_channels(smaller, channels, ~kept)
        add_biases(smaller, channels.space.graph, gaining)
        return estimated(context, smaller, kind)

    return estimate


def new_biases(preview: ChannelPreview, gaining: Collection[str], kept: Mask) -> int:
    """The elements of all biases that are gained."""
    sizes, channels, total = preview.sizes(kept), preview.channels, 0
    for name in gaining:
        outputs, inputs = channels.nodes[name].tensors["weight"][:2]
        if preview.size(inputs, sizes) != channels.space.sizes[inputs]:
            total += bind(preview.size(outputs, sizes), {})
    return total


def add_biases(smaller: ModelGraph, before: ModelGraph, gaining: Collection[str]) -> None:
    """Give a bias to every layer that gains one."""
    for name in gaining:
        node = smaller[name]
        weight = smaller.tensor(node.tensors["weight"])
        if weight.shape[1] != before.tensor(node.tensors["weight"]).shape[1]:
            tensors = {"weight": node.tensors["weight"], "bias": weight.new_zeros(len(weight))}
            smaller.replace(node, node.op, tensors=tensors, **node.attributes)


def estimated(context: Context, graph: ModelGraph, kind: str) -> float:
    """One figure of the estimator's cost; one that it does not know stops the pass."""
    cost: Any = context.estimate(graph)
    names = {"flash": ("flash", "flash_bytes"), "latency": ("latency", "latency_s")}[kind]
    found = next((value for name in names if (value := member(cost, name)) is not None), None)
    number = getattr(found, "value", found)
    if not isinstance(number, int | float):
        reasons = "; ".join(getattr(found, "reasons", ())) or "no estimator gives it"
        message = f"the {kind} of this model on the device is unknown, because {reasons}; choose macs or parameters"
        raise PassError(Problem(CoreCode.CONTEXT, f"step {context.step!r}", message))
    return float(number)


def member(cost: Any, name: str) -> Any:
    """A member of a mapping or an object, if it has it."""
    return cost.get(name) if isinstance(cost, dict) else getattr(cost, name, None)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]

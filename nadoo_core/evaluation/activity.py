"""The positive-activation percentage: the share of activation outputs above zero, by element and layer by layer.

Counts are kept, not shares, so that batches, data sets and machines add up to the same number.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, cast

import torch
from attrs import frozen
from torch import fx, nn
from torch.overrides import TorchFunctionMode

from nadoo_core.evaluation.compute import device_of, evaluating
from nadoo_core.evaluation.errors import evaluation_error
from nadoo_core.evaluation.outputs import Model, batches, require_finite
from nadoo_graphs.errors import Code, EmptyTensorError, Problem
from nadoo_graphs.graph import ModelGraph

KINDS = frozenset({
    "celu", "elu", "gelu", "hardswish", "hardtanh", "leaky_relu", "leakyrelu", "mish", "prelu", "relu", "relu2",
    "relu6", "relu_topk", "relu_topq", "rrelu", "selu", "shifted_relu", "silu", "tanh", "threshold", "xrelu", "xrelu6",
})  # fmt: skip
"""Activations whose sign says something; a sigmoid or a softmax is always positive."""


@frozen
class Count:
    """How many outputs of an activation were positive, zero, and there at all."""

    positive: int
    zero: int
    total: int

    def __add__(self, other: "Count") -> "Count":
        return Count(self.positive + other.positive, self.zero + other.zero, self.total + other.total)

    @property
    def share(self) -> float:
        """The share that is positive; 0 of nothing."""
        return self.positive / self.total if self.total else 0.0


@frozen
class Activity:
    """The counts of every activation, in the order of execution."""

    layers: Mapping[str, Count]

    def __add__(self, other: "Activity") -> "Activity":
        names = dict.fromkeys([*self.layers, *other.layers])
        none = Count(0, 0, 0)
        return Activity({name: self.layers.get(name, none) + other.layers.get(name, none) for name in names})

    @property
    def total(self) -> Count:
        """The counts of all activations together; without any there is nothing to say."""
        if not any(count.total for count in self.layers.values()):
            message = f"has no activation among {', '.join(sorted(KINDS))}; name the nodes that are activations"
            raise EmptyTensorError(Problem(Code.DATA, "positive-activation share", message))
        return sum(self.layers.values(), Count(0, 0, 0))

    @property
    def positive_share(self) -> float:
        """Positive outputs over all outputs: a wide layer counts more."""
        return self.total.share

    @property
    def zero_share(self) -> float:
        """Outputs that are exactly zero, which is what skipping zeros can save."""
        return self.total.zero / self.total.total

    @property
    def mean_layer_share(self) -> float:
        """The mean of the layers' shares: every layer counts the same."""
        shares = [count.share for count in self.layers.values() if count.total]
        return sum(shares) / len(shares) if self.total.total else 0.0


def measure_activity(
    model: Model,
    inputs: torch.Tensor,
    names: Collection[str] = (),
    batch: int = 256,
    compute: str = "cpu",
    drop_last: bool = False,
) -> Activity:
    """The activity of a model on inputs; `names` are its activation nodes, without them they are found by kind."""
    found = Activity({})
    for portion in batches(inputs, batch):
        if not (drop_last and len(portion) < batch):
            found = found + Activity(batch_counts(model, portion, names, compute))
    missing = sorted(set(names) - set(found.layers))
    if missing:
        message = f"{', '.join(missing)} did not run; there are {', '.join(found.layers) or 'no activations'}"
        raise evaluation_error("activations", message)
    return Activity({name: count for name, count in found.layers.items() if not names or name in names})


def batch_counts(model: Model, inputs: torch.Tensor, names: Collection[str], compute: str) -> dict[str, Count]:
    """The counts of one batch, however the model is computed."""
    if isinstance(model, ModelGraph):
        return graph_counts(model, inputs, names)
    device, tally = device_of(compute), Tally()
    with evaluating(model, device):
        if isinstance(model, fx.GraphModule):
            watched = {node: str(node.meta.get("nadoo_node", node.name)) for node in model.graph.nodes}
            FxWatch(model, tally, watched, names).run(inputs.to(device))
        else:
            watched_call(model, inputs.to(device), tally)
    return tally.counts


def graph_counts(graph: ModelGraph, inputs: torch.Tensor, names: Collection[str]) -> dict[str, Count]:
    """The counts of the activation nodes of a graph."""
    chosen = [node.name for node in graph.nodes() if node.name in names or (not names and node.op in KINDS)]
    values = graph.run(inputs, keep="*").values
    tally = Tally()
    for name in chosen:
        tally.add(name, values[name])
    return tally.counts


class Tally:
    """Counts by name; a module that is used twice adds to one count."""

    def __init__(self) -> None:
        self.counts: dict[str, Count] = {}

    def add(self, name: str, value: Any) -> None:
        """Count one output."""
        if not isinstance(value, torch.Tensor):
            return
        require_finite(value, f"activation {name!r}")
        count = Count(int((value > 0).sum()), int((value == 0).sum()), value.numel())
        self.counts[name] = self.counts.get(name, Count(0, 0, 0)) + count


class FxWatch(fx.Interpreter):
    """Runs a generated module node by node and counts at its activations."""

    def __init__(
        self, module: fx.GraphModule, tally: Tally, labels: Mapping[fx.Node, str], names: Collection[str]
    ) -> None:
        super().__init__(module)
        self.tally, self.labels, self.names = tally, labels, names

    def run_node(self, n: fx.Node) -> Any:
        """Compute a node, and count its output if it is an activation."""
        value = super().run_node(n)
        label = self.labels[n]
        chosen = "nadoo_node" in n.meta and label in self.names if self.names else self.kind(n) in KINDS
        if chosen:
            self.tally.add(label, value)
        return value

    def kind(self, node: fx.Node) -> str:
        """What a node calls, in small letters."""
        if node.op == "call_module":
            return type(self.module.get_submodule(str(node.target))).__name__.lower()
        return function_name(node.target)


def function_name(function: Any) -> str:
    """The plain name of a function, a method or an overload, in place or not."""
    name = function if isinstance(function, str) else getattr(function, "__name__", "")
    return str(name).split(".")[0].rstrip("_")


class CallWatch(TorchFunctionMode):
    """Sees every call of an activation, as a module or as a function."""

    def __init__(self, tally: Tally, label: Callable[[str], str]) -> None:
        super().__init__()
        self.tally, self.label = tally, label

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call, and count its output if it is an activation."""
        value = func(*args, **(kwargs or {}))
        name = function_name(func)
        if name in KINDS:
            self.tally.add(self.label(name), value)
        return value


def watched_call(model: nn.Module, inputs: torch.Tensor, tally: Tally) -> None:
    """Call a module; an activation is named by the module around it, and by its function if that is no activation."""
    path: list[tuple[str, nn.Module]] = []

    def label(function: str) -> str:
        inside = path[-1] if path else ("", model)
        is_activation = type(inside[1]).__name__.lower() in KINDS
        return inside[0] if is_activation else ".".join(part for part in (inside[0], function) if part)

    def enter(name: str) -> Callable[[nn.Module, Any], None]:
        return lambda module, _: path.append((name, module))

    def leave(module: nn.Module, given: Any, result: Any) -> None:
        path.pop()

    modules = list(cast("Iterator[tuple[str, nn.Module]]", model.named_modules()))
    hooks = [module.register_forward_pre_hook(enter(name)) for name, module in modules]
    hooks += [module.register_forward_hook(leave) for _, module in modules]
    try:
        with CallWatch(tally, label):
            model(inputs)
    finally:
        for hook in hooks:
            hook.remove()

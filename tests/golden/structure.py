"""The graphs of the golden cases of passes that change a model's shape and wiring, by the name of the case."""

from collections.abc import Callable, Mapping

from nadoo_graphs.graph import ModelGraph
from tests.golden.numbers import ramp


def wide_layer() -> ModelGraph:
    """A layer large enough to be worth two, and a small one behind it."""
    graph = ModelGraph("wide_layer")
    h = graph.add_input("x", ("N", 6))
    weight = ramp(6, 1, step=0.25) @ ramp(1, 6, step=0.25) + ramp(6, 6, step=0.0625)
    h = graph.add("linear", [h], name="wide", tensors={"weight": weight, "bias": ramp(6)})
    h = graph.add("relu", [h], name="relu")
    graph.set_outputs([graph.add("linear", [h], name="small", tensors={"weight": ramp(1, 6)})])
    return graph


def two_curves() -> ModelGraph:
    """Two different activations between three layers."""
    graph = ModelGraph("two_curves")
    h = graph.add_input("x", ("N", 2))
    h = graph.add("linear", [h], name="fc1", tensors={"weight": ramp(3, 2), "bias": ramp(3)})
    h = graph.add("gelu", [h], name="curve1")
    h = graph.add("linear", [h], name="fc2", tensors={"weight": ramp(3, 3)})
    h = graph.add("relu", [h], name="curve2")
    graph.set_outputs([graph.add("linear", [h], name="fc3", tensors={"weight": ramp(2, 3)})])
    return graph


STRUCTURE: Mapping[str, Callable[[], ModelGraph]] = {
    "decompose-low-rank/break-even": wide_layer,
    "decompose-low-rank/fixed-rank": wide_layer,
    "decompose-low-rank/saves-nothing": wide_layer,
    "decompose-low-rank/two-rules": wide_layer,
    "swap-activation/gelu-to-hardswish": two_curves,
    "swap-activation/misspelt": two_curves,
    "swap-activation/rescaled": two_curves,
    "swap-activation/shifted-by-a-constant": two_curves,
}

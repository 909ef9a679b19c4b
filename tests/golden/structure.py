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


STRUCTURE: Mapping[str, Callable[[], ModelGraph]] = {
    "decompose-low-rank/break-even": wide_layer,
    "decompose-low-rank/fixed-rank": wide_layer,
    "decompose-low-rank/saves-nothing": wide_layer,
    "decompose-low-rank/two-rules": wide_layer,
}

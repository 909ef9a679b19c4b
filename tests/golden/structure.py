"""The graphs of the golden cases of passes that change a model's shape and wiring, by the name of the case."""

from collections.abc import Callable, Mapping

import torch

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


def shortcut() -> ModelGraph:
    """A sum of a branch of two layers and a shortcut of one."""
    graph = ModelGraph("shortcut")
    x = graph.add_input("x", ("N", 2))
    h = graph.add("relu", [graph.add("linear", [x], name="fc1", tensors={"weight": ramp(3, 2)})], name="relu1")
    h = graph.add("linear", [h], name="fc2", tensors={"weight": ramp(2, 3)})
    around = graph.add("linear", [x], name="around", tensors={"weight": ramp(2, 2), "bias": ramp(2)})
    graph.set_outputs([graph.add("add", [h, around], name="sum")])
    return graph


def scaled_shortcut() -> ModelGraph:
    """The same with a scale on the shortcut."""
    return with_scale(shortcut(), "sum", 1, 0.4)


def square() -> ModelGraph:
    """Two layers of one width, so that a skip path fits around the second."""
    graph = ModelGraph("square")
    h = graph.add_input("x", ("N", 2))
    for index in (1, 2):
        h = graph.add("linear", [h], name=f"fc{index}", tensors={"weight": ramp(2, 2), "bias": ramp(2)})
        h = graph.add("relu", [h], name=f"relu{index}")
    graph.set_outputs([h])
    return graph


def scaled_square() -> ModelGraph:
    """The same with a scaled skip path, which starts at an activation that the branch reads too."""
    graph = square()
    graph.insert_before("relu2", "add", "relu1", name="sum")
    return with_scale(graph, "sum", 1, 0.4)


def with_scale(graph: ModelGraph, site: str, operand: int, scale: float) -> ModelGraph:
    """A graph with a scale on one operand of a sum."""
    held = graph.add_tensor(f"{site}.res_scale", ramp(1, start=scale).reshape(()))
    value = graph.add("tensor", name=f"{site}.res_scale", tensors={"value": held})
    product = graph.add("mul", [graph.operand(site, operand), value], name=f"{site}.scaled")
    graph.rewire(site, operand, product)
    return graph


def alternating() -> ModelGraph:
    """Hidden units that are of two kinds, one after the other."""
    graph = ModelGraph("alternating")
    h = graph.add_input("x", ("N", 8))
    kinds = [ramp(1, 8, start=-0.5, step=0.125), ramp(1, 8, start=1.0, step=-0.25)]
    weight = torch.cat([kinds[place % 2] for place in range(12)])
    h = graph.add("linear", [h], name="fc1", tensors={"weight": weight, "bias": ramp(12)})
    h = graph.add("relu", [h], name="relu")
    graph.set_outputs([graph.add("linear", [h], name="fc2", tensors={"weight": ramp(2, 12)})])
    return graph


def two_wide(curve: str = "identity") -> ModelGraph:
    """A layer that widens and one that narrows again, near to a low rank."""
    graph = ModelGraph("two_wide")
    h = graph.add_input("x", ("N", 4))
    wide = ramp(6, 1, step=0.5) @ ramp(1, 4) + ramp(6, 4, step=0.0625)
    h = graph.add("linear", [h], name="wide", tensors={"weight": wide, "bias": ramp(6)})
    h = graph.add(curve, [h], name="between")
    graph.set_outputs([graph.add("linear", [h], name="narrow", tensors={"weight": ramp(3, 6), "bias": ramp(3)})])
    return graph


def two_wide_with_relu() -> ModelGraph:
    """The same with a rectifier between the layers."""
    return two_wide("relu")


STRUCTURE: Mapping[str, Callable[[], ModelGraph]] = {
    "decompose-low-rank/break-even": wide_layer,
    "decompose-low-rank/fixed-rank": wide_layer,
    "decompose-low-rank/saves-nothing": wide_layer,
    "decompose-low-rank/two-rules": wide_layer,
    "fold-residual-scale/cannot": scaled_square,
    "fold-residual-scale/into-the-shortcut": scaled_shortcut,
    "fold-residual-scale/power-of-two": scaled_square,
    "narrow-linear/bottleneck": two_wide,
    "narrow-linear/fewer-units": two_wide_with_relu,
    "narrow-linear/merged": two_wide,
    "narrow-linear/no-rule": two_wide,
    "reorder-channels/alike": alternating,
    "reorder-channels/no-smaller": square,
    "reorder-channels/unknown-format": alternating,
    "scale-residual/existing": shortcut,
    "scale-residual/new-inside": square,
    "scale-residual/new-outside-per-channel": square,
    "scale-residual/nowhere": wide_layer,
    "swap-activation/gelu-to-hardswish": two_curves,
    "swap-activation/misspelt": two_curves,
    "swap-activation/rescaled": two_curves,
    "swap-activation/shifted-by-a-constant": two_curves,
}

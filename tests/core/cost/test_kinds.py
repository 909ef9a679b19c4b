"""Kinds of layers, whatever row they are."""

import pytest
import torch

from nadoo_core.cost.kinds import kind_of
from nadoo_graphs.graph import ModelGraph


def convolution(channels: int, outputs: int, groups: int) -> str:
    graph = ModelGraph("one")
    value = graph.add_input("x", ("N", channels, 8, 8))
    weight = torch.randn(outputs, channels // groups, 3, 3)
    value = graph.add("conv2d", [value], name="layer", tensors={"weight": weight}, groups=groups)
    graph.set_outputs([value])
    return kind_of(graph, graph["layer"])


@pytest.mark.parametrize(
    ("channels", "outputs", "groups", "kind"),
    [(4, 8, 1, "conv"), (4, 8, 2, "conv"), (4, 4, 4, "depthwise"), (4, 8, 4, "depthwise"), (1, 8, 1, "conv")],
)
def test_a_convolution_with_one_channel_a_group_is_depthwise(
    channels: int, outputs: int, groups: int, kind: str
) -> None:
    assert convolution(channels, outputs, groups) == kind


def test_linear_layers_with_a_computed_weight_are_linear_and_products_are_other() -> None:
    graph = ModelGraph("two")
    value = graph.add_input("x", ("N", 4))
    weight = graph.add_input("w", (3, 4))
    layer = graph.add("computed_linear", [value, weight], name="layer")
    product = graph.add("matmul", [layer, weight], name="product")
    graph.set_outputs([product])
    assert kind_of(graph, graph["layer"]) == "linear"
    assert kind_of(graph, graph["product"]) == "other"

"""Models that the analyses are tried on: MobileNetV2 as published, and a block with a residual."""

from functools import cache

import torch

from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.analysis.layers import Layer, layers_of
from tests.models.architectures import MobileNetV2


@cache
def mobilenet(size: int) -> tuple[Layer, ...]:
    """The layers of MobileNetV2 with ten classes at an image size."""
    return layers_of(capture(MobileNetV2(classes=10).eval(), torch.randn(1, 3, size, size)))


def residual_block(channels: int = 4, size: int = 8, tied: bool = False) -> ModelGraph:
    """Two convolutions, with one weight if they are tied, and the input added to what they give."""
    graph = ModelGraph("block")
    value = graph.add_input("x", ("N", channels, size, size))
    inner = value
    for name in ("first", "second"):
        weight = "first.weight" if tied and name == "second" else torch.randn(channels, channels, 3, 3)
        inner = graph.add("conv2d", [inner], name=name, tensors={"weight": weight}, padding=(1, 1))
        inner = graph.add("relu", [inner], name=f"{name}.relu")
    total = graph.add("add", [inner, value], name="total")
    graph.set_outputs([total])
    return graph


def expansion(size: int) -> Layer:
    """MobileNetV2's first expansion from 16 to 96 channels, for an image of a size; nothing else is live."""
    side = (size + 1) // 2
    inputs, outputs = 16 * side * side, 96 * side * side
    return Layer(
        "expand", "conv2d", "conv", 16 * outputs, 1536, inputs, outputs, (inputs, outputs), 96, (1, 16, side, side)
    )

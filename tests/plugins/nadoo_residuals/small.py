"""Small networks for the tests of residual scales."""

from typing import Any

import torch

from nadoo_core.data import Examples
from nadoo_core.passes import Context, Services
from nadoo_core.training import Trainer, TrainingOptions
from nadoo_graphs.graph import ModelGraph

WIDTH = 6


def perceptron(depth: int = 3, seed: int = 0) -> ModelGraph:
    """Layers of one width, and a head."""
    generator = torch.Generator().manual_seed(seed)
    graph = ModelGraph("perceptron")
    h = graph.add_input("x", ("N", WIDTH))
    for index in range(depth):
        weight = torch.randn(WIDTH, WIDTH, generator=generator) / 2
        h = graph.add("linear", [h], name=f"fc{index}", tensors={"weight": weight, "bias": torch.zeros(WIDTH)})
        h = graph.add("relu", [h], name=f"relu{index}")
    weight = torch.randn(3, WIDTH, generator=generator)
    graph.set_outputs([graph.add("linear", [h], name="head", tensors={"weight": weight})])
    return graph


def residual_images(seed: int = 0) -> ModelGraph:
    """A residual block with a shortcut of a convolution."""
    generator = torch.Generator().manual_seed(seed)
    graph = ModelGraph("residual")
    x = graph.add_input("x", ("N", 3, 5, 5))
    stem = graph.add("relu", [conv(graph, x, "stem", 3, 4, generator)], name="start")
    h = graph.add("relu", [conv(graph, stem, "conv1", 4, 4, generator)], name="relu")
    h = conv(graph, h, "conv2", 4, 4, generator)
    around = conv(graph, stem, "around", 4, 4, generator)
    h = graph.add("add", [h, around], name="sum")
    graph.set_outputs([graph.add("mean", [graph.add("relu", [h], name="end")], name="mean", dim=(2, 3))])
    return graph


def conv(graph: ModelGraph, x: Any, name: str, inputs: int, outputs: int, generator: torch.Generator) -> Any:
    weight = torch.randn(outputs, inputs, 3, 3, generator=generator) / 4
    return graph.add("conv2d", [x], name=name, tensors={"weight": weight, "bias": torch.ones(outputs)}, padding=(1, 1))


def examples(*shape: int, count: int = 40) -> Examples:
    inputs = torch.randn(count, *(shape or (WIDTH,)), generator=torch.Generator().manual_seed(1))
    return Examples(inputs, inputs.reshape(count, -1)[:, :3].argmax(1))


def context(*shape: int, **services: Any) -> Context:
    return Context(step="residual", services=Services(data={"calibration": examples(*shape)}, **services))


def train(graph: ModelGraph, *, seed: int = 0, hooks: Any = (), **options: Any) -> ModelGraph:
    module = graph.to_module()
    Trainer(module, TrainingOptions(seed=seed, **options), hooks=hooks).fit(examples())
    trained = graph.copy()
    trained.set_tensors(module.state_dict())
    return trained


def result(graph: ModelGraph, *shape: int) -> torch.Tensor:
    found: torch.Tensor = graph.run(examples(*shape).inputs).result
    return found

"""Small networks and data for the tests of pruning."""

from collections.abc import Mapping
from typing import Any

import torch

from nadoo_core.data import Examples
from nadoo_core.passes import Context, Services
from nadoo_graphs.graph import ModelGraph


def norm_tensors(width: int) -> dict[str, torch.Tensor]:
    """A batch norm that is not an identity."""
    return {
        "weight": torch.rand(width) + 0.5,
        "bias": torch.randn(width) * 0.1,
        "running_mean": torch.randn(width) * 0.1,
        "running_var": torch.rand(width) + 0.5,
    }


def residual_network(width: int = 8, inner: int = 12, seed: int = 0) -> ModelGraph:
    """A stem, a residual block with a norm inside, and a head over the mean of the image."""
    torch.manual_seed(seed)
    graph = ModelGraph("residual")
    x = graph.add_input("x", ("N", 3, 6, 6))
    same = {"padding": (1, 1)}
    stem = graph.add("conv2d", [x], name="stem", tensors={"weight": torch.randn(width, 3, 3, 3) / 3}, **same)
    stem = graph.add("relu", [stem], name="start")
    h = graph.add("conv2d", [stem], name="wide", tensors={"weight": torch.randn(inner, width, 3, 3) / 8}, **same)
    h = graph.add("relu", [graph.add("batch_norm", [h], name="norm", tensors=norm_tensors(inner))], name="relu")
    h = graph.add("conv2d", [h], name="narrow", tensors={"weight": torch.randn(width, inner, 3, 3) / 8}, **same)
    h = graph.add("relu", [graph.add("add", [h, stem], name="sum")], name="end")
    h = graph.add("mean", [h], name="mean", dim=(2, 3))
    tensors = {"weight": torch.randn(4, width), "bias": torch.randn(4)}
    graph.set_outputs([graph.add("linear", [h], name="head", tensors=tensors)])
    return graph


def images(count: int = 32, seed: int = 1) -> Examples:
    """Random images with random labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (count,), generator=generator)
    return Examples(torch.randn(count, 3, 6, 6, generator=generator), labels)


def context_with(data: Mapping[str, Any] | None = None, **services: Any) -> Context:
    """A context with calibration images, unless other data are given, and stand-ins for services."""
    held = {"calibration": images()} if data is None else data
    return Context(step="prune", services=Services(data=held, **services))


def outputs(graph: ModelGraph, examples: Examples) -> torch.Tensor:
    """What the network gives for the examples."""
    found: torch.Tensor = graph.run(examples.inputs).result
    return found


def distance(one: ModelGraph, other: ModelGraph, examples: Examples) -> float:
    """How far apart the results of two networks are, relative to the first one's."""
    first = outputs(one, examples)
    return float((outputs(other, examples) - first).norm() / first.norm())

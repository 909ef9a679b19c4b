"""How fast the graph layer is: ratios against torch.export, and times against the limits that the project sets itself.

.venv/bin/python -m benchmarks.graph_speed            prints a table
.venv/bin/python -m benchmarks.graph_speed --record   also writes benchmarks/results/graph_speed.json
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import random
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import nadoo_core as nadoo
from benchmarks.figures import SEED, Figure, report
from nadoo_graphs.memory import Buffer, exact
from tests.models.architectures import MobileNetV2, VisionTransformer, resnet_50


def seconds(action: Callable[[], Any], runs: int = 7) -> list[float]:
    """The times of several runs after one that does not count."""
    action()
    found: list[float] = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return found


def timed(name: str, action: Callable[[], Any], limit: float) -> Figure:
    """The median time of an action in milliseconds."""
    found = [1000 * item for item in seconds(action)]
    return Figure(name, statistics.median(found), limit, "ms", max(found) - min(found))


def capture_ratio(name: str, model: nn.Module, example: torch.Tensor) -> Figure:
    """The time of a capture over that of torch.export alone, in turns, so that a slow moment hits both."""
    model.eval()
    shapes = ({0: torch.export.Dim.DYNAMIC},)
    ratios: list[float] = []
    for _ in range(6):
        start = time.perf_counter()
        torch.export.export(model, (example,), dynamic_shapes=shapes, strict=False)
        middle = time.perf_counter()
        nadoo.capture(model, example)
        ratios.append((time.perf_counter() - middle) / (middle - start))
    kept = ratios[1:]
    return Figure(f"capture {name} / torch.export", statistics.median(kept), 1.3, "×", max(kept) - min(kept))


def chain(count: int) -> nadoo.ModelGraph:
    """A graph of so many nodes with a residual edge at every other node."""
    graph = nadoo.ModelGraph("chain")
    value = before = graph.add_input("x", ("N", 8))
    for index in range(count - 2):
        value, before = (graph.add("add", [value, before]) if index % 2 else graph.add("relu", [value])), value
    graph.set_outputs([value])
    return graph


def copying() -> list[Figure]:
    """Copying 1000 nodes: time, and memory that tensors would show up in."""
    graph = chain(1000)
    tracemalloc.start()
    other = graph.copy()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    shared = all(other.tensors[name] is graph.tensors[name] for name in graph.tensors)
    return [
        timed("copy 1000 nodes", graph.copy, 10),
        Figure("copy 1000 nodes, memory", peak, 8 if shared else 0, "MiB"),
    ]


def large(parameters: int) -> nadoo.ModelGraph:
    """A graph with so many float32 parameters in a chain of linear layers."""
    graph = nadoo.ModelGraph("large")
    value, width = graph.add_input("x", ("N", 1000)), 1000
    for _ in range(parameters // width**2):
        value = graph.add("linear", [value], tensors={"weight": torch.randn(width, width)})
    graph.set_outputs([value])
    return graph


def fresh_fingerprint(graph: nadoo.ModelGraph) -> Callable[[], str]:
    """A fingerprint of tensors that were never hashed before."""

    def action() -> str:
        for name, record in graph.tensors.items():
            graph.set_tensor(name, record.value.view(record.value.shape))
        return graph.fingerprint()

    return action


def fingerprints() -> list[Figure]:
    """25 M parameters hashed for the first time, and again."""
    graph = large(25_000_000)
    first = timed("fingerprint 25 M parameters", fresh_fingerprint(graph), 100)
    return [first, timed("the same, memoised", graph.fingerprint, 5)]


def loading() -> list[Figure]:
    """Saving and loading 100 MB with every check."""
    graph = large(25_000_000)
    with tempfile.TemporaryDirectory() as folder:
        graph.save(folder)
        return [timed("load 100 MB with all checks", lambda: nadoo.load(folder), 200)]


def verifying() -> list[Figure]:
    """Checking every rule of ResNet-50."""
    graph = nadoo.capture(resnet_50().eval(), torch.randn(1, 3, 64, 64))
    return [timed(f"verify ResNet-50 ({len(graph)} nodes)", graph.verify, 50)]


def planning() -> list[Figure]:
    """The exact arena plan of 30 random buffers."""
    generator = random.Random(SEED)  # noqa: S311
    buffers = [random_buffer(generator, f"b{index}") for index in range(30)]
    return [timed("exact arena plan of 30 buffers", lambda: exact(buffers), 1000)]


def random_buffer(generator: random.Random, name: str) -> Buffer:
    """A buffer of a random size that lives for a random while."""
    first = generator.randrange(40)
    return Buffer(name, 4 * generator.randrange(1, 500), first, first + generator.randrange(1, 12))


def drawing() -> list[Figure]:
    """The SVG of ResNet-50."""
    graph = nadoo.capture(resnet_50().eval(), torch.randn(1, 3, 64, 64))
    return [timed("draw ResNet-50", graph.draw, 500)]


def measure() -> list[Figure]:
    """Every figure."""
    torch.manual_seed(SEED)
    vit = VisionTransformer(image=64, patch=16)
    return [
        capture_ratio("ResNet-50", resnet_50(), torch.randn(2, 3, 64, 64)),
        capture_ratio("MobileNetV2", MobileNetV2(), torch.randn(2, 3, 64, 64)),
        capture_ratio("ViT-B/16", vit, torch.randn(2, 3, 64, 64)),
        *verifying(),
        *copying(),
        *fingerprints(),
        *loading(),
        *planning(),
        *drawing(),
    ]


def main() -> int:
    """Measure, print and record."""
    return report("graph_speed", __doc__ or "", measure)


if __name__ == "__main__":
    sys.exit(main())

"""What the framework itself costs: a run whose steps are all stored, the memory of a small change, ten idle steps.

.venv/bin/python -m benchmarks.framework_speed            prints a table
.venv/bin/python -m benchmarks.framework_speed --record   also writes benchmarks/results/framework_speed.json
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from attrs import frozen
from torch import nn

import nadoo_core as nadoo
from benchmarks.figures import Figure, report
from nadoo_core.options import option
from nadoo_core.passes import Context, Pass, Unbounded
from tests.models.architectures import resnet_50

RECIPE = """
name = "stored"

[model]
file = "graph"

[[step]]
pass = "fold-batch-norm"

[[step]]
pass = "remove-identities"

[[step]]
pass = "merge-linear"
"""


@frozen(kw_only=True)
class ScaleTensor(Pass):
    """Scale one tensor: the smallest change that there is."""

    name = "scale-tensor"
    effect = Unbounded()
    tensor: str = option(help="which tensor")
    factor: float = option(default=2.0, help="by how much")

    def apply(self, graph: nadoo.ModelGraph, context: Context) -> None:
        """Replace the tensor."""
        graph.set_tensor(self.tensor, graph.tensor(self.tensor) * self.factor)


def whole(command: list[str], folder: Path) -> float:
    """The seconds of a process from start to end."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603
    return time.perf_counter() - start


def stored_run() -> Figure:
    """A run from a saved graph whose steps are all stored, over importing torch, in turns."""
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Dropout(0.0), nn.Flatten(), nn.Linear(288, 16), nn.Linear(16, 4)
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nadoo.capture(model.eval(), torch.randn(1, 1, 8, 8)).save(folder / "graph")
        (folder / "stored.toml").write_text(RECIPE, encoding="utf-8")
        os.environ["NADOO_STORE"] = str(folder / "store")
        run = [str(Path(sys.executable).parent / "nadoo"), "run", "stored.toml", "--out", "out"]
        torch_alone = [sys.executable, "-c", "import torch"]
        whole(run, folder)
        ratios = [whole(run, folder) / whole(torch_alone, folder) for _ in range(7)]
    return Figure("stored run / importing torch", statistics.median(ratios), 3, "×", max(ratios) - min(ratios))


def peak_memory() -> Figure:
    """How much a pass that replaces one tensor of a 1 GB model adds to peak memory, over that tensor's size."""
    graph = nadoo.ModelGraph("large")
    value = graph.add_input("x", ("N", 4096))
    for index in range(16):
        value = graph.add("linear", [value], name=f"layer{index}", tensors={"weight": torch.ones(4096, 4096)})
    graph.set_outputs([value])
    tensor = graph.tensor("layer3.weight")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ScaleTensor(tensor="layer3.weight").run(graph, Context.standalone())
    added = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    return Figure("peak added by one tensor / its size", added / (tensor.numel() * 4), 1.05, "×")


def ten_steps() -> Figure:
    """Ten passes over ResNet-50 that do almost nothing: what remains is the framework's own time."""
    graph = nadoo.capture(resnet_50().eval(), torch.randn(1, 3, 64, 64))
    graph.fingerprint()
    step = ScaleTensor(tensor="fc.bias")
    times: list[float] = []
    for _ in range(5):
        start, current = time.perf_counter(), graph
        for _ in range(10):
            current = step.run(current, Context.standalone()).graph
        times.append(time.perf_counter() - start)
    return Figure("ten steps on ResNet-50", statistics.median(times), 2, "s", max(times) - min(times))


def measure() -> list[Figure]:
    """Every figure; the memory first, before anything else has grown."""
    return [peak_memory(), ten_steps(), stored_run()]


def main() -> int:
    """Measure, print and record."""
    return report("framework_speed", __doc__ or "", measure)


if __name__ == "__main__":
    sys.exit(main())

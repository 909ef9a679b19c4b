"""RAM of int8 models with dense kernels, input and output included, against what other runtimes take for the same.

python -m benchmarks.arenas [--models NAME,…] [--record]

`perceptron` and `cnn` are the yardsticks: 256-64-64-64-10, and on 16×16 pixels a 3×3 convolution to 8 channels, two
depthwise ones with pointwise layers to 16 and 32, two pools, a mean and a linear layer. Their limit is the smaller of
what TFLM and onnx2c take. The other models are those of NADOO_DATA, and their limit is what every runtime takes that
computes layer by layer, each result beside its operands. `apart` is the arena and the caller's arrays; `inside` is the
arena with room for input and output (`border_in_arena`), as those runtimes count it. The stack is not part of either.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import importlib
import sys
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.figures import SEED, record
from benchmarks.post_training import prepared
from nadoo_c.exporting import Options, compile_unit
from nadoo_c.kernels import KernelTable
from nadoo_core.data import Examples
from nadoo_core.passes import Context, Services
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.memory import plan_memory
from nadoo_quantization.quantize import Quantize

PUBLISHED = {"perceptron": {"TFLM": 1948, "onnx2c": 320}, "cnn": {"TFLM": 8420, "onnx2c": 6144}}
MODELS = (*PUBLISHED, "keyword_dscnn", "keyword_cnn", "keyword_mlp", "resnet8", "mnist_net5", "mnist_extrasmall")
CALIBRATION = 64
Document = dict[str, Any]


def perceptron() -> nn.Module:
    """256-64-64-64-10."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(),
        nn.Linear(64, 10),
    )  # fmt: skip


def cnn() -> nn.Module:
    """111,936 multiply-accumulates."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU(),
        nn.Conv2d(8, 16, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.ReLU(),
        nn.Conv2d(16, 32, 1), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


def loaded(name: str) -> tuple[nn.Module, Tensor]:
    """A model and calibration data."""
    torch.manual_seed(SEED)
    if name in PUBLISHED:
        return (perceptron() if name == "perceptron" else cnn()), torch.rand(CALIBRATION, 1, 16, 16)
    sys.path.insert(0, os.environ["NADOO_DATA"])
    model, calibration, _, _ = importlib.import_module("real_models").get(name)
    return model, calibration[:: max(1, len(calibration) // CALIBRATION)][:CALIBRATION]


def quantized(name: str) -> ModelGraph:
    """The model over codes of 8 bits."""
    model, calibration = loaded(name)
    context = Context(step="quantize", seed=SEED, services=Services(data={"calibration": Examples(calibration)}))
    return Quantize(report="weights").run(prepared(model.eval(), calibration[:2]), context).graph


def arena(graph: ModelGraph, *, inside: bool) -> int:
    """The RAM of a graph as C with dense kernels, without the stack."""
    unit = compile_unit(graph, Options(name="net", core="plain", border_in_arena=inside), KernelTable())
    border = sum(buffer.bytes for _, buffer, _ in unit.parameters())
    return unit.program.arena_bytes + (0 if inside else border)


def measured(name: str) -> Document:
    """Both counts and the limit."""
    graph = quantized(name)
    others = PUBLISHED.get(name) or {"layer by layer": plan_memory(graph, in_place=False).peak}
    apart, inside = arena(graph, inside=False), arena(graph, inside=True)
    return {"apart": apart, "inside": inside, "others": others, "holds": inside <= min(others.values())}


def main() -> int:
    """Measure, print, record if asked for; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    results: Document = {}
    for name in chosen.models.split(","):
        results[name] = measured(name)
        sys.stdout.write(f"{name:18} {results[name]}\n")
        sys.stdout.flush()
    if chosen.record:
        record("arenas", {"models": results}, data=True)
    return 0 if all(row["holds"] for row in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

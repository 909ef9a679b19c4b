"""RAM of the CNN with 64 channels, stack included, on every core: arena, input and output, and the stack.

python -m benchmarks.small_ram [--channels N] [--networks NAME;…] [--cores NAME,…] [--record]

The network `recipe` is that of the recipe `mnist-cnn` with random weights, which RAM does not depend on: on 16×16
pixels a 3×3 convolution to 64 channels, a depthwise one and one that sees four channels, with pools, and three linear
layers. In the others the third convolution is depthwise too, as published. Arena and border are what `report.json`
says, the stack is the deepest that the emulated program reached; all of them compute the graph's integers bit for
bit. Lists of the zero-skipping kernels lie in the arena; `without_lists` is the arena with dense kernels. Records are
merged into what is there, network by network and core by core.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

import nadoo_core as nadoo
from benchmarks.figures import RESULTS, SEED, record
from nadoo_c.exporting import Options, compile_unit, export
from nadoo_c.kernels import KernelTable
from nadoo_cleanup.fold_batch_norm import FoldBatchNorm
from nadoo_core.data import Examples
from nadoo_core.passes import Context, LayerTable, Services
from nadoo_core.registry import Registry
from nadoo_graphs.graph import ModelGraph
from nadoo_quantization.quantize import Quantize
from nadoo_recipes.mnist_models import mnist_cnn

CORES = ("m0", "m3", "m4", "m7", "m33", "rv32imc", "rv32emc", "rv32ec")
LIMIT = 2200
VARIANTS: dict[str, tuple[int, str, dict[str, str]]] = {
    "recipe": (4, "relu-norm", {"*": "4bitsym", "conv1": "int8", "conv2": "int8", "linear1": "ternary"}),
    "depthwise": (1, "relu-norm", {"*": "4bitsym", "conv*": "int8", "linear1": "ternary"}),
    "int8": (1, "int8", {"*": "int8"}),
    "relu-norm": (1, "relu-norm", {"*": "int8"}),
    "relu-norm, linear 2 and 4 bits": (
        1,
        "relu-norm",
        {"conv*": "int8", "linear1": "2bitsym", "linear2": "4bitsym", "head": "4bitsym"},
    ),
}
Document = dict[str, Any]


def quantized(channels: int, seen: int, activations: str, weights: dict[str, str]) -> ModelGraph:
    """The network with weights and activations in the formats of a variant."""
    torch.manual_seed(SEED)
    images = torch.rand(64, 1, 16, 16)
    graph = nadoo.capture(mnist_cnn(channels, seen=seen, batch_norm=True).eval(), (images[:2],))
    graph = FoldBatchNorm().run(graph).graph
    services = Services(data={"calibration": Examples(images)})
    step = Quantize(
        weights=LayerTable(weights), activations=LayerTable({"*": activations}), rounding="nearest",
        granularity="tensor", input_range=(0.0, 1.0), report="weights",
    )  # fmt: skip
    return step.run(graph, Context(step="quantize", seed=SEED, services=services)).graph


def measured(channels: int, name: str, cores: tuple[str, ...]) -> Document:
    """One variant: memory, and stack and instructions on each core."""
    graph, table = quantized(channels, *VARIANTS[name]), KernelTable.of(Registry.of())
    with tempfile.TemporaryDirectory() as folder:
        options = Options(name="cnn", emulate=cores)
        report = export(graph, Path(folder), options, [torch.rand(8, 1, 16, 16)], table).report
    arena, border = report["memory"]["arena_bytes"], report["memory"]["border_bytes"]
    rows = {
        core: {
            "stack": found["stack_bytes"],
            "ram": arena + border + found["stack_bytes"],
            "instructions": found["instructions"],
            "holds": arena + border + found["stack_bytes"] <= LIMIT,
        }
        for core, found in report["emulated"].items()
    }
    dense = compile_unit(graph, Options(name="cnn", core="plain"), table).program.arena_bytes
    return {"arena": arena, "without_lists": dense, "border": border, "cores": rows}


def merge(results: Document) -> None:
    """Write what was measured, and keep what was measured before of other networks and cores."""
    path = RESULTS / "small_ram.json"
    before: Document = json.loads(path.read_text())["networks"] if path.exists() else {}
    for name, found in results.items():
        cores = {**before.get(name, {}).get("cores", {}), **found["cores"]}
        before[name] = {**found, "cores": {core: cores[core] for core in CORES if core in cores}}
    record("small_ram", {"limit": LIMIT, "networks": before})


def main() -> int:
    """Measure, print, record if asked for; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--networks", default=";".join(VARIANTS))
    parser.add_argument("--cores", default=",".join(CORES))
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    results: Document = {}
    for name in chosen.networks.split(";"):
        found = results[name] = measured(chosen.channels, name, tuple(chosen.cores.split(",")))
        sys.stdout.write(f"{name}: arena {found['arena']}, dense {found['without_lists']}, border {found['border']}\n")
        for core, row in found["cores"].items():
            sys.stdout.write(f"  {core:8} {row}\n")
        sys.stdout.flush()
    if chosen.record:
        merge(results)
    return 0 if all(row["holds"] for found in results.values() for row in found["cores"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())

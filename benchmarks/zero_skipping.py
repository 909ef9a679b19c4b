"""What linear layers of 2 and 4 bits cost on real digits when they skip zeros, against dense loops of the same weights.

python -m benchmarks.zero_skipping [--networks NAME,…] [--epochs N] [--cores NAME,…] [--samples N] [--record]

The perceptron of the recipe `mnist-perceptron` (NADOO_DATA is the folder of the data) is trained for a few epochs,
exported once with plain kernels and once with those that are chosen by default, and both are emulated on the same
evenly spread test samples. Counts are instructions of a whole inference; `worst` is that on an input without any zero.
A layer of few outputs gains less, since the inputs are listed for all of them at once.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

import nadoo_core as nadoo
from benchmarks.figures import record
from nadoo_c.exporting import Options, export
from nadoo_c.kernels import KernelTable
from nadoo_core.registry import Registry
from nadoo_core.runs import RunResult
from nadoo_graphs.graph import ModelGraph

CORES = ("m0", "m3", "m4", "m7", "m33", "rv32imc", "rv32emc", "rv32ec")
LIMIT = 0.55
NETWORKS = {
    "mnist-4bitsym": "4bitsym",
    "mnist-2bitsym": "2bitsym",
}
Document = dict[str, Any]


def trained(weights: str, epochs: int) -> RunResult:
    """The network of the recipe with weights of a format."""
    changes = [f"quantize.weights={weights}", f"train.epochs={epochs}", f"train-codes.epochs={epochs}"]
    return nadoo.run("mnist-perceptron", changes=changes)


def test_inputs(count: int) -> torch.Tensor:
    """Evenly spread inputs of the test split."""
    inputs: torch.Tensor = Registry.of().load("datasets", "mnist")(size=16).load("test").inputs
    return inputs[:: max(1, len(inputs) // count)][:count]


def counted(graph: ModelGraph, given: torch.Tensor, kernels: str, cores: tuple[str, ...]) -> dict[str, int]:
    """Instructions of one inference on each core."""
    with tempfile.TemporaryDirectory() as folder:
        options = Options(name="net", core=kernels, emulate=cores, emulated_samples=len(given))
        report = export(graph, Path(folder), options, [given], KernelTable.of(Registry.of())).report
    return {core: report["emulated"][core]["instructions"] for core in cores}


def measured(name: str, epochs: int, cores: tuple[str, ...], samples: int) -> Document:
    """One network: both counts on each core, and the share of one in the other."""
    result, given = trained(NETWORKS[name], epochs), test_inputs(samples)
    full = torch.full_like(given[:1], float(given.max()))
    plain, skipping = (counted(result.graph, given, kernels, cores) for kernels in ("plain", "any"))
    worst = counted(result.graph, full, "any", cores)
    rows = {
        core: {
            "plain": plain[core],
            "skipping": skipping[core],
            "worst": worst[core],
            "ratio": round(skipping[core] / plain[core], 3),
            "holds": skipping[core] <= LIMIT * plain[core],
        }
        for core in cores
    }
    return {"inputs_not_zero": round(float((given != 0).float().mean()), 3), "cores": rows}


def main() -> int:
    """Measure, print, record if asked for; 1 if a count is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--cores", default=",".join(CORES))
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    results: Document = {}
    for name in chosen.networks.split(","):
        results[name] = measured(name, chosen.epochs, tuple(chosen.cores.split(",")), chosen.samples)
        for core, row in results[name]["cores"].items():
            sys.stdout.write(f"{name:16} {core:8} {row}\n")
        sys.stdout.flush()
    if chosen.record:
        how = {"epochs": chosen.epochs, "samples": chosen.samples, "limit": LIMIT}
        record("zero_skipping", {**how, "networks": results}, data=True)
    return 0 if all(row["holds"] for network in results.values() for row in network["cores"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())

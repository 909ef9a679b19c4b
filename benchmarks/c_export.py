"""C of real models: flash, arena, seconds for export and verification, and accuracy in C against the graph's.

python -m benchmarks.c_export [--models NAME,…] [--samples N] [--record]

NADOO_DATA is the folder of models and data. Convolutional and linear models are quantized to int8 after training; a
recurrent one is exported in float32. The C is verified on evenly spread test samples, all of which must agree.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.figures import RESULTS, SEED, record
from benchmarks.post_training import prepared
from nadoo_c.exporting import Options, export
from nadoo_core.data import Examples
from nadoo_core.passes import Context, Services
from nadoo_graphs.graph import ModelGraph
from nadoo_quantization.quantize import Quantize

MODELS = ("keyword_dscnn", "keyword_cnn", "keyword_mlp", "keyword_lstm", "resnet8")
FLOATS = ("keyword_lstm",)
CALIBRATION = 128
SECONDS = 60.0


def quantized(graph: ModelGraph, calibration: torch.Tensor) -> ModelGraph:
    """The graph over codes of 8 bits."""
    chosen = calibration[:: max(1, len(calibration) // CALIBRATION)][:CALIBRATION]
    context = Context(step="quantize", seed=SEED, services=Services(data={"calibration": Examples(chosen)}))
    return Quantize(report="weights").run(graph, context).graph


def measured(name: str, samples: int) -> dict[str, Any]:
    """One model, quantized unless it is recurrent, exported and verified."""
    sys.path.insert(0, os.environ["NADOO_DATA"])
    model, calibration, test, labels = importlib.import_module("real_models").get(name)
    graph = prepared(model, calibration[:2])
    graph = graph if name in FLOATS else quantized(graph, calibration)
    stride = max(1, len(test) // samples)
    given, wanted = test[::stride][:samples], labels[::stride][:samples]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        artifact = export(graph, Path(folder), Options(name=name), [given])
        seconds = time.perf_counter() - started
        in_c = torch.from_numpy(np.load(Path(folder) / "vectors.npz")["out_0"][: len(given)]).argmax(1)
    memory, verified = artifact.report["memory"], artifact.report["verified"]
    in_graph = graph.to_module()(given).argmax(1)
    mismatches = int((in_c != in_graph).sum())
    return {
        "constants_bytes": memory["constants_bytes"],
        "arena_bytes": memory["arena_bytes"],
        "border_bytes": memory["border_bytes"],
        "samples": len(given),
        "accuracy": round(100 * int((in_graph == wanted).sum()) / len(given), 2),
        "accuracy_in_c": round(100 * int((in_c == wanted).sum()) / len(given), 2),
        "mismatches": mismatches,
        "agreement": verified["against_graph"],
        "interpreted": verified["interpreted"],
        "seconds": round(seconds, 1),
        "holds": seconds <= SECONDS and not mismatches,
    }


def recorded() -> dict[str, Any]:
    """What was measured before, of models that are not measured now."""
    path = RESULTS / "c_export.json"
    return dict(json.loads(path.read_text())["models"]) if path.exists() else {}


def main() -> int:
    """Measure, print, record if asked for; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    results: dict[str, Any] = {}
    for name in chosen.models.split(","):
        results[name] = measured(name, chosen.samples)
        sys.stdout.write(f"{name}: {results[name]}\n")
        sys.stdout.flush()
    if chosen.record:
        record("c_export", {"models": {**recorded(), **results}}, data=True)
    return 0 if all(row["holds"] for row in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Quantization after training on real models, without labels: what is left of the accuracy, and how long it takes.

python -m benchmarks.post_training [--models NAME,…] [--formats int8,int4,int3] [--every K] [--record]

What is recorded is merged into what is there, model by model and format by format. NADOO_DATA is the folder of models
and data. Calibration data are the first 256 of the calibration examples, evenly spread; accuracy is that of the graph
over codes on every K-th test example.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import importlib
import json
import sys
import time
from typing import Any

import torch
from torch import Tensor

import nadoo_core as nadoo
from benchmarks.figures import RESULTS, SEED, record
from nadoo_cleanup.fold_batch_norm import FoldBatchNorm
from nadoo_core.data import Examples
from nadoo_core.passes import Context, LayerTable, Services
from nadoo_graphs.graph import ModelGraph
from nadoo_quantization.quantize import Quantize

MODELS = (
    "resnet20", "resnet56", "resnet8", "miniresnet", "keyword_dscnn", "keyword_mlp", "keyword_cnn", "mnist_net5",
    "tiny_vit", "mnist_extrasmall",
)  # fmt: skip
FORMATS = ("int8", "int4", "int3")
POINTS = {"int8": 0.3, "int4": 1.5}
"""The points that may be lost, where that is stated."""
SAMPLES = {"int8": 5, "int4": 12}
"""The test examples that may be lost instead, which counts where there are few."""
CALIBRATION = 256
BATCH = 250
Document = dict[str, Any]


def right(graph: ModelGraph, inputs: Tensor, labels: Tensor) -> int:
    """How many of the test examples are right."""
    module = graph.to_module()
    with torch.inference_mode():
        starts = range(0, len(inputs), BATCH)
        guesses = torch.cat([module(inputs[start : start + BATCH]).argmax(1) for start in starts])
    return int((guesses == labels).sum())


def prepared(model: torch.nn.Module, example: Tensor) -> ModelGraph:
    """The captured model with its batch norms folded."""
    graph = nadoo.capture(model, example)
    return FoldBatchNorm().run(graph).graph if graph.nodes(op="batch_norm") else graph


def measured(name: str, formats: list[str], every: int) -> Document:
    """One model: the float accuracy, and for each format of weights what is left, with activations in int8."""
    sys.path.insert(0, os.environ["NADOO_DATA"])
    model, calibration, test, labels = importlib.import_module("real_models").get(name)
    test, labels = test[::every], labels[::every]
    graph = prepared(model, calibration[:2])
    chosen = calibration[:: max(1, len(calibration) // CALIBRATION)][:CALIBRATION]
    context = Context(step="quantize", seed=SEED, services=Services(data={"calibration": Examples(chosen)}))
    whole = right(graph, test, labels)
    found: Document = {"examples": len(test), "float": 100 * whole / len(test)}
    for name_of_format in formats:
        started = time.perf_counter()
        step = Quantize(weights=LayerTable({"*": name_of_format}), report="weights")
        quantized = step.run(graph, context).graph
        seconds = round(time.perf_counter() - started, 1)
        after = right(quantized, test, labels)
        found[name_of_format] = judged(name_of_format, whole, after, len(test)) | {"seconds": seconds}
        sys.stdout.write(f"{name} {name_of_format}: {found[name_of_format]} of {found['float']:.2f}\n")
        sys.stdout.flush()
    return found


def judged(name: str, before: int, after: int, count: int) -> Document:
    """The accuracy, what was lost, and whether that is within the limits."""
    lost = 100 * (before - after) / count
    document: Document = {"accuracy": round(100 * after / count, 2), "lost": round(lost, 2)}
    if name in POINTS:
        document["holds"] = lost <= POINTS[name] or before - after <= SAMPLES[name]
    return document


def main() -> int:
    """Measure, print, record if asked for; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    results: Document = {}
    for name in chosen.models.split(","):
        results[name] = measured(name, chosen.formats.split(","), chosen.every)
        if chosen.record:
            merge(name, results[name], chosen.every)
    return 0 if all(map(holds, results.values())) else 1


def merge(name: str, found: Document, every: int) -> None:
    """Put what was found of one model beside what is recorded of it on the same examples, and of the others."""
    path = RESULTS / "post_training.json"
    earlier: Document = json.loads(path.read_text(encoding="utf-8"))["models"] if path.exists() else {}
    same = earlier.get(name, {}).get("examples") == found["examples"]
    kept: Document = earlier[name] if same else {}
    entry: Document = {**kept, **found, "every": every}
    models = {known: entry if known == name else earlier[known] for known in [*earlier, name]}
    record("post_training", {"calibration_examples": CALIBRATION, "models": models}, data=True)


def holds(found: Document) -> bool:
    """Whether one model keeps every limit."""
    return all(bool(found[name].get("holds", True)) for name in found if name in FORMATS)


if __name__ == "__main__":
    sys.exit(main())

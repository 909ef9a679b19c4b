"""One epoch of healing with quantization in the loop, beside one epoch of the float model trained the same way.

python -m benchmarks.quantized_healing [--models resnet20,…] [--formats int4,float,int2] [--record]

One epoch is every training image once, for all alike: the float model sees all of them with its batch norms. For a
format, batch norms still help in the first part of the epoch, in floating point; then come fold-batch-norm and quantize
(activations in int8), and the rest of the images heal over codes. What is recorded is merged into what is there, model
by model and format by format. NADOO_DATA is the folder of models and data.
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
from benchmarks.post_training import CALIBRATION, right
from nadoo_cleanup.fold_batch_norm import FoldBatchNorm
from nadoo_core.data import Augmentation, Examples
from nadoo_core.passes import TRAINED, Context, LayerTable, Services
from nadoo_core.runs.learning import with_tensors
from nadoo_core.training import Trainer, TrainingOptions
from nadoo_graphs.graph import ModelGraph
from nadoo_quantization.quantize import Quantize
from nadoo_training.heal import Heal

POINTS = {"int4": 0.5, "int2": 4.0}
"""How far below the float model each format may end."""
FLOAT = "float"
MODELS, FORMATS = ("resnet20", "resnet56"), (FLOAT, "int4", "int2")
PARTS = {FLOAT: 1.0, "int4": 0.97, "int2": 0.6}
"""The share of the images that are seen before quantization; fewer levels need more healing."""
RATES = {"int4": 5e-6, "int2": 5e-5}
"""Adam's rate over codes."""
BATCH, RATE, WARMUP = 64, 0.03, 0.05
Document = dict[str, Any]


def train(graph: ModelGraph, examples: Examples, *, seed: int = SEED, hooks: Any = (), **options: Any) -> ModelGraph:
    """The graph with trained tensors, as a run trains it."""
    module = graph.to_module()
    Trainer(module, TrainingOptions(**options, seed=seed), hooks=hooks, progress=told).fit(examples)
    return with_tensors(graph, module)


def told(done: int, total: int, text: str) -> None:
    """A line now and then, because an epoch takes minutes."""
    if done % 100 == 0 or done == total:
        sys.stderr.write(f"{done}/{total} {text}\n")


def context_of(step: str, images: Tensor, examples: Examples) -> Context:
    """What a run gives to a step."""

    def trained(graph: ModelGraph, **options: Any) -> ModelGraph:
        return train(graph, examples, **options)

    services = Services(data={"calibration": Examples(images), "train": examples}, train=trained)
    return Context(step=step, seed=SEED, services=services, properties=frozenset({TRAINED.name}), check=False)


def training_examples(models: Any, name: str) -> Examples:
    """What the model was trained on, scaled as it was."""
    if name.startswith("mnist"):
        images, truth = models.idx_images("mnist", "train")
        return Examples(models.signed_scale(images), truth)
    images, truth = models.cifar10("train")
    return Examples(models.imagenet_scale(images), truth)


def adapted(graph: ModelGraph, examples: Examples, varied: Augmentation | None) -> ModelGraph:
    """The graph as it is, trained in floating point on some of the examples."""
    return train(
        graph, examples, epochs=1, batch=BATCH, optimizer="sgd", rate=RATE, momentum=0.9, nesterov=True,
        weight_decay=1e-4, schedule="linear_warmup", schedule_options={"warmup": WARMUP}, rate_every="step",
        layout="channels-last", keep="last", augmentation=varied,
    )  # fmt: skip


def started(graph: ModelGraph, form: str, context: Context) -> ModelGraph:
    """The graph that is healed over codes: folded and quantized."""
    folded = FoldBatchNorm().run(graph, context).graph if graph.nodes(op="batch_norm") else graph
    return Quantize(weights=LayerTable({"*": form}), report="weights").run(folded, context).graph


def measured(name: str, form: str) -> Document:
    """The accuracy before and after one epoch, and the time it took."""
    models = importlib.import_module("real_models")
    model, calibration, test, labels = models.get(name)
    examples, varied = training_examples(models, name), None if name.startswith("mnist") else Augmentation(flip=True)
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(SEED))
    first = round(PARTS[form] * len(examples))
    graph, began = nadoo.capture(model, calibration[:2]), time.process_time()
    found: Document = {"untrained": 100 * right(graph, test, labels) / len(test), "float_part": PARTS[form]}
    graph = adapted(graph, examples.take(order[:first]), varied)
    if form != FLOAT:
        chosen = calibration[:: max(1, len(calibration) // CALIBRATION)][:CALIBRATION]
        context = context_of("heal", chosen, examples.take(order[first:]))
        graph = started(graph, form, context)
        found |= {"quantized": 100 * right(graph, test, labels) / len(test), "rate": RATES[form]}
        step = Heal(
            epochs=1, batch=BATCH, rate=RATES[form], keep="last", augmentation=varied, layout="channels-last"
        )  # fmt: skip
        graph = step.run(graph, context).graph
    seconds = round(time.process_time() - began)
    return {**found, "after": 100 * right(graph, test, labels) / len(test), "seconds": seconds}


def merge(name: str, form: str, found: Document) -> None:
    """Put what was found beside what is recorded, with how far it is from the float model."""
    path = RESULTS / "quantized_healing.json"
    models: Document = json.loads(path.read_text(encoding="utf-8"))["models"] if path.exists() else {}
    models.setdefault(name, {})[form] = found
    for key, entry in models[name].items():
        if key in POINTS and FLOAT in models[name]:
            below = models[name][FLOAT]["after"] - entry["after"]
            entry |= {"below_float": round(below, 2), "holds": below <= POINTS[key]}
    record("quantized_healing", {"batch": BATCH, "models": models}, data=True)


def main() -> None:
    """Measure, print, and record if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    sys.path.insert(0, os.environ["NADOO_DATA"])
    for name in chosen.models.split(","):
        for form in chosen.formats.split(","):
            found = measured(name, form)
            sys.stdout.write(f"{name} {form}: {found}\n")
            sys.stdout.flush()
            if chosen.record:
                merge(name, form, found)


if __name__ == "__main__":
    main()

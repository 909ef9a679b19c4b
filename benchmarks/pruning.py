"""Pruning against its limits: accuracy without and with healing, time saved, and speed beside torch-pruning.

python -m benchmarks.pruning PART … [--record] [--folder=DIR]

    unhealed NAME                     accuracy without training at 0.72 and 0.48 of the MACs, and torch-pruning's best
    healed NAME EPOCHS SHARE [PASS]   accuracy of a model at a share of its MACs (1: all of them), then trained
    time NAME [PASS]                  the share of wall-clock time that half of the MACs saves
    speed                             analysis and removal against torch-pruning's pruner and step

PASS is what makes the model smaller: prune-channels, or decompose-low-rank. With a folder, `healed` keeps checkpoints
there and goes on from them when it was stopped. One training is used for all shares and passes; rate, batch and
schedule were chosen on every tenth of the training images, left out for that, with channels pruned to 0.48.
NADOO_DATA is the folder of models and data; torch-pruning must be importable for `unhealed` and `speed`.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import copy
import fnmatch
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import nadoo_core as nadoo
from benchmarks.figures import RESULTS, SEED
from nadoo_core.data import Examples
from nadoo_core.data.augmentation import Augmentation
from nadoo_core.passes import Context, Services
from nadoo_core.training import Trainer, TrainingOptions
from nadoo_graphs.channels import analyse_channels, remove_channels
from nadoo_graphs.counting import count
from nadoo_graphs.graph import ModelGraph
from nadoo_low_rank.decompose_low_rank import DecomposeLowRank
from nadoo_pruning.prune_channels import PruneChannels
from tests.models.architectures import MobileNetV2, VisionTransformer, densenet_121, resnet_50

SHARES = (0.72, 0.48)
CALIBRATION = 512
ROUNDS = 7
BLOCK = 8
"""Channels that this machine's convolutions work on at once; others are computed and thrown away."""
REQUESTS = {"vit-b-16": "*mlp*"}
"""What torch-pruning prunes of a network; it leaves this transformer's width, which unwrapped parameters share."""
Document = dict[str, Any]


def models() -> Any:
    """The module that loads the real models."""
    sys.path.insert(0, os.environ["NADOO_DATA"])
    return importlib.import_module("real_models")


def accuracy(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Per cent of the test images that are right."""
    return 100 * models().accuracy(model.eval(), inputs, labels)


def pruned(graph: ModelGraph, inputs: Tensor, share: float, **options: Any) -> ModelGraph:
    """The graph at a share of its MACs, mended on calibration images without labels."""
    context = Context(step="prune", seed=SEED, services=Services(data={"calibration": Examples(inputs)}), check=False)
    return PruneChannels(macs=share, examples=CALIBRATION, **options).run(graph, context).graph


def macs(graph: ModelGraph) -> int:
    """The multiply-accumulates of one example."""
    return count(graph).macs(dict.fromkeys(graph.contract.symbols, 1) | {"N": 1})


# --- accuracy ---------------------------------------------------------------------------------------------------------


def unhealed(name: str) -> Document:
    """Accuracy without any training, ours on the model as it is, theirs with shortcuts as convolutions."""
    model, calibration, test, labels = models().get(name)
    graph = nadoo.capture(model, calibration[:4])
    found: Document = {"model": accuracy(model, test, labels), "images": len(test)}
    for share in SHARES:
        ours = pruned(graph, calibration, share)
        theirs, left = torch_pruned(model, calibration, share)
        found[f"{share}"] = {
            "nadoo": accuracy(ours.to_module(), test, labels),
            "nadoo_macs": macs(ours) / macs(graph),
            "torch_pruning_at_once": accuracy(theirs, test, labels),
            "torch_pruning_norms_reset": accuracy(with_reset_norms(theirs, calibration), test, labels),
            "torch_pruning_macs": left,
        }
    return found


class ConvolutionShortcut(nn.Module):
    """A block whose padded shortcut is written as a convolution, which torch-pruning needs."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.conv1, self.bn1, self.conv2, self.bn2 = block.conv1, block.bn1, block.conv2, block.bn2
        inputs, outputs = block.conv1.in_channels, block.conv2.out_channels
        self.shortcut = nn.Conv2d(inputs, outputs, 1, block.stride, bias=False)
        weight = torch.zeros(outputs, inputs, 1, 1)
        weight[torch.arange(inputs) + block.pad, torch.arange(inputs)] = 1.0
        self.shortcut.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        """The block."""
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + self.shortcut(x))


def torch_pruned(model: nn.Module, example: Tensor, share: float) -> tuple[nn.Module, float]:
    """torch-pruning's group L1 magnitude inside blocks, the best of its settings on these models."""
    tp: Any = importlib.import_module("torch_pruning")

    whole = 0.0
    for step in range(1, 80):
        rewritten = copy.deepcopy(model)
        for layer in (rewritten.layer1, rewritten.layer2, rewritten.layer3):  # type: ignore[union-attr]
            for index, block in enumerate(layer):  # type: ignore[arg-type]
                if block.pad:
                    layer[index] = ConvolutionShortcut(block)  # type: ignore[index]
        modules: dict[str, nn.Module] = dict(rewritten.named_modules())  # pyright: ignore[reportUnknownArgumentType]
        inner = [part for key, part in modules.items() if key.endswith(".conv1")]
        rest = [part for part in modules.values() if isinstance(part, nn.Conv2d | nn.Linear) and part not in inner]
        importance = tp.importance.GroupMagnitudeImportance(p=1)
        pruner = tp.pruner.MetaPruner(
            rewritten, example[:1], importance=importance, pruning_ratio=step / 80, ignored_layers=rest
        )
        whole = whole or tp.utils.count_ops_and_params(rewritten, example[:1])[0]
        pruner.step()
        left = tp.utils.count_ops_and_params(rewritten, example[:1])[0] / whole
        if left <= share:
            return rewritten.eval(), left
    raise RuntimeError(f"torch-pruning does not reach {share}")


def with_reset_norms(model: nn.Module, inputs: Tensor) -> nn.Module:
    """A copy whose batch norms have the statistics of the calibration images."""
    other = copy.deepcopy(model)
    for part in other.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None
    other.train()
    with torch.no_grad():
        batches: list[Tensor] = list(inputs.split(100))  # pyright: ignore[reportUnknownArgumentType]
        for batch in batches:
            other(batch)
    return other.eval()


def decomposed(graph: ModelGraph, inputs: Tensor, share: float, **options: Any) -> ModelGraph:
    """The graph at a share of its MACs with its layers as chains of smaller ones, judged by images without labels."""
    context = Context(
        step="decompose", seed=SEED, services=Services(data={"calibration": Examples(inputs)}), check=False
    )
    return DecomposeLowRank(macs=share, **options).run(graph, context).graph


SMALLER: dict[str, Callable[..., ModelGraph]] = {"prune-channels": pruned, "decompose-low-rank": decomposed}
"""What brings a model to a share of its MACs, by the name of the pass."""
WHOLE_BLOCKS: dict[str, Document] = {"prune-channels": {"multiple": BLOCK}, "decompose-low-rank": {"align": BLOCK}}
"""The options by which a pass leaves no block of channels half full."""


def healed(name: str, epochs: str, share: str, by: str = "prune-channels") -> Document:
    """Accuracy of a model brought to a share of its MACs and then trained; share 1 is the model itself, trained so."""
    found, calibration, test, labels = models().get(name)
    folder = next((Path(word.partition("=")[2]) for word in sys.argv if word.startswith("--folder=")), None)
    graph = nadoo.capture(found, calibration[:4])
    left = graph if float(share) == 1 else kept(folder, lambda: SMALLER[by](graph, calibration, float(share)))
    module = left.to_module()
    images, truth = models().cifar10("train")
    options = TrainingOptions(
        epochs=int(epochs), batch=64, optimizer="sgd", rate=0.03, momentum=0.9, nesterov=True, weight_decay=1e-4,
        schedule="linear_warmup", schedule_options={"warmup": int(epochs) / 20}, rate_every="step", keep="last",
        layout="channels-last", augmentation=Augmentation(flip=True), checkpoint_every=60.0, seed=SEED,
    )  # fmt: skip
    before = accuracy(module, test, labels)
    Trainer(module, options, checkpoints=folder and folder / "training").fit(
        Examples(models().imagenet_scale(images), truth)
    )
    return {
        "before": before,
        "after": accuracy(module, test, labels),
        "macs": macs(left) / macs(graph),
        "parameters": count(left).parameters / count(graph).parameters,
    }


def kept(folder: Path | None, make: Callable[[], ModelGraph]) -> ModelGraph:
    """A graph that was kept in a folder, or one that is made now, and kept there."""
    place = folder and folder / "smaller"
    if place is not None and place.exists():
        return ModelGraph.load(place)
    made = make()
    if place is not None:
        made.save(place)
    return made


# --- time -------------------------------------------------------------------------------------------------------------


def spent(action: Callable[[], Any]) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def time_saved(name: str, by: str = "prune-channels") -> Document:
    """The share of wall-clock time saved over the share of MACs saved, in turns so that a slow moment hits both."""
    model, calibration, _, _ = models().get(name)
    graph = nadoo.capture(model, calibration[:4])
    smaller = SMALLER[by](graph, calibration, 0.5, **WHOLE_BLOCKS[by])
    before, after, batch = graph.to_module().eval(), smaller.to_module().eval(), calibration[:128]
    with torch.inference_mode():
        pairs = [(spent(lambda: before(batch)), spent(lambda: after(batch))) for _ in range(4 * ROUNDS)]
    share = statistics.median(new / old for old, new in pairs[2:])
    saved = 1 - macs(smaller) / macs(graph)
    return {"time_saved": 1 - share, "macs_saved": saved, "ratio": (1 - share) / saved}


def networks() -> dict[str, tuple[nn.Module, Tensor]]:
    """The networks of the comparison."""
    image = torch.randn(1, 3, 224, 224)
    transformer = VisionTransformer()
    return {
        "resnet-50": (resnet_50(), image),
        "mobilenet-v2": (MobileNetV2(), image),
        "densenet-121": (densenet_121(), image),
        "vit-b-16": (transformer, image),
    }


def speed() -> Document:
    """Half of the channels of every layer: our analysis and removal, their pruner and step, in turns."""
    tp: Any = importlib.import_module("torch_pruning")

    found: Document = {}
    for name, (model, image) in networks().items():
        graph = nadoo.capture(model.eval(), image)
        ours, theirs = list[float](), list[float]()
        other = model
        for _ in range(ROUNDS):
            ours.append(spent(lambda graph=graph, name=name: halve(graph, REQUESTS.get(name, "*"))))
            other = copy.deepcopy(model)
            heads: dict[Any, int] = {
                part: part.num_heads for part in other.modules() if isinstance(part, nn.MultiheadAttention)
            }
            theirs.append(spent(lambda other=other, image=image, heads=heads: their_step(tp, other, image, heads)))
        mine, parameters = halve(graph, REQUESTS.get(name, "*")), sum(item.numel() for item in other.parameters())
        ratios = [one / two for one, two in zip(ours[1:], theirs[1:], strict=True)]
        found[name] = {
            "ratio": statistics.median(ratios),
            "nadoo_s": statistics.median(ours), "torch_pruning_s": statistics.median(theirs),
            "nadoo_parameters": count(mine).parameters, "torch_pruning_parameters": parameters,
        }  # fmt: skip
    return found


def halve(graph: ModelGraph, names: str) -> ModelGraph:
    """Remove the half of every group of a name that L1 says matters least, with everything that hangs on it."""
    channels = analyse_channels(graph)
    scores = np.zeros(len(channels))
    for axis in channels.axes:
        value = graph.tensor(axis.tensor)
        if value.ndim > 1:
            norms = value.movedim(axis.axis, 0).reshape(value.shape[axis.axis], -1).abs().sum(1).numpy()
            own = axis.units >= 0
            scores += np.bincount(axis.units[own], norms[own], len(channels))
    removed = np.zeros(len(channels), np.bool_)
    for group in channels.groups:
        if not fnmatch.fnmatchcase(group.name, names):
            continue
        removed[group.units[np.argsort(scores[group.units])[: len(group) // 2]]] = True
    smaller = graph.copy()
    remove_channels(smaller, channels, removed)
    return smaller


def their_step(tp: Any, model: nn.Module, image: Tensor, heads: dict[Any, int]) -> None:
    """torch-pruning's pruner for the same request, and its step."""
    last = [part for part in model.modules() if isinstance(part, nn.Linear) and part.out_features == 1000]
    importance = tp.importance.GroupMagnitudeImportance(p=1)
    tp.pruner.MetaPruner(
        model, image, importance=importance, pruning_ratio=0.5, ignored_layers=last, num_heads=heads
    ).step()


PARTS: dict[str, Callable[..., Document]] = {
    "unhealed": unhealed,
    "healed": healed,
    "time": time_saved,
    "speed": speed,
}


def record(key: str, found: Document) -> None:
    """Put one part beside those that were measured before."""
    path: Path = RESULTS / "pruning.json"
    known: Document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known[key] = {
        "command": f"python -m benchmarks.pruning {key} --record", "seed": SEED, "nadoo": version("nadoo"),
        "torch": torch.__version__, "threads": torch.get_num_threads(), **found,
    }  # fmt: skip
    path.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Measure one part, print it, and record it if asked for."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    if not words or words[0] not in PARTS:
        sys.exit(__doc__)
    found = PARTS[words[0]](*words[1:])
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if "--record" in sys.argv:
        record(" ".join(words), found)


if __name__ == "__main__":
    main()

"""How fast costs are estimated and scored: `python -m benchmarks.cost_speed [--record]`.

Models of the tests, never trained; a time is the least processor time of several runs, because other work only adds.
"""

import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle

import torch
from torch import nn

import nadoo_core as nadoo
from benchmarks.figures import SEED, Figure, report
from nadoo_core.cost import find_device
from nadoo_core.registry import Registry
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.estimators.analytic import analytic
from nadoo_hardware.scoring import Scorer
from tests.models.architectures import MobileNetV2, resnet_50

FORMATS = ("int8", "int4", "int2", "float32")
DEVICE = "stm32f746"
REPEATS, CHANGES = 10, 400


def least_ms(work: Callable[[], object], repeats: int) -> float:
    """The least milliseconds of processor time of some runs."""
    best = float("inf")
    for _ in range(repeats):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best * 1e3


def captured(model: nn.Module, size: int) -> ModelGraph:
    """A model at an image size."""
    return nadoo.capture(model.eval(), torch.randn(1, 3, size, size))


def rescoring_ms(scorer: Scorer) -> float:
    """The milliseconds of a score after the format of one layer changed."""
    formats = dict.fromkeys(sorted(scorer.layers), FORMATS[0])
    scorer.score(formats)
    changes = cycle((layer, name) for name in FORMATS for layer in formats)

    def change() -> None:
        layer, name = next(changes)
        formats[layer] = name
        scorer.score(formats)

    return least_ms(change, CHANGES)


def measured() -> Sequence[Figure]:
    """All figures, with the limits that a search needs."""
    torch.manual_seed(SEED)
    device = find_device(DEVICE, Registry.of(installed=True))
    deep, mobile = captured(resnet_50(), 224), captured(MobileNetV2(), 224)
    return (
        Figure("estimate of ResNet-50", least_ms(lambda: analytic(deep, device), REPEATS), 20, "ms"),
        Figure("estimate of MobileNetV2", least_ms(lambda: analytic(mobile, device), REPEATS), 20, "ms"),
        Figure("score after a change, MobileNetV2", rescoring_ms(Scorer(mobile, device)), 1, "ms"),
    )


if __name__ == "__main__":
    sys.exit(report("cost_speed", __doc__ or "", measured))

"""What the clips of 25 million weights take: least square error and exact OCTAV, a clip for each output channel.

Processor seconds of all threads are counted, which do not depend on what else the machine does.

python -m benchmarks.clip_speed [--record]
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import statistics
import sys
import time
from collections.abc import Callable, Sequence

import torch

from benchmarks.figures import SEED, Figure, report
from nadoo_core.quantizing import Book, exact_octav, mean_square_clip, rows_of
from nadoo_graphs.formats import standard_formats

ROUNDS = 3
LAYERS = ((64, 3, 7, 7), *((256, 256, 3, 3),) * 8, *((1024, 512, 1, 1),) * 12, (2048, 2048, 1, 1), (1000, 2048))
MEAN_SQUARE_S, OCTAV_S = 2.0, 3.0


def weights() -> list[torch.Tensor]:
    """Normally distributed weights in the shapes of a residual network, 25 million in all."""
    generator = torch.Generator().manual_seed(SEED)
    layers = [torch.randn(shape, generator=generator) for shape in LAYERS]
    rest = 25_000_000 - sum(layer.numel() for layer in layers)
    return [*layers, torch.randn(rest // 2304, 2304, generator=generator)]


def seconds(work: Callable[[torch.Tensor], object], layers: Sequence[torch.Tensor]) -> tuple[float, float]:
    """The median for all layers, and how far the slowest round lies from the quickest."""
    found: list[float] = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for layer in layers:
            work(rows_of(layer))
        found.append(time.process_time() - started)
    return statistics.median(found), max(found) - min(found)


def measure() -> list[Figure]:
    """Both rules, the first for formats of many and of few levels, evenly spaced or not."""
    layers, figures = weights(), list[Figure]()
    for name in ("int8", "int4", "4bitsym", "nf4"):
        book = Book.of(standard_formats()[name])
        taken, spread = seconds(lambda rows, book=book: mean_square_clip(rows, book), layers)
        figures.append(Figure(f"least square error, {name}", taken, MEAN_SQUARE_S, "s", spread))
    taken, spread = seconds(lambda rows: exact_octav(rows, 4), layers)
    return [*figures, Figure("exact OCTAV, 4 bits", taken, OCTAV_S, "s", spread)]


if __name__ == "__main__":
    sys.exit(report("clip_speed", __doc__ or "", measure))

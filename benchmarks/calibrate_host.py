"""Whether the ranges of a calibrated machine hold: `python -m benchmarks.calibrate_host [--record]`, two minutes.

The machine is calibrated with drawn networks as `nadoo calibrate host` does it. Then networks are measured that had no
part in that: others of the same families, published architectures, and, where NADOO_DATA is the folder of models, those
that were trained. A limit for a share outside of the range is what chance alone would exceed once in twenty times if
nine in ten were inside; architectures are not drawn as the calibration's networks are, so theirs is a wish.
"""

import importlib
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterable, Iterator, Sequence

import torch
from attrs import evolve
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]
from torch import nn

import nadoo_core as nadoo
from benchmarks.figures import SEED, Figure, report
from nadoo_core.cost import Device
from nadoo_core.cost.calibrated import Calibrated, CalibratedCost
from nadoo_core.cost.calibration import calibrate
from nadoo_core.cost.hold_out import HoldOut
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.calibrating.measuring import MOST_S, measured_networks
from nadoo_hardware.calibrating.networks import drawn_networks
from nadoo_hardware.commands.calibrate import NETWORKS
from nadoo_hardware.estimators.analytic import analytic
from nadoo_hardware.estimators.host import measure
from nadoo_hardware.host_device import this_machine
from tests.models.architectures import MobileNetV2, resnet_50, tiny_vision_transformer

NEW = 28
PASSES = 3
ONE_IN_TEN, ONE_IN_TWENTY = 0.1, 0.05
MEAN_ERROR, WORST_ORDER = 0.25, 0.1
TRAINED = ("resnet20", "resnet8", "keyword_cnn", "keyword_dscnn", "keyword_mlp", "tiny_vit")
ARCHITECTURES = ((MobileNetV2, 96), (resnet_50, 64), (tiny_vision_transformer, 32))


def calibrated_machine() -> Device:
    """This machine with a calibration of today."""
    found = measured_networks(NETWORKS, SEED, ["float32"], lambda done, total, what: None)
    fit = calibrate(found.samples)
    cost = CalibratedCost.of(fit, "seconds", f"passes differ by {found.unrest:.0%}")
    sys.stdout.write(f"calibrated: {cost.worth}; {cost.source}\n")
    return evolve(this_machine(), calibration=Calibrated(name="host", made="benchmark", latency=cost))


def architectures() -> Iterator[ModelGraph]:
    """Networks as they were published, with random weights."""
    for make, size in ARCHITECTURES:
        model: nn.Module = make()
        yield nadoo.capture(model.eval(), torch.randn(1, 3, size, size))


def trained() -> Iterator[ModelGraph]:
    """The models of NADOO_DATA; none where it is not set."""
    folder = os.environ.get("NADOO_DATA")
    if folder is None:
        return
    sys.path.insert(0, folder)
    models = importlib.import_module("real_models")
    for name in TRAINED:
        model, calibration, _, _ = models.get(name)
        yield nadoo.capture(model.eval(), calibration[:1])


def held_out(device: Device, graphs: Iterable[ModelGraph]) -> tuple[HoldOut, list[bool]]:
    """What networks took and what was predicted, and whether each lies inside of its range."""
    known = list(graphs)
    least = [float("inf")] * len(known)
    for _ in range(PASSES):
        for place, graph in enumerate(known):
            least[place] = min(least[place], measure(graph, most_s=MOST_S).median)
    costs = [analytic(graph, device).latency for graph in known]
    inside = [(cost.low or 0) <= took <= (cost.high or 0) for cost, took in zip(costs, least, strict=True)]
    for graph, cost, took, within in zip(known, costs, least, inside, strict=True):
        state = "" if within else "  outside"
        sys.stdout.write(f"  {graph.name:24} {took * 1e3:9.3f} ms, predicted {(cost.value or 0) * 1e3:9.3f}{state}\n")
    return HoldOut(tuple((took, cost.value or 0.0) for cost, took in zip(costs, least, strict=True))), inside


def figures_of(name: str, found: HoldOut, inside: Sequence[bool]) -> Iterator[Figure]:
    """The share outside, the errors and the order."""
    many = len(inside)
    allowed = float(stats.binom.ppf(1 - ONE_IN_TWENTY, many, ONE_IN_TEN)) / many  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    yield Figure(f"outside of the range, {many} {name}", (many - sum(inside)) / many, allowed, "share")
    yield Figure(f"mean error, {name}", found.mean_error or 0.0, MEAN_ERROR, "share", found.worst_error or 0.0)
    yield Figure(f"1 - rank correlation, {name}", 1 - (found.rank_correlation or 0.0), WORST_ORDER, "")


def measured() -> Sequence[Figure]:
    """All figures; the spread beside a mean error is the worst one."""
    torch.manual_seed(SEED)
    device = calibrated_machine()
    given = {"drawn": drawn_networks(NEW, SEED + 1), "architectures": architectures(), "trained": trained()}
    figures: list[Figure] = []
    for name, graphs in given.items():
        found, inside = held_out(device, graphs)
        figures += figures_of(name, found, inside) if inside else ()
    return figures


if __name__ == "__main__":
    sys.exit(report("calibrate_host", __doc__ or "", measured))

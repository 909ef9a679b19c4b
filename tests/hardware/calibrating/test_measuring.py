"""Measuring here: every network in every pass, and the quietest pass counts."""

import numpy as np
import pytest
from attrs import evolve

from nadoo_core.cost.calibrated import Calibrated, CalibratedCost
from nadoo_core.cost.calibration import calibrate
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.calibrating import measuring
from nadoo_hardware.calibrating.networks import FAMILIES, drawn_networks
from nadoo_hardware.estimators.analytic import analytic
from nadoo_hardware.estimators.host import Measurement
from nadoo_hardware.estimators.terms import BY_KIND, latency_terms
from nadoo_hardware.estimators.work import graph_work
from nadoo_hardware.host_device import this_machine

NEW, FEWEST_INSIDE = 42, 33
"""Of so many, fewer would be inside once in a hundred times if each were with nine chances in ten."""

TRUE = {"conv.float32": 1e-10, "depthwise.float32": 4e-10, "linear.float32": 1e-10, "other.float32": 2e-10,
        "elements": 1e-10, "bytes": 2e-11, "views": 3e-6,
        "gathered": 4e-10, "weights.conv": 1e-10, "calls.conv": 3e-5, "calls.depthwise": 1e-4,
        "calls.linear": 1e-5, "calls.matmul": 2e-5, "calls.norm": 3e-5, "calls.other": 3e-6}  # fmt: skip


def machine(graph: ModelGraph, most_s: float) -> Measurement:
    """A machine that takes what the terms say, twice as long in the first pass over a network."""
    terms = latency_terms(graph_work(graph), BY_KIND)
    seconds = sum(TRUE.get(name, 1e-9) * many for name, many in terms.items())
    slow = graph.name not in SEEN
    SEEN.add(graph.name)
    return Measurement((seconds * (2.0 if slow else 1.0),) * 3)


SEEN: set[str] = set()


def silent(done: int, total: int, what: str) -> None:
    """Nobody watches."""


def test_a_machine_is_found_again_from_its_networks_however_busy_one_pass_was(monkeypatch: pytest.MonkeyPatch) -> None:
    SEEN.clear()
    monkeypatch.setattr(measuring, "measure", machine)
    told: list[tuple[int, int]] = []
    many = 2 * len(FAMILIES) + 7
    found = measuring.measured_networks(many, 0, ["float32"], lambda done, total, _: told.append((done, total)))
    assert found.unrest == pytest.approx(1.0)
    assert found.spread == 0.0
    assert told == [(place, len(told)) for place in range(len(told))]
    assert sum(not sample.probe for sample in found.samples) == many
    fit = calibrate(found.samples).accept(0.01)
    assert len(fit.held_out) == many
    assert {name: fit.coefficients[name] for name in TRUE} == pytest.approx(TRUE, rel=1e-3)


def test_precisions_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "measure", machine)
    found = measuring.measured_networks(7, 0, ["float32", "bfloat16"], silent)
    assert {sample.model.split()[-1] for sample in found.samples} == {"float32", "bfloat16"}
    assert {"conv.float32", "conv.bfloat16"} <= {name for sample in found.samples for name in sample.work}


def test_nine_new_networks_in_ten_fall_inside_of_a_calibrated_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(5)

    def took(graph: ModelGraph) -> float:
        terms = latency_terms(graph_work(graph), BY_KIND)
        return sum(TRUE[name] * many for name, many in terms.items()) * float(np.exp(0.1 * draw.standard_normal()))

    def measure(graph: ModelGraph, most_s: float) -> Measurement:
        return Measurement((took(graph),))

    monkeypatch.setattr(measuring, "measure", measure)
    monkeypatch.setattr(measuring, "PASSES", 1)
    fit = calibrate(measuring.measured_networks(35, 0, ["float32"], silent).samples).accept()
    latency = CalibratedCost.of(fit, "seconds", "made up by a test")
    device = evolve(this_machine(), calibration=Calibrated(name="made-up", made="by a test", latency=latency))
    inside = 0
    for graph in drawn_networks(NEW, 1):
        number = analytic(graph, device).latency
        inside += (number.low or 0) <= took(graph) <= (number.high or 0)
    assert inside >= FEWEST_INSIDE

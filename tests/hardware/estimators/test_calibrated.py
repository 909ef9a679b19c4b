"""Calibrated devices: estimates are coefficients × work in the range of what was held out, and say so."""

from typing import Any

import pytest
import torch
from attrs import evolve
from torch import nn

import nadoo_core as nadoo
from nadoo_core.cost import Device, find_device
from nadoo_core.cost.calibrated import Calibrated, CalibratedCost, LeftOut
from nadoo_core.registry import Registry
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.estimators.analytic import analytic
from nadoo_hardware.estimators.terms import code_terms, latency_terms, node_time
from nadoo_hardware.estimators.work import graph_work
from nadoo_hardware.scoring import Scorer

HELD_OUT = tuple(LeftOut(model=f"m{place}", measured=1.0 + place / 100, predicted=1.0) for place in range(20))
COEFFICIENTS = {"conv.float32": 2e-9, "linear.float32": 1e-9, "calls": 1e-6, "elements": 5e-10}
PROGRAM = {"program": 400.0, "kernels": 250.0, "calls": 30.0}


def cost_of(coefficients: dict[str, float], unit: Any = "seconds") -> CalibratedCost:
    return CalibratedCost(unit=unit, source="made up by a test", coefficients=coefficients, held_out=HELD_OUT)


def calibrated(device: Device | None = None, **costs: CalibratedCost) -> Device:
    given = device or Device(name="mine")
    return evolve(given, calibration=Calibrated(name="bench", made="by a test", **costs))


@pytest.fixture(scope="module")
def graph() -> ModelGraph:
    layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4))
    return nadoo.capture(layers, torch.zeros(2, 3, 8, 8))


def test_the_terms_of_a_graph_are_the_sums_of_its_work(graph: ModelGraph) -> None:
    work = graph_work(graph)
    terms = latency_terms(work, ("calls", "elements"))
    assert terms == {
        "conv.float32": 8 * 36 * 27.0, "linear.float32": 8 * 36 * 4.0, "calls": 3.0, "elements": 8 * 36.0,
    }  # fmt: skip
    assert latency_terms(work, ("gathered", "weights.conv")) == {
        "conv.float32": 8 * 36 * 27.0, "linear.float32": 8 * 36 * 4.0, "gathered": 36 * 27.0,
        "weights.conv": 4.0 * (8 * 27 + 8),
    }  # fmt: skip
    assert latency_terms(work, ()).keys() == {"conv.float32", "linear.float32"}
    assert code_terms(work.nodes) == {"program": 1.0, "kernels": 3.0, "calls": 3.0}


def test_an_estimate_is_coefficients_times_work_in_the_range_of_what_was_held_out(graph: ModelGraph) -> None:
    device = calibrated(latency=cost_of(COEFFICIENTS), code=cost_of(PROGRAM, "bytes"))
    cost = analytic(graph, device)
    seconds = sum(COEFFICIENTS[name] * many for name, many in latency_terms(graph_work(graph)).items()
                  if name in COEFFICIENTS)  # fmt: skip
    assert cost.latency.value == pytest.approx(seconds)
    assert cost.latency.high == pytest.approx(seconds * 1.18)
    assert cost.latency.low == pytest.approx(seconds / 1.18)
    code = 400 + 250 * 3 + 30 * 3
    tensors = sum(graph_work(graph).flash.values())
    assert cost.flash.value == pytest.approx(tensors + code)
    assert cost.flash.high == pytest.approx(tensors + code * 1.18)
    assert cost.coverage.macs == 1
    assert cost.ranges["latency_s"].startswith("calibration 'bench', nine in ten of 20 models left out")
    assert "calibration 'bench'" in cost.ranges["flash_bytes"]


def test_cycles_follow_the_clock(graph: ModelGraph) -> None:
    cycles = cost_of({"conv.float32": 3.0, "linear.float32": 2.0}, "cycles")
    slow, fast = (
        analytic(graph, calibrated(Device.from_mapping({"clock_hz": hertz}), latency=cycles)).latency.value or 0.0
        for hertz in (1e6, 4e6)
    )
    assert slow == pytest.approx(4 * fast)
    assert fast == pytest.approx((3 * 8 * 36 * 27 + 2 * 8 * 36 * 4) / 4e6)


def test_layers_that_were_not_calibrated_fall_back_and_that_is_said(graph: ModelGraph) -> None:
    facts = Device.from_mapping({"mac_per_second": {"float32": 1e9}, "bandwidth": {"dram": 1e9}})
    partly = analytic(graph, calibrated(facts, latency=cost_of({"conv.float32": 2e-9, "calls": 1e-6})))
    assert partly.latency.known
    assert "calibration 'bench'" in partly.ranges["latency_s"]
    assert "assumed for rooflines (" in partly.ranges["latency_s"]
    bare = analytic(graph, calibrated(latency=cost_of({"linear.float32": 2e-9})))
    assert any("no rate for conv.float32 is known" in reason for reason in bare.latency.reasons)
    assert "the calibration 'bench' has no coefficient of conv.float32" in bare.latency.reasons


def test_without_a_calibration_ranges_are_assumed_and_that_is_said(graph: ModelGraph) -> None:
    cost = analytic(graph, find_device("raspberry-pi-4", Registry.of()))
    assert cost.ranges["latency_s"] == "assumed for rooflines"
    assert cost.ranges["flash_bytes"] == "tensors counted, code: assumed"
    assert cost.ranges["macs"] == "counted"


def test_activations_of_another_precision_have_a_coefficient_of_their_own_where_there_is_one(
    graph: ModelGraph,
) -> None:
    layer = next(node for node in graph_work(graph, {"3": "int4"}).nodes if node.op == "linear")
    assert (layer.weights, layer.activations) == ("int4", "float32")
    assert node_time(layer, {"linear.int4": 1.0}) == layer.macs
    assert node_time(layer, {"linear.int4": 1.0, "linear.int4.float32": 2.0}) == 2 * layer.macs
    assert node_time(layer, {"linear.float32": 1.0}) is None
    assert "linear.int4.float32" in latency_terms(graph_work(graph, {"3": "int4"}), apart=True)


def test_the_scorer_says_the_same_of_a_calibrated_device(graph: ModelGraph) -> None:
    coefficients = {**COEFFICIENTS, "linear.int8": 4e-10, "conv.int8": 5e-10}
    device = calibrated(latency=cost_of(coefficients), code=cost_of(PROGRAM, "bytes"))
    formats = {"0": "int8"}
    scored, whole = Scorer(graph, device).score(formats), analytic(graph, device, formats)
    assert scored.latency == whole.latency
    assert scored.flash == whole.flash
    assert scored.ranges == whole.ranges


def test_energy_is_power_times_the_calibrated_time(graph: ModelGraph) -> None:
    device = calibrated(Device.from_mapping({"active_w": 2.0}), latency=cost_of(COEFFICIENTS))
    cost = analytic(graph, device)
    assert cost.energy.value == pytest.approx(2.0 * (cost.latency.value or 0.0))
    assert "assumed for power, times latency; latency: calibration 'bench'" in cost.ranges["energy_j"]

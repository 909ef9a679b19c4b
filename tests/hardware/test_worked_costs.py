"""Costs that are published or follow by hand from published facts: rooflines, rates by precision, energies."""

import pytest
import torch
from torch import nn

import nadoo_core as nadoo
from nadoo_core.cost import Device
from nadoo_core.cost.catalogue import find_device
from nadoo_core.cost.rates import mac_seconds
from nadoo_core.registry import Registry
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.estimators.analytic import analytic
from nadoo_hardware.estimators.assumptions import assumptions
from nadoo_hardware.estimators.work import graph_work

MILLISECONDS_PER_2_MILLION = {
    "conv": (100, 50, 28, 17.4, 11), "depthwise": (200, 100, 46, 27, 16.8), "linear": (50, 25, 14, 8.7, 5.5),
}  # fmt: skip
PRECISIONS = ("float32", "float16", "int8", "int4", "int2")


def known(name: str) -> Device:
    return find_device(name, Registry.of(installed=True))


def linear(features: int, batch: int, dtype: torch.dtype = torch.float16) -> ModelGraph:
    return nadoo.capture(
        nn.Linear(features, features, bias=False).to(dtype), torch.zeros(batch, features, dtype=dtype), dynamic=None
    )


@pytest.mark.parametrize(("kind", "rates"), MILLISECONDS_PER_2_MILLION.items())
def test_the_table_of_adaptqnet(kind: str, rates: tuple[float, ...]) -> None:
    for precision, milliseconds in zip(PRECISIONS, rates, strict=True):
        fact = mac_seconds(known("adaptqnet"), kind, precision)
        assert fact is not None
        assert fact.value * 2e6 == pytest.approx(milliseconds / 1e3)


@pytest.mark.parametrize(
    ("activations", "weights", "rate"),
    [(8, 8, 2.1), (8, 4, 2.3), (8, 2, 2.5), (4, 8, 2.1), (4, 4, 3.5), (4, 2, 3.9), (2, 8, 2.2), (2, 4, 4.0),
     (2, 2, 6.5)],
)  # fmt: skip
def test_the_rates_of_pairs_on_mpic(activations: int, weights: int, rate: float) -> None:
    fact = mac_seconds(known("mpic"), "conv", f"int{weights}", f"int{activations}")
    assert fact is not None
    assert fact.value == pytest.approx(1 / (rate * 250e6))


@pytest.mark.parametrize(("name", "ideal_us"), [("v100", 2.33), ("a100", 1.35), ("h200", 0.44)])
def test_one_row_times_a_matrix_waits_for_memory(name: str, ideal_us: float) -> None:
    (layer,) = (node for node in graph_work(linear(1024, 1)).nodes if node.op == "linear")
    bandwidth = known(name).bandwidth["dram"].value
    assert (layer.weight_bytes + layer.value_bytes) / bandwidth == pytest.approx(ideal_us * 1e-6, rel=0.01)


@pytest.mark.parametrize(("name", "ideal_us"), [("v100", 68.7), ("a100", 27.5), ("h200", 8.69)])
def test_many_rows_wait_for_the_arithmetic(name: str, ideal_us: float) -> None:
    (layer,) = (node for node in graph_work(linear(1024, 4096)).nodes if node.op == "linear")
    peak = known(name).peak("float16")
    assert peak is not None
    assert layer.macs / peak.value == pytest.approx(ideal_us * 1e-6, rel=0.01)


def test_a_roofline_is_the_slower_of_its_two_terms_at_the_assumed_share_of_the_peak() -> None:
    device = Device.from_mapping({"mac_per_second": {"float32": 1e9}, "bandwidth": {"dram": 1e9}})
    share = assumptions().number("roofline", "utilisation")
    graph = linear(64, 1, torch.float32)
    (layer,) = (node for node in graph_work(graph).nodes if node.op == "linear")
    slower = max(layer.macs / (1e9 * share), (layer.weight_bytes + layer.value_bytes) / 1e9)
    assert analytic(graph, device).latency.value == pytest.approx(slower)


def test_the_energy_of_datapaths_and_of_a_controller_lie_far_apart() -> None:
    macs, weight_bytes, cycles = 25_216, 12_608, 528_377
    horowitz, controller = known("horowitz-45nm"), known("stm32u0")
    assert macs * horowitz.energy_pj_per_mac["int8"].value * 1e-6 == pytest.approx(0.0058, rel=0.01)
    assert weight_bytes * horowitz.energy_pj_per_byte["cache_8k"].value * 1e-6 == pytest.approx(0.016, rel=0.02)
    cycle = controller.energy_pj_per_cycle()
    assert cycle is not None
    assert cycles * cycle.value * 1e-6 == pytest.approx(82.4, rel=0.01)

"""Published counts of whole networks, and what follows from them by hand: cycles a multiply-accumulate, energies."""

from functools import cache

import pytest
import torch

import nadoo_core as nadoo
from nadoo_core.cost import Device, find_device
from nadoo_core.registry import Registry
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.calibrating.drawing import Drawing
from nadoo_hardware.estimators.analytic import analytic
from nadoo_hardware.estimators.work import graph_work
from tests.models.architectures import MobileNetV2, resnet_50

PERCEPTRON_MACS = 25_216


@cache
def mobilenet(size: int, classes: int) -> ModelGraph:
    return nadoo.capture(MobileNetV2(classes=classes).eval(), torch.zeros(1, 3, size, size))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "classes", "millions", "weights", "largest"),
    [
        (224, 1000, 300.774, 3_469_760, 1_505_280),
        (112, 1000, 82.184, 3_469_760, 376_320),
        (112, 10, 80.917, 2_202_560, 376_320),
        (144, 1000, 132.689, 3_469_760, 622_080),
        (144, 10, 131.422, 2_202_560, 622_080),
        (32, 10, 6.125, 2_202_560, 30_720),
    ],
)
def test_mobilenet_v2_at_every_published_size(
    size: int, classes: int, millions: float, weights: int, largest: int
) -> None:
    graph = mobilenet(size, classes)
    layers = [node for node in graph_work(graph).nodes if node.kind != "other"]
    assert len(layers) == 53
    assert round(graph_work(graph).macs / 1e6, 3) == millions
    assert sum(graph.tensor(graph[node.name].tensors["weight"]).numel() for node in layers) == weights
    assert max(node.value_bytes for node in layers) // 4 == largest


@pytest.mark.parametrize(
    ("device", "placement", "cycles", "each"),
    [
        ("ch32v003", "sram", 653_965, 25.93),
        ("ch32v002", "sram", 508_605, 20.17),
        ("ch32v003", "flash", 903_209, 35.82),
        ("ch32v002", "flash", 1_015_672, 40.28),
    ],
)
def test_the_same_work_takes_other_cycles_from_other_memory(
    device: str, placement: str, cycles: int, each: float
) -> None:
    assert round(cycles / PERCEPTRON_MACS, 2) == each
    known = find_device(device, Registry.of())
    fact = known.mac_cycles("linear", "4bitsym", placement)
    assert fact is not None
    assert fact.value == pytest.approx(each, abs=0.01)


def test_the_perceptron_takes_its_published_time_at_48_megahertz() -> None:
    drawing = Drawing("perceptron", 0)
    drawing.begin(256)
    for wide in (64, 64, 64, 10):
        drawing.linear(wide)
    graph = drawing.done()
    layers = {node.name: "4bitsym" for node in graph.nodes(op="linear")}
    cost = analytic(graph, find_device("ch32v003", Registry.of()), layers)
    seconds = sum(node.costs["latency_s"].value or 0.0 for node in cost.nodes if node.name in layers)
    assert cost.macs.value == PERCEPTRON_MACS
    assert seconds == pytest.approx(903_209 / 48e6, rel=1e-3)


def test_a_convolution_of_int8_is_that_of_a_large_microcontroller_in_the_table_of_adaptqnet() -> None:
    rate = find_device("adaptqnet", Registry.of()).seconds_per_mac["conv"]["int8"].value
    assert round(1 / rate / 1e6, 1) == 71.4


def test_a_pass_over_the_weights_of_a_resnet_50_costs_as_much_as_its_datapath() -> None:
    horowitz = find_device("horowitz-45nm", Registry.of())
    assert 4.09e9 * horowitz.energy_pj_per_mac["float32"].value * 1e-9 == pytest.approx(18.8, abs=0.05)
    middle = 25.6e6 * 4 * horowitz.energy_pj_per_byte["dram"].value * 1e-9
    assert middle == pytest.approx((16.6 + 33.3) / 2, abs=0.1)


@pytest.mark.slow
def test_an_estimate_of_resnet_50_has_the_published_work_and_energy() -> None:
    graph = nadoo.capture(resnet_50().eval(), torch.zeros(1, 3, 224, 224))
    device = Device.from_mapping({"energy_pj_per_mac": {"float32": 4.6}, "energy_pj_per_byte": {"dram": 1e-9}})
    cost = analytic(graph, device)
    assert (cost.macs.value or 0) / 1e9 == pytest.approx(4.09, abs=0.01)
    assert (cost.energy.value or 0) * 1e3 == pytest.approx(18.8, abs=0.1)


def test_grouping_divides_and_pointwise_maps_are_linear_layers() -> None:
    def macs(module: torch.nn.Module, *shape: int) -> int:
        return graph_work(nadoo.capture(module, torch.zeros(2, *shape))).macs

    whole, grouped = (macs(torch.nn.Conv2d(8, 8, 3, groups=groups, bias=False), 8, 6, 6) for groups in (1, 4))
    assert whole == 4 * grouped
    assert macs(torch.nn.Conv2d(8, 5, 1), 8, 1, 1) == macs(torch.nn.Linear(8, 5), 8) == 40

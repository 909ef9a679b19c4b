"""The analytic estimator: published sizes, laws of counting, and what is not known."""

import itertools
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import nadoo_core as nadoo
from nadoo_core.cost import COSTS, Cost, Device, find_device
from nadoo_core.registry import Registry
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.estimators.analytic import analytic
from nadoo_hardware.estimators.work import graph_work

KNOWN = Device.from_mapping(
    {"clock_hz": 1e8, "cores": 1, "mac_per_cycle": {"float32": 1.0}, "bandwidth": {"sram": 1e8},
     "energy_pj_per_mac": {"float32": 5.0}, "energy_pj_per_byte": {"sram": 2.0}}
)  # fmt: skip


def perceptron(widths: Sequence[int]) -> ModelGraph:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.ReLU()]
    return nadoo.capture(nn.Sequential(*layers[:-1]), torch.zeros(2, widths[0]))


@pytest.mark.parametrize(
    ("widths", "name", "size"),
    [
        ((256, 64, 64, 64, 10), "4bitsym", 12_608),
        ((256, 112, 96, 96, 10), "2bitsym", 12_400),
        ((256, 40, 32, 32, 10), "8bit", 12_864),
        ((256, 128, 128, 112, 10), "ternary", 13_136),
        ((256, 176, 160, 160, 10), "binarysym", 12_872),
    ],
)
def test_weights_take_the_published_bytes(widths: tuple[int, ...], name: str, size: int) -> None:
    graph = perceptron(widths)
    formats = {node.name: name for node in graph.nodes(op="linear")}
    assert sum(graph_work(graph, formats).flash.values()) == size


def test_tied_weights_lie_in_flash_once() -> None:
    layer = nn.Linear(8, 8, bias=False)
    graph = nadoo.capture(nn.Sequential(layer, nn.ReLU(), layer), torch.zeros(2, 8))
    assert sum(graph_work(graph).flash.values()) == 8 * 8 * 4
    assert graph_work(graph).macs == 2 * 64


def test_every_cost_is_known_where_every_fact_is() -> None:
    cost = analytic(perceptron((32, 16, 4)), KNOWN)
    assert all(cost.number(name).known for name in COSTS)
    assert cost.coverage.macs == cost.coverage.bytes == 1
    assert cost.unmodelled == ()


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(COSTS))
def test_more_features_never_cost_less(features: int, more: int, name: str) -> None:
    small, large = (analytic(perceptron((width, 8, 4)), KNOWN).number(name) for width in (features, features + more))
    assert 0 <= (small.value or 0) <= (large.value or 0)


def test_two_models_side_by_side_cost_what_both_cost() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(8, 4), nn.Linear(6, 3)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.first(x), self.second(y)

    both = analytic(nadoo.capture(Both(), (torch.zeros(2, 8), torch.zeros(2, 6))), KNOWN)
    parts = [analytic(nadoo.capture(nn.Linear(a, b), torch.zeros(2, a)), KNOWN) for a, b in ((8, 4), (6, 3))]
    for name in ("macs", "latency_s", "energy_j"):
        assert both.number(name).value == pytest.approx(sum(part.number(name).value or 0 for part in parts))


def test_a_missing_fact_makes_a_cost_unknown_and_is_named() -> None:
    cost = analytic(perceptron((8, 4)), Device(name="bare"))
    assert not cost.latency.known
    assert any(text.startswith("latency_s is unknown, because no rate for linear.float32") for text in cost.unknown())
    assert cost.unmodelled == tuple(node.name for node in cost.nodes if node.op == "linear")
    assert cost.coverage.macs == 0


def test_an_open_batch_is_counted_as_one_and_that_is_said() -> None:
    assert "one example: the open size N is counted as 1" in analytic(perceptron((8, 4)), KNOWN).notes


def test_an_operator_without_a_row_is_listed_and_never_free() -> None:
    class Cumulative(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cummax(x, 1).values

    graph = nadoo.capture(Cumulative(), torch.zeros(2, 8))
    (opaque,) = graph.nodes(op="opaque")
    cost: Cost = analytic(graph, KNOWN)
    assert opaque.name in cost.unmodelled
    assert cost.coverage.bytes < 1


def test_fewer_bits_lower_flash_in_the_order_of_the_bits() -> None:
    graph, device = perceptron((64, 32, 8)), find_device("stm32f401", Registry.of())
    sizes = [
        analytic(graph, device, {node.name: name for node in graph.nodes(op="linear")}).flash.value or 0
        for name in ("int2", "int4", "int8", "float32")
    ]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == len(sizes)


def test_an_average_power_beyond_the_device_is_doubted() -> None:
    device = Device.from_mapping({
        "clock_hz": 1e8, "cores": 1, "mac_per_cycle": {"float32": 1.0}, "bandwidth": {"sram": 1e8},
        "energy_pj_per_mac": {"float32": 1e9}, "energy_pj_per_byte": {"sram": 2.0}, "tdp_w": 1.0,
    })  # fmt: skip
    assert any(note.startswith("implausible power") for note in analytic(perceptron((64, 64)), device).notes)

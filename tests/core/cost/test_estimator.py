"""Estimators of plugins: merged by precision, checked, and never able to lose the others' answers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import nadoo_core as nadoo
from nadoo_core.cost import Cost, CostNumber, Coverage, Device, NodeCost, estimate, estimators_of
from nadoo_core.errors import PluginError
from nadoo_core.registry import Registry
from nadoo_graphs.graph import ModelGraph

DEVICE = Device(name="d")
STRANGER = '''
from nadoo_core.cost import Cost, CostNumber
from nadoo_core.registry import Plugin, hookimpl

class PerNode:
    """A microsecond a node."""
    def __call__(self, graph, device):
        return Cost(device=device.name, totals={"latency_s": CostNumber.exact(1e-6 * len(graph))})

@hookimpl
def nadoo_plugin():
    return Plugin(api=1, estimators={"per-node": PerNode})
'''


@pytest.fixture(scope="module")
def graph() -> ModelGraph:
    return nadoo.capture(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), torch.zeros(2, 4))


def answering(**totals: CostNumber) -> Any:
    return lambda _graph, device: Cost(device=device.name, totals=totals)


def test_the_narrowest_answer_to_each_question_is_taken(graph: ModelGraph) -> None:
    rough = answering(latency_s=CostNumber.within(2.0, 0.1, 9), macs=CostNumber.exact(12))
    precise = answering(latency_s=CostNumber.within(3.0, 0.9, 1.1), energy_j=CostNumber.unknown("no power is known"))
    cost = estimate(graph, DEVICE, {"rough": rough, "precise": precise})
    assert cost.latency.value == 3.0
    assert cost.macs.value == 12
    assert cost.estimators["latency_s"] == "precise"
    assert list(cost.unknown())[-1] == "energy_j is unknown, because no power is known"
    assert "flash_bytes is unknown, because no estimator in use gives it" in list(cost.unknown())


def test_a_known_answer_wins_over_an_unknown_one(graph: ModelGraph) -> None:
    cost = estimate(graph, DEVICE, {
        "a": answering(latency_s=CostNumber.unknown("x")), "b": answering(latency_s=CostNumber.within(1.0, 0, 99)),
    })  # fmt: skip
    assert cost.latency.value == 1.0


def test_nodes_have_each_cost_from_whoever_gave_the_total(graph: ModelGraph) -> None:
    def with_nodes(value: float, width: float) -> Any:
        number = CostNumber.within(value, 1, width)
        node = NodeCost("0", "linear", {"latency_s": number, "macs": number})
        return lambda _graph, device: Cost(
            device=device.name, totals={"latency_s": number}, nodes=(node,), coverage=Coverage(value, value)
        )

    cost = estimate(graph, DEVICE, {"wide": with_nodes(0.5, 9), "narrow": with_nodes(0.25, 2)})
    assert cost.nodes[0].costs["latency_s"].value == 0.25
    assert "macs" not in cost.nodes[0].costs
    assert cost.coverage == Coverage(0.25, 0.25)


def test_an_estimator_that_fails_is_noted_and_the_others_answer(graph: ModelGraph) -> None:
    def broken(_graph: Any, _device: Any) -> Cost:
        raise ZeroDivisionError("no clock")

    cost = estimate(graph, DEVICE, {
        "broken": broken, "nonsense": lambda _graph, _device: 3, "negative": answering(macs=CostNumber.exact(-1)),
        "unheard": answering(beauty=CostNumber.exact(1)), "good": answering(macs=CostNumber.exact(5)),
    })  # fmt: skip
    assert cost.macs.value == 5
    assert "broken raised ZeroDivisionError: no clock" in cost.notes
    assert any("gave int instead of a Cost" in note for note in cost.notes)
    assert any("below 0" in note for note in cost.notes)
    assert any("'beauty', which is no cost" in note for note in cost.notes)


def test_a_strangers_estimator_comes_from_a_file(graph: ModelGraph, tmp_path: Path) -> None:
    (tmp_path / "stranger.py").write_text(STRANGER)
    registry = Registry.of(installed=False, files=[tmp_path / "stranger.py"])
    cost = estimate(graph, DEVICE, estimators_of(registry))
    assert cost.latency.value == pytest.approx(1e-6 * len(graph))


def test_no_estimator_at_all_is_refused(graph: ModelGraph) -> None:
    with pytest.raises(PluginError, match="no plugin in use offers one"):
        estimate(graph, DEVICE, {})


ASKED = '''
from nadoo_core.cost import Cost, CostNumber
from nadoo_core.registry import Plugin, hookimpl

class Slow:
    """Takes long, and looks at what plugins offer."""
    on_request = True
    def __init__(self, registry):
        self.many = len(registry.names("estimators"))
    def __call__(self, graph, device):
        return Cost(device=device.name, totals={"energy_j": CostNumber.exact(self.many)})

@hookimpl
def nadoo_plugin():
    return Plugin(api=1, estimators={"slow": Slow})
'''


def test_one_that_takes_long_is_asked_by_name_alone_and_gets_the_registry(tmp_path: Path, graph: ModelGraph) -> None:
    (tmp_path / "asked.py").write_text(ASKED, encoding="utf-8")
    registry = Registry.of(files=[tmp_path / "asked.py"])
    assert "slow" not in estimators_of(registry)
    cost = estimate(graph, DEVICE, estimators_of(registry, ["slow"]))
    assert cost.energy.value == len(registry.names("estimators"))

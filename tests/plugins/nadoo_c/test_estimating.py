"""The estimator `emulated`: numbers of compiled C, reasons where there are none, and counts that are kept."""

from pathlib import Path

import pytest
import torch
from attrs import evolve
from torch import nn

from nadoo_c.emulating import emulate_folder
from nadoo_c.estimating import Emulated
from nadoo_c.exporting import Options, export
from nadoo_c.kernels import KernelTable
from nadoo_core.cost import Device, estimate, estimators_of, find_device
from nadoo_core.registry import Registry
from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from tests.core.command_line.calling import call


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of its own, so that nothing is known before."""
    monkeypatch.setenv("NADOO_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def network() -> ModelGraph:
    torch.manual_seed(1)
    module = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    return capture(module, (torch.randn(2, 1, 6, 6),))


def device(name: str) -> Device:
    return find_device(name, Registry.of())


def test_the_estimate_is_what_an_export_is_measured_at(tmp_path: Path) -> None:
    graph, registry = network(), Registry.of()
    cost = estimate(graph, device("stm32f401"), estimators_of(registry, ["emulated"]))
    folder = tmp_path / "c"
    folder.mkdir()
    artifact = export(graph, folder, Options(name="model"), (), KernelTable.of(registry))
    found = emulate_folder(folder, "m4")
    assert cost.flash.value == found["flash_bytes"]
    assert cost.ram.value == artifact.report["memory"]["ram_bytes"] + found["stack_bytes"]
    assert cost.ram.width == cost.flash.width == 0
    assert cost.macs.value == 4 * 36 * 9 + 4 * 36 * 5
    assert cost.latency.value is not None
    assert cost.latency.low is not None
    assert 0 < cost.latency.low < cost.latency.value
    assert "not checked against published cycles" in cost.ranges["latency_s"]
    assert {node.name for node in cost.nodes} <= {node.name for node in graph.nodes()}
    assert (
        0.9 * cost.latency.value < sum(node.costs["latency_s"].value or 0 for node in cost.nodes) < cost.latency.value
    )


def test_what_is_missing_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    emulated = Emulated()
    cost = emulated(network(), device("esp32"))
    assert "flash_bytes is unknown, because device 'esp32': has Xtensa LX6, which is not emulated" in " ".join(
        cost.unknown()
    )
    assert emulated(network(), device("rp2040")).latency.reasons == (
        "unknown because rp2040 runs from flash and does not say its wait states",
    )
    monkeypatch.setitem(__import__("sys").modules, "ziglang", None)
    assert "pip install 'nadoo[emulator]'" in " ".join(emulated(network(), device("stm32f103")).unknown())


def test_a_graph_that_cannot_be_exported_says_why() -> None:
    graph = capture(nn.ConvTranspose2d(1, 1, 2), (torch.randn(2, 1, 4, 4),))
    cost = Emulated()(graph, device("stm32f401"))
    assert "has no kernel: replace it by an upsample and a convolution" in " ".join(cost.unknown())
    assert cost.macs.known


def test_counts_are_kept_by_graph_and_device(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    first = Emulated()(network(), device("stm32f401"))
    assert len(list((store / "notes").glob("*.json"))) == 1

    def fails(*_: object) -> None:
        pytest.fail("was counted again")

    monkeypatch.setattr("nadoo_c.estimating.emulated_counts", fails)
    assert Emulated()(network(), device("stm32f401")) == first
    other = device("stm32f401")
    with pytest.raises(pytest.fail.Exception):
        Emulated()(network(), evolve(other, cycles={}))


def test_it_is_asked_only_by_name(tmp_path: Path) -> None:
    assert "emulated" not in estimators_of(Registry.of())
    network().save(tmp_path / "net")
    arguments = ("estimate", str(tmp_path / "net"), "--device", "stm32f401")
    document = call(*arguments, "--estimator", "emulated", "--json").document[0]
    assert document["estimators"] == dict.fromkeys(document["estimators"], "emulated")
    assert document["flash_bytes"] == document["flash_bytes_low"] > 0
    assert call(*arguments, "--json").document[0]["estimators"]["flash_bytes"] == "analytic"

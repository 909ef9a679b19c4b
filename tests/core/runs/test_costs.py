"""Costs in runs: counted at every step, estimated for the target, held to a budget, and there for passes to ask."""

from pathlib import Path

import pytest

from nadoo_core.errors import ContextError, RecipeError
from nadoo_core.recipe import read_recipe_text
from nadoo_core.registry import Registry
from nadoo_core.runs import RunStoppedError, run
from nadoo_core.runs.costing import Costing
from nadoo_graphs.graph import ModelGraph
from tests.core.runs.toys import DATA, PASSES, toy_graph, toy_recipe, toy_run

STEP = '[[step]]\npass = "scale-weights"\nfactor = 0.9\n'
TARGET = '[target]\ndevice = "stm32f401"\nbudget = { flash = "FLASH", accuracy = 0.01 }\n'


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.of(files=[PASSES])


def test_without_a_device_work_and_bytes_are_counted(tmp_path: Path) -> None:
    ledger = toy_run(tmp_path).ledger
    assert ledger["original"]["cost"] == {
        "parameters": 195, "weight_bytes": 780, "value_bytes": ledger["original"]["cost"]["value_bytes"], "macs": 176,
    }  # fmt: skip
    assert all(step["cost"]["macs"] == 176 for step in ledger["steps"])


def test_a_target_adds_its_costs_to_every_step(tmp_path: Path, registry: Registry) -> None:
    recipe = read_recipe_text(DATA + STEP + TARGET.replace("FLASH", "64 KiB"), registry=registry)
    result = run(recipe, model=toy_graph(), out=tmp_path / "out", store=tmp_path / "store", registry=registry)
    cost = result.ledger["steps"][0]["cost"]
    assert cost["device"] == "stm32f401"
    assert cost["flash_bytes_low"] <= cost["flash_bytes"] <= cost["flash_bytes_high"]
    assert 780 < cost["flash_bytes"] < 64 * 1024
    assert cost["coverage"] == {"macs": 1.0, "bytes": 1.0}
    assert [verdict["exceeded"] for verdict in result.ledger["result"]["budget"]] == [False, False]


def test_a_result_beyond_its_budget_is_complete_and_ends_the_run_with_an_error(
    tmp_path: Path, registry: Registry
) -> None:
    recipe = read_recipe_text(DATA + STEP + TARGET.replace("FLASH", "1 KiB"), registry=registry)
    with pytest.raises(
        RunStoppedError, match=r"budget flash: allows at most 1024, the result has .* too far; "
    ) as stopped:
        run(recipe, model=toy_graph(), out=tmp_path / "out", store=tmp_path / "store", registry=registry)
    assert stopped.value.ledger["result"]["budget"][0]["exceeded"]
    saved = ModelGraph.load(tmp_path / "out" / "graph")
    assert saved.fingerprint() == stopped.value.ledger["result"]["fingerprint"]


def test_a_device_that_nobody_offers_is_refused_before_anything_runs() -> None:
    with pytest.raises(RecipeError, match=r"device 'stm32f410': .*did you mean 'stm32f401'"):
        toy_recipe(STEP, top='[target]\ndevice = "stm32f410"\n')


def test_a_pass_may_ask_what_a_graph_costs(registry: Registry) -> None:
    recipe = read_recipe_text(DATA + STEP + TARGET.replace("FLASH", "1 KiB"), registry=registry)
    costing = Costing(recipe, registry)
    assert costing.estimate(toy_graph()).latency.known
    assert costing.estimate(toy_graph(), "raspberry_pi").device == "raspberry-pi-4"
    with pytest.raises(ContextError, match="names no device; add device to"):
        Costing(toy_recipe(STEP), registry).estimate(toy_graph())

"""The quickstart: every step does something, nothing is lost, and the model that comes out is good and smaller."""

from pathlib import Path
from typing import Any

import pytest

from nadoo_core.recipe import read_recipe
from nadoo_core.registry import Registry
from nadoo_core.runs import RunResult, run
from nadoo_graphs.counting import count

TRAINING = ("train", "heal")
Metrics = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """The quickstart, run once."""
    home = tmp_path_factory.mktemp("quickstart")
    return run("quickstart", out=home / "out", store=home / "store")


def test_every_recipe_of_the_package_can_be_read_and_is_installed_with_it() -> None:
    registry = Registry.of()
    names = [offer.name for offer in registry.offers("recipes") if offer.plugin == "nadoo_recipes"]
    assert "quickstart" in names
    for name in names:
        assert read_recipe(name, registry=registry).steps
    files = {path.name for path in Path(__file__).parents[2].glob("recipes/nadoo_recipes/*.toml")}
    assert files == {f"{name}.toml" for name in names}


def test_it_has_at_least_four_steps_and_each_does_something(result: RunResult) -> None:
    assert len(result.steps) >= 4
    assert [step["name"] for step in result.steps if step["state"] != "done"] == []
    assert [step["name"] for step in result.steps if not any(step["changes"].values())] == []


def test_exact_steps_cost_nothing(result: RunResult) -> None:
    before: Metrics = {}
    for step in result.steps:
        if step["name"] not in TRAINING:
            assert step["metrics"]["accuracy"] == before["accuracy"]
            assert step["metrics"]["loss"]["value"] == pytest.approx(before["loss"]["value"], rel=1e-4)
        before = step["metrics"]


def test_the_result_is_good_and_smaller(result: RunResult) -> None:
    test = result.ledger["result"]["test"]
    assert test["accuracy"]["value"] > 0.95
    assert test["accuracy"]["count"] == 359
    assert count(result.graph).parameters < 16_000
    assert not result.graph.nodes(op="batch_norm")


def test_the_result_is_saved(result: RunResult) -> None:
    assert result.out is not None
    assert (result.out / "graph" / "graph.json").is_file()
    assert (result.out / "ledger.json").is_file()

"""The recipes of quantization: the digits recipe ends with integers that are right, the general one takes any model."""

from pathlib import Path

import pytest

import nadoo_core as nadoo
from nadoo_core.runs import RunResult, run
from nadoo_recipes.models import digits_cnn


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """The digits recipe, run once."""
    home = tmp_path_factory.mktemp("digits-int4")
    return run("digits-int4", out=home / "out", store=home / "store")


def test_the_digits_recipe_gives_a_good_network_of_integers(result: RunResult) -> None:
    assert result.ledger["result"]["test"]["accuracy"]["value"] > 0.95
    layers = result.graph.nodes(op=("quantized_conv2d", "quantized_linear"))
    assert [node.attributes["weight_format"] for node in layers][:2] == ["int8", "int4"]
    assert not result.graph.nodes(op=("conv2d", "linear", "batch_norm", "relu"))


def test_the_ledger_says_what_each_layer_lost(result: RunResult) -> None:
    (step,) = [step for step in result.steps if step["pass"] == "quantize"]
    rows = step["checks"]["tables"]["layers"]
    assert len(rows) == 5
    assert all(row["output_snr_db"] > 5 for row in rows)


def test_healing_logs_clip_and_entropy(result: RunResult) -> None:
    (step,) = [step for step in result.steps if step["name"] == "heal"]
    extra = step["training"][0]["epochs"][0]["extra"]
    assert {key.partition(" ")[0] for key in extra} == {"clip", "entropy"}


def test_the_general_recipe_takes_any_model(tmp_path: Path) -> None:
    recipe = tmp_path / "own.toml"
    recipe.write_text('extends = "post-training"\n[data]\ndataset = "digits"\ncalibration = 64\n', encoding="utf-8")
    found = nadoo.run(recipe, model=digits_cnn(4, 8), out=tmp_path / "out", store=tmp_path / "store")
    assert found.graph.nodes(op="quantized_conv2d")
    assert not found.graph.nodes(op="batch_norm")

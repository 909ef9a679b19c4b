"""`nadoo layers`: of a saved graph and of a run, for people and for programs, and for what has no such layers."""

from pathlib import Path

import pytest

from nadoo_core.passes import LayerTable
from nadoo_core.runs import run
from nadoo_quantization.quantize import Quantize
from tests.core.command_line.calling import call
from tests.plugins.nadoo_quantization.networks import context, correlated, perceptron

RECIPE = """
name = "small"
[model]
python = "nadoo_recipes.models:digits_cnn"
[data]
dataset = "digits"
calibration = 32
[[step]]
pass = "fold-batch-norm"
[[step]]
pass = "quantize"
weights = "int4"
rounding = "nearest"
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quantized graph in a folder."""
    found = Quantize(weights=LayerTable({"*": "4bitsym"})).run(perceptron(), context(correlated())).graph
    return found.save(tmp_path_factory.mktemp("saved") / "graph")


def test_a_saved_graph_says_what_its_weights_say(saved: Path) -> None:
    rows = call("layers", saved, "--json").document["layers"]
    assert [(row["layer"], row["format"]) for row in rows] == [("0", "4bitsym"), ("2", "4bitsym"), ("4", "4bitsym")]
    assert all(0 < row["capacity_used"] <= 1 for row in rows)


def test_people_get_a_table(saved: Path) -> None:
    answer = call("layers", saved)
    assert answer.code == 0
    assert "4bitsym" in answer.text
    assert "entropy" in answer.text
    assert "accuracy alone" not in answer.text


def test_a_run_shows_the_outputs_too(tmp_path: Path) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    result = run(recipe, out=tmp_path / "out", store=tmp_path / "store")
    rows = call("layers", result.out, "--json").document["layers"]
    assert len(rows) == 5
    assert all(row["output_snr_db"] > 0 for row in rows)


def test_a_model_without_quantized_layers_is_refused(tmp_path: Path) -> None:
    answer = call("layers", perceptron().save(tmp_path / "float"))
    assert answer.code != 0
    assert 'pass = "quantize"' in answer.errors

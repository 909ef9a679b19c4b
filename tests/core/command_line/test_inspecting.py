"""inspect and diff: a model at a glance, and two of them side by side; what MODEL may be."""

from pathlib import Path

import pytest

from nadoo_graphs.graph import ModelGraph
from tests.core.command_line.calling import call
from tests.core.command_line.conftest import two_layers

MODELS = """
from torch import nn

def tiny(): return nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
def number(): return 7
def broken(): raise ValueError("no weights today")
"""

IMPORTER = """
from nadoo_core.registry import Plugin, hookimpl
from nadoo_graphs.saving import load

@hookimpl
def nadoo_plugin():
    return Plugin(api=1, importers={"linked": lambda path: load(path.read_text().strip())})
"""


@pytest.fixture
def models(home: Path) -> str:
    """A Python file with functions that make models, and some that do not."""
    (home / "models.py").write_text(MODELS, encoding="utf-8")
    return "models.py"


def test_inspect_counts_what_a_person_would_count(home: Path) -> None:
    document = call("inspect", "graph", "--json").document
    assert document["parameters"] == 4 * 8 + 8 * 2
    assert document["macs"] == 4 * 8 + 8 * 2
    assert document["weight_bytes"] == 4 * document["parameters"]
    assert document["ram_bytes"] == 4 * (4 + 8)
    assert [node["op"] for node in document["nodes"]] == ["input", "linear", "linear", "output"]
    assert document["unmodelled"] == []


def test_inspect_prints_nodes_and_sums(home: Path) -> None:
    lines = call("inspect", home / "graph").text.splitlines()
    assert lines[0].split() == ["node", "op", "output", "parameters", "MACs"]
    assert "48 parameters, 192 B" in "\n".join(lines)


def test_the_file_of_a_graph_means_its_folder() -> None:
    assert call("inspect", "graph/graph.json", "--json").document == call("inspect", "graph", "--json").document


def test_a_symbolic_size_has_the_value_that_it_is_given() -> None:
    single, five = (call("inspect", "graph", "--json", *more).document for more in ((), ("--size", "N=5")))
    assert five["macs"] == 5 * single["macs"]
    assert five["sizes"] == {"N": 5}


@pytest.mark.parametrize("size", ["N", "N=", "N=five", "=5"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    answer = call("inspect", "graph", "--size", size)
    assert answer.code == 2
    assert f"--size {size}: is not NAME=NUMBER" in answer.errors


def test_a_symbol_without_a_value_is_asked_for(home: Path) -> None:
    graph = ModelGraph("sequence")
    value = graph.add_input("x", ("N", "T", 4))
    graph.set_outputs([graph.add("relu", [value], name="rectify")])
    graph.save(home / "sequence")
    answer = call("inspect", "sequence")
    assert (answer.code, "give one, such as --size T=16" in answer.errors) == (2, True)
    assert call("inspect", "sequence", "--size", "T=3", "--json").document["sizes"] == {"N": 1, "T": 3}


def test_inspect_draws(home: Path) -> None:
    assert "picture.svg" in call("inspect", "graph", "--svg", "picture.svg").text
    assert (home / "picture.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nowhere", "N11 MODEL 'nowhere': is not there; give the folder of a saved graph or of a run"),
        ("tiny.toml", "is a file that no plugin in use reads; allowed: graph.json"),
        ("empty", "holds no graph.json"),
        ("digits-cnn", "is a module, which is captured by running it; say with what: --input 1,3,32,32"),
        ("nadoo_recipes.models:digit_cnn", "did you mean 'digits_cnn'"),
        ("nadoo_recipes.models:", "give package.module:function"),
    ],
)
def test_a_model_that_cannot_be_had_is_refused(model: str, message: str) -> None:
    answer = call("inspect", model)
    assert answer.code == 2
    assert message in answer.errors


def test_a_model_that_a_plugin_offers_is_found_by_name() -> None:
    document = call("inspect", "digits-cnn", "--input", "1,1,8,8", "--json").document
    assert document["inputs"] == {"input": "float32[N, 1, 8, 8]"}


def test_an_input_has_sizes_and_may_have_a_dtype() -> None:
    answer = call(
        "inspect", "digits-cnn", "--input", "1,1,8,eight", "--input", "1,8:text", "--input", "2x1x8x8:float32"
    )
    assert answer.code == 2
    assert "is '1,1,8,eight'; give sizes separated by commas" in answer.errors
    assert "dtype" in answer.errors


def test_code_that_is_not_installed_runs_only_where_it_is_trusted(models: str) -> None:
    refused = call("inspect", f"{models}:tiny", "--input", "1,4")
    assert refused.code == 2
    assert "N14" in refused.errors
    assert call("inspect", f"{models}:tiny", "--input", "1,4", "--trust", "--json").document["parameters"] == 58


@pytest.mark.parametrize(
    ("function", "code", "message"),
    [
        ("number", 2, "gives int; name a function that gives a torch module or a ModelGraph"),
        ("broken", 1, "raised ValueError: no weights today"),
        ("tinny", 2, "did you mean 'tiny'"),
    ],
)
def test_a_function_that_gives_no_model_is_named(models: str, function: str, code: int, message: str) -> None:
    answer = call("inspect", f"{models}:{function}", "--input", "1,4", "--trust")
    assert (answer.code, message in answer.errors) == (code, True)


def test_an_altered_graph_is_refused(home: Path) -> None:
    path = home / "graph" / "graph.json"
    path.write_text(path.read_text(encoding="utf-8").replace("linear", "linaer"), encoding="utf-8")
    answer = call("inspect", "graph")
    assert answer.code == 2
    assert "linaer" in answer.errors


def test_a_file_is_read_by_the_importer_of_its_suffix(home: Path) -> None:
    (home / "importer.py").write_text(IMPORTER, encoding="utf-8")
    (home / "model.linked").write_text("graph", encoding="utf-8")
    assert call("inspect", "model.linked").code == 2
    assert call("inspect", "model.linked", "--plugin", "importer.py", "--json").document["parameters"] == 48


def test_equal_graphs_have_no_difference() -> None:
    assert call("diff", "graph", "graph").text.strip() == "graphs: no difference"
    assert call("diff", "graph", "graph", "--json").document == {"graph": []}


def test_diff_names_what_differs_in_two_graphs(home: Path) -> None:
    two_layers(width=6).save(home / "narrow")
    answer = call("diff", "graph", "narrow")
    assert answer.code == 0
    assert "~ first: output: float32[N, 8] → float32[N, 6]" in answer.text


def test_a_long_difference_is_cut_unless_all_is_asked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_layers(width=6).save(home / "narrow")
    monkeypatch.setattr("nadoo_core.command_line.diff.MOST_LINES", 1)
    assert "more lines; --all lists them" in call("diff", "graph", "narrow").text
    assert "more lines" not in call("diff", "graph", "narrow", "--all").text


@pytest.mark.parametrize("other", ["nowhere", "tiny.toml", "empty"])
def test_what_is_no_run_cannot_be_compared(other: str) -> None:
    answer = call("diff", "graph", other)
    assert answer.code == 2
    assert f"{other!r}" in answer.errors


def test_inspect_says_what_a_device_would_take(home: Path) -> None:
    document = call("inspect", "graph", "--device", "stm32f401", "--json").document
    assert document["cost"]["device"] == "stm32f401"
    assert document["cost"]["flash_bytes"] > document["weight_bytes"]
    text = call("inspect", "graph", "--device", "stm32f401").text
    assert "latency" in text


def test_plan_shows_costs_and_the_budget(home: Path) -> None:
    recipe = '[model]\nfile = "graph"\n[target]\ndevice = "stm32f401"\nbudget = { flash = "100 B" }\n'
    (home / "p.toml").write_text(recipe + '[[step]]\npass = "merge-linear"\n', encoding="utf-8")
    document = call("plan", "p.toml", "--json").document
    assert document["budget"][0]["exceeded"]
    assert document["steps"][0]["cost"]["macs"] == 8
    text = call("plan", "p.toml").text
    assert "on stm32f401: flash" in text
    assert "budget flash:" in text

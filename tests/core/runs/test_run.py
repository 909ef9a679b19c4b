"""A run from its first to its last line: what it writes, what it says, and that a second one repeats nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from nadoo_core.errors import RecipeError, RunError
from nadoo_core.runs import RunObserver, ledger_schema, read_ledger
from nadoo_graphs.graph import ModelGraph
from tests.core.runs.toys import STEPS, states, toy_graph, toy_recipe, toy_run

REQUIRED = ("name", "pass", "fingerprint", "key", "reused", "changes", "metrics", "seconds")


def test_a_run_writes_a_ledger_and_the_result(tmp_path: Path) -> None:
    result = toy_run(tmp_path)
    assert json.loads((tmp_path / "out" / "ledger.json").read_text()) == result.ledger
    assert read_ledger(tmp_path / "out") == result.ledger
    assert ModelGraph.load(tmp_path / "out" / "graph").fingerprint() == result.fingerprint
    assert result.graph.fingerprint() == result.fingerprint
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".nadoo-lock", "graph", "ledger.json"]


def test_the_ledger_has_a_line_for_every_step(tmp_path: Path) -> None:
    ledger = toy_run(tmp_path).ledger
    assert ledger["state"] == "done"
    assert [step["name"] for step in ledger["steps"]] == ["scale-weights", "rename", "jitter"]
    assert all(set(REQUIRED) <= step.keys() for step in ledger["steps"])
    fingerprints = [ledger["model"]["fingerprint"], *(step["fingerprint"] for step in ledger["steps"])]
    assert [step["parent"] for step in ledger["steps"]] == fingerprints[:-1]
    assert ledger["result"]["fingerprint"] == fingerprints[-1]
    assert len(set(fingerprints)) == 4


def test_metrics_come_with_their_count_and_standard_error(tmp_path: Path) -> None:
    ledger = toy_run(tmp_path).ledger
    measured = [ledger["original"]["metrics"], *(step["metrics"] for step in ledger["steps"]), ledger["result"]["test"]]
    for metrics in measured:
        assert set(metrics) == {"loss", "accuracy"}
        assert all(set(value) == {"value", "count", "standard_error"} for value in metrics.values())
    assert ledger["original"]["metrics"]["loss"]["count"] == 100
    assert ledger["result"]["test"]["loss"]["count"] == 50
    assert ledger["result"]["original_test"]["loss"]["count"] == 50


def test_the_metrics_are_those_of_the_graphs(tmp_path: Path) -> None:
    """Law: a number in the ledger is the number that the saved graph has on the same examples."""
    from nadoo_core.data import split_roles
    from nadoo_core.evaluation import Evaluator

    recipe = toy_recipe()
    result = toy_run(tmp_path, recipe)
    roles = split_roles(recipe.dataset, 0.5, 32, recipe.seed)
    expected = Evaluator().measure(ModelGraph.load(tmp_path / "out" / "graph"), roles.validation)
    assert result.ledger["result"]["metrics"]["loss"]["value"] == expected["loss"].value


def test_the_nodes_that_lost_most_are_named_the_worst_first(tmp_path: Path) -> None:
    step = toy_run(tmp_path).steps[0]
    values = [line["signal_to_noise_db"] for line in step["fidelity"]]
    assert {line["node"] for line in step["fidelity"]} == {"0", "1", "2"}
    assert values == sorted(values)
    assert values[-1] == pytest.approx(20, abs=5)


def test_an_exact_step_names_no_node_that_lost(tmp_path: Path) -> None:
    assert toy_run(tmp_path, toy_recipe('[[step]]\npass = "rename"\n')).steps[0]["fidelity"] == []


def test_the_ledger_is_as_its_schema_says(tmp_path: Path) -> None:
    ledger, schema = toy_run(tmp_path).ledger, ledger_schema()
    assert set(schema["required"]) <= ledger.keys() <= set(schema["properties"])
    step = schema["properties"]["steps"]["items"]
    for line in ledger["steps"]:
        assert set(step["required"]) <= line.keys() <= set(step["properties"])
        assert line["state"] in step["properties"]["state"]["enum"]


def test_a_second_run_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_CALLS", str(tmp_path / "calls"))
    first = toy_run(tmp_path)
    calls = (tmp_path / "calls").read_text()
    monkeypatch.setattr("nadoo_core.runs.bench.Bench.measure", lambda *_: pytest.fail("was measured again"))
    monkeypatch.setattr("nadoo_core.store.store.load_graph", lambda *_: pytest.fail("was loaded"))
    second = toy_run(tmp_path, out=None)
    assert (tmp_path / "calls").read_text() == calls
    assert second.fingerprint == first.fingerprint
    assert [step["reused"] for step in second.steps] == [True] * 3
    assert [step["metrics"] for step in second.steps] == [step["metrics"] for step in first.steps]
    assert second.ledger["result"] == first.ledger["result"]


def test_a_second_run_loads_only_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nadoo_core.store import store as module

    toy_run(tmp_path)
    real, loaded = module.load_graph, list[str]()
    monkeypatch.setattr(module, "load_graph", lambda entry, ops: loaded.append(entry.title) or real(entry, ops))
    toy_run(tmp_path)
    assert loaded == ["recipe: jitter"]


@pytest.mark.parametrize(
    ("change", "reused"),
    [
        ("jitter.size=0.5", [True, True, False]),
        ("rename.suffix=y", [True, False, False]),
        ("seed=2", [False, False, False]),
        ("data.calibration=16", [False, False, False]),
        ("data.options.noise=0.1", [False, False, False]),
        ("evaluation.metric=auc", [False, False, False]),
        ("jitter.limit.loss_rise=100", [True, True, True]),
        ("jitter.require.min_changed=1", [True, True, True]),
        ("name=other", [True, True, True]),
    ],
)
def test_a_key_follows_from_what_decides_a_result_and_nothing_else(
    change: str, reused: list[bool], tmp_path: Path
) -> None:
    toy_run(tmp_path)
    assert [step["reused"] for step in toy_run(tmp_path, toy_recipe(changes=[change])).steps] == reused


def test_inserting_a_step_reseeds_nothing_else(tmp_path: Path) -> None:
    """Law: random numbers follow from the seed and the step's name, not from its place."""
    jitter = '[[step]]\npass = "jitter"\n'
    rename = '[[step]]\npass = "rename"\n'
    with_step = toy_run(tmp_path, toy_recipe(rename + jitter)).graph
    without = toy_run(tmp_path, toy_recipe(jitter)).graph
    assert torch.equal(with_step.tensor("0.weight"), without.tensor("0.weight"))


def test_the_graph_that_was_given_is_untouched(tmp_path: Path) -> None:
    before = toy_graph().fingerprint()
    toy_run(tmp_path)
    assert toy_graph().fingerprint() == before


def test_until_ends_early_and_leaves_the_test_set_alone(tmp_path: Path) -> None:
    result = toy_run(tmp_path, until="rename")
    assert [step["name"] for step in result.steps] == ["scale-weights", "rename"]
    assert "test" not in result.ledger["result"]
    assert result.ledger["notes"] == ["the test set was not read, because the run ended early on request"]
    assert ModelGraph.load(tmp_path / "out" / "graph").fingerprint() == result.steps[-1]["fingerprint"]


def test_until_an_unknown_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"--until renam: is no step; did you mean 'rename'\?"):
        toy_run(tmp_path, until="renam")
    assert not (tmp_path / "out").exists()


def test_every_steps_graph_is_kept_on_request(tmp_path: Path) -> None:
    result = toy_run(tmp_path, keep_steps=True)
    folders = sorted((tmp_path / "out" / "steps").iterdir())
    assert [folder.name for folder in folders] == ["01-scale-weights", "02-rename", "03-jitter"]
    found = [ModelGraph.load(folder).fingerprint() for folder in folders]
    assert found == [step["fingerprint"] for step in result.steps]


def test_a_run_without_steps_gives_the_model_back(tmp_path: Path) -> None:
    result = toy_run(tmp_path, toy_recipe(""))
    assert result.fingerprint == toy_graph().fingerprint()
    assert ModelGraph.load(tmp_path / "out" / "graph").fingerprint() == result.fingerprint


def test_without_a_folder_only_the_store_is_written(tmp_path: Path) -> None:
    result = toy_run(tmp_path, out=None)
    assert result.out is None
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert result.graph.fingerprint() == result.fingerprint


def test_attribution_says_what_each_step_really_did(tmp_path: Path) -> None:
    """Law: a step's effect is the metric with it minus the metric of the run without it."""
    result = toy_run(tmp_path, attribution=True)
    without = toy_run(tmp_path, toy_recipe(STEPS.replace('[[step]]\npass = "jitter"\n', "")))
    line = result.ledger["attribution"][2]
    loss = result.ledger["result"]["metrics"]["loss"]["value"]
    assert [item["name"] for item in result.ledger["attribution"]] == ["scale-weights", "rename", "jitter"]
    assert line["metrics"] == without.ledger["result"]["metrics"]
    assert line["effect"]["loss"] == loss - line["metrics"]["loss"]["value"]
    assert result.ledger["attribution"][1]["effect"]["loss"] == 0


def test_attribution_says_why_a_step_cannot_be_left_out(tmp_path: Path) -> None:
    steps = '[[step]]\npass = "measure"\namount = 0.1\n[[step]]\npass = "needs-calibration"\n'
    lines = toy_run(tmp_path, toy_recipe(steps), attribution=True).ledger["attribution"]
    assert lines[0]["effect"] is None
    assert "needs the property 'calibrated'" in lines[0]["reason"]
    assert lines[1]["reason"] is None


class Recorder(RunObserver):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def run_started(self, name: str, steps: tuple[str, ...]) -> None:
        self.told.append(f"run {name} {len(steps)}")

    def step_started(self, name: str, index: int, total: int) -> None:
        self.told.append(f"{name} {index}/{total}")

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        self.told.append("progress")

    def step_finished(self, step: Mapping[str, Any]) -> None:
        self.told.append(f"{step['name']} {step['state']}")

    def run_finished(self, ledger: Mapping[str, Any]) -> None:
        self.told.append(f"run {ledger['state']}")


def test_an_observer_is_told_everything_in_order(tmp_path: Path) -> None:
    watch = Recorder()
    toy_run(tmp_path, toy_recipe('[[step]]\npass = "learn"\n'), observer=watch)
    assert [line for line in watch.told if line != "progress"] == [
        "run recipe 1", "learn 1/1", "learn done", "run done",
    ]  # fmt: skip
    assert "progress" in watch.told


def test_an_observer_that_raises_disturbs_nothing(tmp_path: Path) -> None:
    class Rude(RunObserver):
        def step_started(self, name: str, index: int, total: int) -> None:
            raise ValueError("rude")

    result = toy_run(tmp_path, observer=Rude())
    assert states(result.ledger) == ["done"] * 3
    assert "an observer raised ValueError at step_started: rude" in result.ledger["notes"]


def test_without_data_a_model_is_compared_with_itself(tmp_path: Path) -> None:
    recipe = toy_recipe('[[step]]\npass = "rename"\n[[step]]\npass = "scale-weights"\nfactor = 0.9\n', data="")
    result = toy_run(tmp_path, recipe)
    metrics = [step["metrics"] for step in result.steps]
    assert metrics[0]["signal_to_noise_db"]["value"] == "inf"
    assert 5 < metrics[1]["signal_to_noise_db"]["value"] < 40
    assert metrics[1]["agreement"]["count"] == 32
    assert "test" not in result.ledger["result"]


def test_training_is_logged_epoch_by_epoch_and_its_checkpoints_are_removed(tmp_path: Path) -> None:
    result = toy_run(tmp_path, toy_recipe('[[step]]\npass = "learn"\nepochs = 2\n'))
    step = result.steps[0]
    assert [epoch["epoch"] for epoch in step["training"][0]["epochs"]] == [0, 1]
    assert list((tmp_path / "store" / "trainings").iterdir()) == []
    before, after = result.ledger["original"]["metrics"]["loss"]["value"], step["metrics"]["loss"]["value"]
    assert after < before


def test_a_file_that_a_pass_reads_is_part_of_the_key(tmp_path: Path) -> None:
    from nadoo_core.recipe import read_recipe_text
    from tests.core.runs.toys import DATA, toy_registry

    def recipe() -> Any:
        text = f'{DATA}[[step]]\npass = "read-file"\nfile = "number.txt"\n'
        return read_recipe_text(text, folder=tmp_path, registry=toy_registry())

    (tmp_path / "number.txt").write_text("1")
    first = toy_run(tmp_path, recipe())
    again = toy_run(tmp_path, recipe())
    (tmp_path / "number.txt").write_text("2")
    second = toy_run(tmp_path, recipe())
    assert [run.steps[0]["reused"] for run in (first, again, second)] == [False, True, False]
    assert first.fingerprint != second.fingerprint


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()
    with pytest.raises(RunError, match=r"holds thesis\.tex and no ledger\.json"):
        toy_run(tmp_path)


def test_a_recipe_that_is_run_again_with_fewer_steps_leaves_nothing_old(tmp_path: Path) -> None:
    toy_run(tmp_path, keep_steps=True)
    result = toy_run(tmp_path, toy_recipe('[[step]]\npass = "rename"\n'))
    assert not (tmp_path / "out" / "steps").exists()
    assert ModelGraph.load(tmp_path / "out" / "graph").fingerprint() == result.fingerprint

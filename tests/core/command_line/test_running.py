"""init, plan, run, store and diff of runs: from a model to a result, and every way in which that can stop."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.command_line.calling import call

STEP = '\n[[step]]\npass = "{name}"\n'


def with_steps(home: Path, *lines: str) -> Path:
    """The small recipe with further lines."""
    path = home / "more.toml"
    path.write_text((home / "tiny.toml").read_text(encoding="utf-8") + "\n".join(lines), encoding="utf-8")
    return path


# --- init -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["graph", "nadoo_recipes.models:digits_cnn", "digits-cnn"])
def test_init_writes_a_recipe_that_can_be_read(home: Path, model: str) -> None:
    answer = call("init", model)
    assert answer.code == 0
    assert "nadoo plan recipe.toml" in answer.text
    plan = call("plan", "recipe.toml", "--set", "model.inputs=[[1,1,8,8]]" if model != "graph" else "seed=1")
    assert plan.code == 0, plan.errors


def test_the_recipe_of_a_saved_graph_runs_as_it_was_written() -> None:
    call("init", "graph", "--name", "mine", "--out", "mine.toml")
    assert call("run", "mine.toml", "--json").document["recipe"]["name"] == "mine"


def test_init_writes_over_nothing_unless_forced(home: Path) -> None:
    (home / "recipe.toml").write_text("precious", encoding="utf-8")
    answer = call("init", "graph")
    assert answer.code == 2
    assert "is there already" in answer.errors
    assert (home / "recipe.toml").read_text(encoding="utf-8") == "precious"
    assert call("init", "graph", "--force", "--json").document == {"recipe": "recipe.toml"}


def test_init_refuses_a_model_that_the_recipe_could_not_reach(home: Path) -> None:
    (home / "elsewhere").mkdir()
    answer = call("init", "graph", "--out", "elsewhere/recipe.toml")
    assert answer.code == 2
    assert "lies outside of the folder of recipe.toml" in answer.errors
    assert not (home / "elsewhere" / "recipe.toml").exists()


def test_init_refuses_what_is_no_model() -> None:
    assert call("init", "package.module:").code == 2


# --- plan -------------------------------------------------------------------------------------------------------------


def test_plan_says_what_each_step_would_touch_and_writes_nothing(home: Path) -> None:
    before = sorted(home.rglob("*"))
    answer = call("plan", "tiny.toml")
    assert answer.code == 0
    assert "where matches 2 nodes: first float32[N, 8], second float32[N, 2]" in answer.text
    assert "nodes removed: first" in answer.text
    assert "leaves 8 parameters, 32 B" in answer.text
    assert sorted(home.rglob("*")) == before


def test_plan_goes_on_with_what_the_step_before_left(home: Path) -> None:
    steps = call("plan", with_steps(home, STEP.format(name="merge-linear"), 'name = "again"'), "--json").document[
        "steps"
    ]
    assert [step["state"] for step in steps] == ["changes", "stops"]
    assert "N05" in steps[1]["problems"][0]
    assert len(steps[1]["matches"]["where"]) == 1


def test_plan_stops_where_the_run_would(home: Path) -> None:
    answer = call("plan", with_steps(home, 'where = { name = "frist" }'))
    assert answer.code == 1
    assert "would stop the run:" in answer.text
    assert "did you mean 'first'" in answer.text


def test_plan_counts_what_the_recipe_requires(home: Path) -> None:
    answer = call("plan", with_steps(home, "require = { min_changed = 9 }"))
    assert answer.code == 1
    assert "would change 2 nodes and require.min_changed is 9" in answer.text


def test_plan_names_what_is_left_alone(home: Path) -> None:
    (home / "wide.py").write_text(
        "from tests.core.command_line.conftest import two_layers\ndef wide(): return two_layers(1)\n", encoding="utf-8"
    )
    recipe = with_steps(home, "allow_no_change = true")
    recipe.write_text(recipe.read_text(encoding="utf-8").replace('file = "graph"', 'python = "wide.py:wide"'), "utf-8")
    answer = call("plan", recipe, "--trust")
    assert "leaves second alone: merged with 'first'" in answer.text
    assert "changes nothing, which the recipe allows" in answer.text
    assert call("plan", recipe).code == 2


def test_plan_passes_over_what_needs_data_and_is_unsure_of_what_follows(home: Path) -> None:
    recipe = with_steps(
        home, 'name = "tidy"', STEP.format(name="heal"), STEP.format(name="merge-linear"), 'name = "again"'
    )
    answer = call("plan", recipe)
    assert answer.code == 0
    assert "trains or measures with data, which a plan does not do" in answer.text
    assert "unless a step that was passed over changes that" in answer.text


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            (),
            "N11 recipe 'quikstart': is neither a file nor the name of an installed recipe; did you mean 'quickstart'",
        ),
        (("--set", "nonsense"), "quikstart"),
    ],
)
def test_a_recipe_that_is_not_there_is_refused(command: str, changes: tuple[str, ...], message: str) -> None:
    answer = call(command, "quikstart", *changes)
    assert answer.code == 2
    assert message in answer.errors


@pytest.mark.parametrize("command", ["plan", "run"])
def test_all_mistakes_of_a_recipe_are_told_at_once(home: Path, command: str) -> None:
    answer = call(command, with_steps(home, 'wher = "x"', "force = 1", STEP.format(name="fold-batchnorm")))
    assert answer.code == 2
    for part in ("did you mean 'where'", "force", "did you mean 'fold-batch-norm'"):
        assert part in answer.errors
    assert not (home / "out").exists()


# --- run --------------------------------------------------------------------------------------------------------------


def test_run_writes_the_result_and_prints_the_ledger_and_what_to_type_next(home: Path) -> None:
    answer = call("run", "tiny.toml")
    assert answer.code == 0
    assert "[1/1] merge-linear" in answer.text
    assert "-1 ~1" in answer.text
    assert answer.text.splitlines()[-1] == "now type: nadoo inspect out/tiny --svg out/tiny/graph.svg"
    assert call("inspect", "out/tiny", "--json").document["parameters"] == 8
    assert json.loads((home / "out/tiny/ledger.json").read_text(encoding="utf-8"))["state"] == "done"


def test_run_answers_with_the_ledger_alone_where_json_is_asked_for() -> None:
    answer = call("run", "tiny.toml", "--out", "there", "--json")
    assert answer.document["out"] == "there"
    assert answer.document["steps"][0]["state"] == "done"
    assert "[1/1] merge-linear" in answer.errors


def test_a_finished_step_is_taken_from_the_store() -> None:
    first, second = (call("run", "tiny.toml", "--json").document for _ in range(2))
    assert [run["steps"][0]["reused"] for run in (first, second)] == [False, True]
    assert first["result"]["fingerprint"] == second["result"]["fingerprint"]


def test_a_run_that_stops_shows_how_far_it_came_and_why(home: Path) -> None:
    answer = call("run", with_steps(home, STEP.format(name="merge-linear"), 'name = "again"'), "--keep-failed")
    assert answer.code == 1
    assert "again" in answer.text
    assert "failed" in answer.text
    assert "N05 step 'again'" in answer.errors
    assert (home / "out/tiny/failed/again/graph.json").is_file()


def test_a_recipe_is_changed_from_the_command_line() -> None:
    assert call("run", "tiny.toml", "--set", "merge-linear.force=true", "--json").document["steps"][0]["options"][
        "force"
    ]
    wrong = call("run", "tiny.toml", "--set", "merge-linear.forse=true")
    assert wrong.code == 2
    assert "did you mean 'force'" in wrong.errors


def test_a_run_ends_after_the_step_that_was_named(home: Path) -> None:
    recipe = with_steps(home, STEP.format(name="merge-linear"), 'name = "again"')
    assert len(call("run", recipe, "--until", "merge-linear", "--keep-steps", "--json").document["steps"]) == 1
    assert (home / "out/tiny/steps/01-merge-linear/graph.json").is_file()
    assert "did you mean 'again'" in call("run", recipe, "--until", "agian").errors


def test_a_pass_from_a_file_runs_and_its_remarks_are_shown(home: Path) -> None:
    recipe = with_steps(home, STEP.format(name="double-weights"), "by = 3")
    answer = call("run", recipe, "--plugin", home / "doubling.py", "--attribution")
    assert answer.code == 0, answer.errors
    assert "doubled second" in answer.text
    assert "what each step changed" in answer.text
    assert call("run", recipe).code == 2


def test_a_folder_that_holds_other_things_is_left_alone(home: Path) -> None:
    (home / "precious").mkdir()
    (home / "precious" / "letter.txt").write_text("dear", encoding="utf-8")
    answer = call("run", "tiny.toml", "--out", "precious")
    assert answer.code == 1
    assert "choose an empty folder" in answer.errors


def test_two_runs_are_compared_by_recipe_metrics_and_graphs(home: Path) -> None:
    recipe = with_steps(home, STEP.format(name="double-weights"))
    plugin = ("--plugin", home / "doubling.py")
    call("run", recipe, *plugin, "--out", "two")
    call("run", recipe, *plugin, "--out", "three", "--set", "double-weights.by=3")
    document, text = call("diff", "two", "three", "--json").document, call("diff", "two", "three").text
    assert document["recipe"] == [{"where": "step.double-weights.by", "before": "none", "after": 3}]
    assert {row["place"] for row in document["metrics"]} >= {"original", "after double-weights"}
    assert "~ tensor second.weight" in text


def test_a_run_that_stopped_is_compared_without_its_graph(home: Path) -> None:
    call("run", "tiny.toml", "--out", "good")
    call("run", with_steps(home, STEP.format(name="merge-linear"), 'name = "again"'), "--out", "bad")
    answer = call("diff", "good", "bad")
    assert answer.code == 0
    assert "one of the runs stopped and has no result" in answer.text


def test_a_plain_run_in_a_pipe_has_no_colours_and_no_bars() -> None:
    program = (
        "from nadoo_core.command_line.main import main; import sys; sys.argv = ['nadoo', 'run', 'tiny.toml']; main()"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=dict(os.environ))
    assert b"\x1b" not in answer.stdout
    assert b"\r" not in answer.stdout


# --- store ------------------------------------------------------------------------------------------------------------


def test_the_store_is_listed_and_emptied(home: Path) -> None:
    call("run", "tiny.toml")
    listed = call("store", "list", "--json").document
    assert any(entry["title"] == "tiny: merge-linear" for entry in listed["entries"])
    assert "tiny: merge-linear" in call("store", "list").text
    assert call("store", "prune", "--json").document["entries"] == len(listed["entries"])
    assert call("store", "list").text.startswith("0 entries, 0 B in")


def test_a_store_of_ones_own_is_used(home: Path) -> None:
    call("run", "tiny.toml", "--store", home / "mine")
    assert call("store", "list", "--store", home / "mine", "--json").document["entries"]
    assert call("store", "list", "--json").document["entries"] == []


@pytest.mark.parametrize("limit", ["5 KB", "much", "-1 KiB"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    answer = call("store", "prune", "--limit", limit)
    assert answer.code == 2
    assert "--limit" in answer.errors


# --- study ------------------------------------------------------------------------------------------------------------


def test_a_study_prints_its_table_and_says_where_it_is(home: Path) -> None:
    (home / "study.toml").write_text(
        (home / "tiny.toml").read_text(encoding="utf-8")
        + '\n[study]\nmetric = "parameters"\n[[study.variant]]\nlabel = "merged"\n'
        + '[[study.variant]]\nlabel = "two"\nwithout = ["merge-linear"]\n',
        encoding="utf-8",
    )
    answer = call("study", "study.toml", "--out", "found")
    assert answer.code == 0, answer.errors
    assert "two − merged: +40" in answer.text
    assert (home / "found" / "study.csv").exists()
    document = call("study", "study.toml", "--json").document
    assert [row["parameters"] for row in document["rows"]] == [8, 48]
    assert document["table"] == str(Path("out") / "study" / "study.csv")


def test_a_recipe_that_is_no_study_is_refused() -> None:
    answer = call("study", "tiny.toml")
    assert answer.code == 2
    assert "has no [study]" in answer.errors

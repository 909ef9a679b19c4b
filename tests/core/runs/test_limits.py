"""Limits and requirements: what a step may cost and must have done, on validation data, stopping or rolling back."""

from pathlib import Path
from typing import Any

import pytest

from nadoo_core.recipe import Limit
from nadoo_core.runs import RunStoppedError, read_ledger
from nadoo_core.runs.limits import doubts, judged
from tests.core.runs.toys import states, toy_recipe, toy_run

LEARN = '[[step]]\npass = "learn"\nepochs = 4\n'
RUIN = '[[step]]\npass = "jitter"\nsize = 20.0\n'
AFTER = '[[step]]\npass = "rename"\n'


def measured(value: float, error: float | None = 0.01, count: int = 100) -> dict[str, Any]:
    return {"value": value, "count": count, "standard_error": error}


def test_a_step_that_costs_too_much_stops_the_run(tmp_path: Path) -> None:
    recipe = toy_recipe(f"{LEARN}{RUIN}limit = {{ accuracy_drop = 0.05 }}\n{AFTER}")
    with pytest.raises(RunStoppedError, match=r"N16 step 'jitter'.limit: accuracy fell by 0\.\d+ ± 0\.\d+") as stopped:
        toy_run(tmp_path, recipe)
    ledger = stopped.value.ledger
    assert states(ledger) == ["done", "failed"]
    assert ledger == read_ledger(tmp_path / "out")
    assert ledger["state"] == "stopped"
    assert ledger["error"] == ledger["steps"][1]["error"]
    assert not (tmp_path / "out" / "graph").exists()


def test_a_stopped_step_stops_again_although_its_result_is_stored(tmp_path: Path) -> None:
    recipe = toy_recipe(f"{LEARN}{RUIN}limit = {{ accuracy_drop = 0.05 }}\n")
    for reused in (False, True):
        with pytest.raises(RunStoppedError) as stopped:
            toy_run(tmp_path, recipe)
        assert stopped.value.ledger["steps"][1]["reused"] is reused


def test_a_step_that_costs_too_much_is_rolled_back(tmp_path: Path) -> None:
    limit = 'limit = { accuracy_drop = 0.05, otherwise = "roll back" }\n'
    result = toy_run(tmp_path, toy_recipe(f"{LEARN}{RUIN}{limit}{AFTER}"))
    without = toy_run(tmp_path, toy_recipe(f"{LEARN}{AFTER}"))
    assert states(result.ledger) == ["done", "rolled back", "done"]
    assert result.fingerprint == without.fingerprint
    assert result.steps[2]["parent"] == result.steps[0]["fingerprint"]
    assert any("accuracy fell by" in note for note in result.steps[1]["notes"])


def test_rolling_back_the_first_step_gives_the_model_back(tmp_path: Path) -> None:
    result = toy_run(tmp_path, toy_recipe(f'{RUIN}limit = {{ loss_rise = 0.1, otherwise = "roll back" }}\n'))
    assert result.fingerprint == result.ledger["model"]["fingerprint"]


def test_many_small_losses_break_a_limit_against_the_original(tmp_path: Path) -> None:
    step = '[[step]]\npass = "scale-weights"\nfactor = 1.1\nlimit = {{ loss_rise = 0.03, against = "{}" }}\n'
    toy_run(tmp_path, toy_recipe(step.format("previous") * 3))
    with pytest.raises(RunStoppedError, match="against the original model"):
        toy_run(tmp_path, toy_recipe(step.format("original") * 3))


def test_a_verdict_names_what_it_compared(tmp_path: Path) -> None:
    result = toy_run(tmp_path, toy_recipe(f"{LEARN}{AFTER}limit = {{ accuracy_drop = 0.01 }}\n"))
    (verdict,) = result.steps[1]["limit"]
    assert verdict["before"] == verdict["after"] == result.steps[0]["metrics"]["accuracy"]["value"]
    assert (verdict["metric"], verdict["change_for_the_worse"], verdict["kept"], verdict["count"]) == (
        "accuracy", 0.0, True, 100,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "before", "after", "kept"),
    [
        (Limit(accuracy_drop=0.1), 0.9, 0.8 + 1e-9, True),
        (Limit(accuracy_drop=0.1), 0.9, 0.79, False),
        (Limit(accuracy_drop=0.1), 0.9, 1.0, True),
        (Limit(accuracy_drop=0.0), 0.9, 0.9, True),
        (Limit(loss_rise=0.1), 0.5, 0.59, True),
        (Limit(loss_rise=0.1), 0.5, 0.7, False),
        (Limit(loss_rise=0.1), 0.5, float("inf"), False),
        (Limit(metric_drop=1.0), 3.0, 1.9, False),
    ],
)
def test_a_bound_is_kept_or_not(limit: Limit, before: float, after: float, kept: bool) -> None:
    (metric,) = limit.bounds
    (verdict,) = judged(limit, {metric: measured(before)}, {metric: measured(after)})
    assert verdict["kept"] is kept


def test_the_standard_error_of_a_difference_is_that_of_both_sides() -> None:
    (verdict,) = judged(Limit(accuracy_drop=0.1), {"accuracy": measured(0.9, 0.03)}, {"accuracy": measured(0.9, 0.04)})
    assert verdict["standard_error"] == pytest.approx(0.05)
    assert doubts([verdict]) == []
    assert doubts([{**verdict, "allowed": 0.01}]) == [
        "limit on accuracy: 100 examples tell 0.01 from chance only roughly (standard error 0.05); "
        "raise data.validation"
    ]


def test_what_is_required_of_a_step_is_checked(tmp_path: Path) -> None:
    step = '[[step]]\npass = "scale-weights"\nrequire = {{ min_changed = {} }}\n'
    assert states(toy_run(tmp_path, toy_recipe(step.format(2))).ledger) == ["done"]
    with pytest.raises(RunStoppedError, match=r"changed 2 nodes; require\.min_changed is 3"):
        toy_run(tmp_path, toy_recipe(step.format(3)))


def test_a_failed_graph_is_kept_on_request(tmp_path: Path) -> None:
    from nadoo_graphs.graph import ModelGraph

    recipe = toy_recipe(f"{RUIN}limit = {{ loss_rise = 0.1 }}\n")
    with pytest.raises(RunStoppedError) as stopped:
        toy_run(tmp_path, recipe, keep_failed=True)
    kept = ModelGraph.load(tmp_path / "out" / "failed" / "jitter")
    assert kept.fingerprint() == stopped.value.ledger["steps"][0]["fingerprint"]

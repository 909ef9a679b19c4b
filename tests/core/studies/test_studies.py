"""Studies: points, tables, intervals, and what is refused; a study that is run again comes to the same table."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.errors import RecipeError, RunError
from nadoo_core.registry import Registry
from nadoo_core.studies import entry as study_entry
from nadoo_core.studies import points_of, study
from nadoo_core.studies.table import interval, paired, summaries, write_csv
from nadoo_graphs.graph import ModelGraph

RECIPE = """
name = "widths"

[model]
file = "graph"

[[step]]
pass = "narrow-linear"
width = 2

[study]
metric = "parameters"
sweep = { "narrow-linear.width" = [1, 2] }
seeds = [0, 1]

[[study.variant]]
label = "narrow"

[[study.variant]]
label = "as it is"
without = ["narrow-linear"]
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NADOO_STORE", str(tmp_path / "store"))
    graph = ModelGraph("small")
    h = graph.add_input("x", ("N", 6))
    generator = torch.Generator().manual_seed(0)
    for name, inputs, outputs in (("first", 6, 9), ("second", 9, 5)):
        weight = torch.randn(outputs, inputs, generator=generator)
        h = graph.add("linear", [h], name=name, tensors={"weight": weight})
    graph.set_outputs([h])
    graph.save(tmp_path / "graph")
    (tmp_path / "widths.toml").write_text(RECIPE, encoding="utf-8")
    return tmp_path / "widths.toml"


def changed(recipe: Path, old: str, new: str) -> Path:
    text = recipe.read_text(encoding="utf-8")
    assert old in text
    recipe.write_text(text.replace(old, new), encoding="utf-8")
    return recipe


# --- running ----------------------------------------------------------------------------------------------------------


def test_a_study_runs_every_variant_value_and_seed(recipe: Path, tmp_path: Path) -> None:
    result = study(recipe, tmp_path / "out")
    assert [(row["label"], row["narrow-linear.width"], row["seed"]) for row in result.rows] == [
        (label, width, seed) for label in ("narrow", "as it is") for width in (1, 2) for seed in (0, 1)
    ]
    assert [row["parameters"] for row in result.rows] == [11, 11, 22, 22, 99, 99, 99, 99]
    assert [point.seed for point in points_of(recipe, Registry.of())] == [0, 1] * 4


def test_the_table_and_the_plot_are_files_and_the_same_again(recipe: Path, tmp_path: Path) -> None:
    changed(recipe, 'without = ["narrow-linear"]', 'set = { "narrow-linear.where" = "second" }')
    told: list[int] = []
    first = study(recipe, tmp_path / "out", tell=lambda done, total, point: told.append(total))
    table, plot = first.table.read_bytes(), first.plot
    assert told == [8] * 8
    assert plot is not None
    assert plot.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    picture = plot.read_bytes()
    second = study(recipe, tmp_path / "out")
    assert second.table.read_bytes() == table
    assert second.plot is not None
    assert second.plot.read_bytes() == picture
    with first.table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["narrow-linear.width"] for row in rows} == {"1", "2"}


def test_variants_without_a_step_compare_with_it(recipe: Path, tmp_path: Path) -> None:
    changed(recipe, 'sweep = { "narrow-linear.width" = [1, 2] }\n', "")
    result = study(recipe, tmp_path / "out")
    assert {row["label"]: row["parameters"] for row in result.rows} == {"narrow": 22, "as it is": 99}


def test_a_point_that_stops_has_its_reason_and_the_others_run(recipe: Path, tmp_path: Path) -> None:
    changed(recipe, "[1, 2]", "[2, 30]")
    changed(recipe, 'without = ["narrow-linear"]', 'set = { "narrow-linear.where" = "first" }')
    result = study(recipe, tmp_path / "out")
    stopped = [row for row in result.rows if "error" in row]
    assert {row["label"] for row in stopped} == {"as it is"}
    assert all("changed nothing" in row["error"] for row in stopped)
    assert len(result.rows) == 8


def test_without_matplotlib_there_is_a_table_and_a_word(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(recipe, 'sweep = { "narrow-linear.width" = [1, 2] }\n', "")
    monkeypatch.setattr(study_entry, "has_plots", lambda: False)
    result = study(recipe, tmp_path / "out")
    assert result.plot is None
    assert "pip install 'nadoo[plots]'" in result.notes[0]
    assert result.table.exists()


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"narrow-linear.width" = [1, 2]', '"narrow-linear.widht" = [1, 2]', "widht"),
        ('"narrow-linear.width" = [1, 2]', '"narow-linear.width" = [1, 2]', "there is no step or table 'narow-linear'"),
        ('"narrow-linear.width" = [1, 2]', '"narrow-linear.width" = 3', "give the list of values that it takes"),
        ('without = ["narrow-linear"]', 'without = ["narrow"]', "there is no step 'narrow'"),
        ('label = "as it is"', 'label = "narrow"', "two variants have the same label"),
    ],
)
def test_a_study_that_is_wrong_is_refused_before_anything_runs(
    recipe: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        study(changed(recipe, old, new), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recipe_without_a_study_says_how_one_looks(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE[: RECIPE.index("[study]")], encoding="utf-8")
    with pytest.raises(RecipeError, match=r"has no \[study\]"):
        study(recipe, tmp_path / "out")


def test_a_metric_that_there_is_not_is_refused_with_those_that_there_are(recipe: Path, tmp_path: Path) -> None:
    changed(recipe, 'sweep = { "narrow-linear.width" = [1, 2] }\n', "")
    with pytest.raises(RunError, match=r"'speed', which is no column of numbers; there are .*parameters"):
        study(changed(recipe, 'metric = "parameters"', 'metric = "speed"'), tmp_path / "out")


# --- numbers ----------------------------------------------------------------------------------------------------------


def rows(**scores: list[float]) -> list[dict[str, Any]]:
    return [
        {"label": label, "seed": seed, "accuracy": value}
        for label, values in scores.items()
        for seed, value in enumerate(values)
    ]


def test_means_come_with_their_interval() -> None:
    (line,) = summaries(rows(a=[1.0, 2.0, 3.0]), "accuracy", None)
    assert (line.mean, line.count) == (2.0, 3)
    assert line.half_width == pytest.approx(4.303 / 3**0.5)
    assert interval([1.0]) == 0


def test_pairs_are_of_one_seed() -> None:
    found = paired(rows(a=[0.9, 0.8, 0.7], b=[0.91, 0.81, 0.71]), "accuracy", "a")
    ((label, mean, half, count),) = found
    assert (label, count) == ("b", 3)
    assert mean == pytest.approx(0.01)
    assert half == pytest.approx(0, abs=1e-9)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=8), st.floats(0.1, 5))
def test_an_interval_scales_with_its_values(values: list[float], factor: float) -> None:
    assert interval([factor * value for value in values]) == pytest.approx(factor * interval(values), abs=1e-9)


def test_a_cell_that_a_row_lacks_is_empty(tmp_path: Path) -> None:
    write_csv(tmp_path / "table.csv", [{"a": 1, "b": None}, {"a": 2, "c": "x,y"}])
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == 'a,b,c\n1,,\n2,,"x,y"\n'

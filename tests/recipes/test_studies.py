"""The studies can be read as they are, and one of each kind of step comes to a table when it is made short."""

from pathlib import Path

import pytest

from nadoo_core.registry import Registry
from nadoo_core.studies import points_of, study

STUDIES = ("study-bits", "study-layers", "study-sparsity", "study-width")
ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = sorted((ROOT / "benchmarks" / "recipes").glob("mnist-*.toml"))


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_can_be_read_and_has_several_lines(name: str) -> None:
    points = points_of(name, Registry.of())
    assert len({point.label for point in points}) >= 2
    assert len({point.seed for point in points}) == 3


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_the_studies_of_the_benchmarks_can_be_read(path: Path) -> None:
    points = points_of(path, Registry.of())
    assert len({point.seed for point in points}) == 5
    assert points[0].recipe.step("train").operation.name == "train"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("study-bits", 'study.sweep={"quantize.weights"=["int4"]}'),
        ("study-layers", 'study.sweep={"remove-layers.count"=[1]}'),
        ("study-sparsity", 'study.sweep={"prune-weights.share"=[0.5]}'),
        ("study-width", 'study.sweep={"narrow-linear.width"=[8]}'),
    ],
)
def test_a_short_study_comes_to_a_table(
    name: str, change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NADOO_STORE", str(tmp_path / "store"))
    result = study(name, tmp_path / "out", changes=["train.epochs=1", "study.seeds=[0]", change])
    assert [row for row in result.rows if "error" in row] == []
    assert all(0 <= row["accuracy"] <= 1 for row in result.rows)
    assert result.plot is not None

"""Each pass makes of a few graphs what its golden files say; see README.md for how to write them anew."""

from pathlib import Path

import pytest

from nadoo_core.registry import Registry
from nadoo_core.testing import GoldenCase, golden_cases
from tests.golden.builders import BUILDERS

FOLDER = Path(__file__).parent
CASES = golden_cases(FOLDER)
REGISTRY = Registry.of()
LEAST_CASES = 2


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_pass_makes_of_the_graph_what_the_files_say(case: GoldenCase) -> None:
    pass_class = REGISTRY.pass_class(case.pass_name)
    for name, text in case.texts(BUILDERS[case.name](), pass_class).items():
        assert case.read(name) == text, f"{case.name}/{name} differs; if it should: python -m tests.golden.rewrite"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_step_names_the_pass_of_its_folder(case: GoldenCase) -> None:
    assert case.step()["pass"] == case.pass_name


def test_every_registered_pass_has_a_folder_spelled_like_its_name_and_nobody_else_has() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(REGISTRY.names("passes"))


@pytest.mark.parametrize("name", REGISTRY.names("passes"))
def test_every_pass_has_a_case_that_changes_the_graph_among_several(name: str) -> None:
    cases = [case for case in CASES if case.pass_name == name]
    assert len(cases) >= LEAST_CASES
    assert any("nodes," in case.read("becomes.txt") and changes(case) for case in cases)


def changes(case: GoldenCase) -> bool:
    return case.read("becomes.txt") != case.read("given.txt")


def test_every_case_has_a_graph_and_every_graph_a_case() -> None:
    assert [case.name for case in CASES] == sorted(BUILDERS)


def test_a_file_that_is_altered_or_missing_is_noticed_and_written_anew(tmp_path: Path) -> None:
    folder = tmp_path / "fold-batch-norm" / "convolution"
    folder.mkdir(parents=True)
    (folder / "step.toml").write_text('pass = "fold-batch-norm"\n', encoding="utf-8")
    (case,) = golden_cases(tmp_path)
    graph, pass_class = BUILDERS[case.name](), REGISTRY.pass_class(case.pass_name)
    assert case.differences(graph, pass_class) == ("given.txt", "becomes.txt")
    assert case.rewrite(graph, pass_class) == ("given.txt", "becomes.txt")
    assert case.differences(graph, pass_class) == ()
    (folder / "becomes.txt").write_text(case.read("becomes.txt").replace("relu", "tanh"), encoding="utf-8")
    assert case.differences(graph, pass_class) == ("becomes.txt",)

"""new-plugin and check-plugin: a plugin to begin with, and the laws that one is held to."""

from pathlib import Path

import pytest

from tests.core.command_line.calling import call

WRITING = """
from attrs import frozen
from nadoo_core.passes import Context, Pass, Selector, option
from nadoo_graphs.graph import ModelGraph

@frozen(kw_only=True)
class WriteInPlace(Pass):
    '''Write into tensors, which no pass may.'''

    name = "write-in-place"
    where: Selector = option(default=Selector(op="linear"), help="which layers")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for node in self.where.matches(graph):
            graph.tensor(node.tensors["weight"]).mul_(2)
"""


def test_new_plugin_writes_a_package_and_says_how_it_is_tried(home: Path) -> None:
    answer = call("new-plugin", "mirror")
    assert answer.code == 0
    assert (home / "nadoo-mirror" / "pyproject.toml").is_file()
    assert (
        answer.text.splitlines()[-1] == "now type: pip install -e 'nadoo-mirror[test]' && python -m pytest nadoo-mirror"
    )


def test_new_plugin_writes_where_it_is_told_to(home: Path) -> None:
    document = call("new-plugin", "mirror", "--in", "empty", "--json").document
    assert document["folder"] == "empty/nadoo-mirror"
    assert [file for file in document["files"] if not Path(file).is_file()] == []


def test_new_plugin_writes_over_nothing() -> None:
    call("new-plugin", "mirror")
    again, odd = call("new-plugin", "mirror"), call("new-plugin", "Mirror Image")
    assert (again.code, "exists already" in again.errors) == (2, True)
    assert (odd.code, "is no name for a plugin" in odd.errors) == (2, True)


def test_check_plugin_holds_an_installed_plugin_to_the_laws() -> None:
    answer = call("check-plugin", "nadoo_training", "--examples", 2, "--json")
    assert answer.code == 0
    assert {item["name"]: item["state"] for item in answer.document["items"]} == {"heal": "holds", "train": "holds"}


def test_check_plugin_ends_with_1_where_a_law_is_broken(home: Path) -> None:
    (home / "writing.py").write_text(WRITING, encoding="utf-8")
    answer = call("check-plugin", "writing.py", "--examples", 2)
    assert answer.code == 1
    assert "write-in-place" in answer.text
    assert "broken" in answer.text.lower()


@pytest.mark.parametrize("package", ["nadoo_trainings", "nowhere.py"])
def test_check_plugin_refuses_what_is_no_plugin(package: str) -> None:
    answer = call("check-plugin", package)
    assert answer.code == 2
    assert Path(package).stem in answer.errors

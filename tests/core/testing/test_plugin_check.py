"""check_plugin finds the plugin, checks all that it offers, and says what it could not find."""

from pathlib import Path

import pytest

from nadoo_core.errors import PluginError
from nadoo_core.registry import Registry
from nadoo_core.testing import check_plugin
from nadoo_core.testing.report import Item, LawError, Report

GOOD = '''
"""A plugin in one file."""
from attrs import frozen
from nadoo_core.passes import Exact, Pass

@frozen(kw_only=True)
class SwapTwice(Pass):
    """Replace each negation by a subtraction from nothing."""
    name = "subtract-instead"
    effect = Exact()
    def apply(self, graph, context):
        for node in graph.nodes(op="neg"):
            graph.replace(node, "mul", other=-1.0)
'''
BAD = GOOD.replace("-1.0", "-2.0")
MISNAMED = '''
"""A plugin whose table and classes disagree."""
from nadoo_core.registry import Plugin, hookimpl

@hookimpl
def nadoo_plugin():
    return Plugin(api=1, passes={"gone": "no_such_module:Gone"}, formats={"lost": "no_such_module:LOST"},
                  ops={"none": "no_such_module:NONE"}, metrics={"half": lambda outputs, targets: 0.5})
'''


def written(folder: Path, text: str) -> Path:
    path = folder / "single_file.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_single_file_that_obeys_the_laws_holds(tmp_path: Path) -> None:
    report = check_plugin(written(tmp_path, GOOD), examples=10)
    assert report.ok, report.text()
    assert [(item.kind, item.name, item.state) for item in report.items] == [("passes", "subtract-instead", "holds")]
    report.require()


def test_a_single_file_is_found_beside_a_registry_that_lacks_it(tmp_path: Path) -> None:
    report = check_plugin(written(tmp_path, GOOD), examples=1, registry=Registry.of())
    assert [item.name for item in report.items] == ["subtract-instead"]


def test_a_single_file_that_does_not_is_broken(tmp_path: Path) -> None:
    report = check_plugin(str(written(tmp_path, BAD)), examples=10)
    assert not report.ok
    assert "effect kept" in report.text()
    assert report.as_dict()["items"][0]["state"] == "broken"
    with pytest.raises(LawError, match="effect kept"):
        report.require()


def test_everything_that_cannot_be_had_is_a_problem_of_its_own(tmp_path: Path) -> None:
    report = check_plugin(written(tmp_path, MISNAMED), examples=1)
    assert {item.name: item.state for item in report.items} == dict.fromkeys(("gone", "lost", "none", "half"), "broken")


@pytest.mark.parametrize("name", ["nadoo_training", "Nadoo_Training"])
def test_a_plugin_is_found_by_its_name_alone(name: str) -> None:
    if name == "nadoo_training":
        report = check_plugin(name, examples=1)
        assert [item.name for item in report.items] == ["heal", "train"]
        return
    with pytest.raises(PluginError, match="nadoo_training"):
        check_plugin(name, examples=1)


def test_a_distribution_stands_for_all_its_plugins() -> None:
    names = {item.name for item in check_plugin("nadoo", examples=1).items}
    assert set(Registry.of().names("passes")) <= names


def test_a_plugin_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(PluginError, match="did you mean 'nadoo_cleanup'"):
        check_plugin("nadoo_claenup")


def test_a_plugin_that_failed_to_load_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="single_file"):
        check_plugin(written(tmp_path, "raise RuntimeError('broken on purpose')"))


def test_a_plugin_that_offers_nothing_is_not_called_right() -> None:
    report = Report("empty", ())
    assert not report.ok
    assert "offers nothing" in report.text()


def test_the_report_shows_what_was_not_checked_and_why() -> None:
    report = Report("some", (Item("datasets", "far", notes=("its files are not there",), checked=False),))
    assert report.ok
    assert "not checked datasets far" in report.text()
    assert "its files are not there" in report.text()

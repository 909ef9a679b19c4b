"""Exports: written as a whole, verified by their exporter, and named in the ledger."""

from pathlib import Path

import pytest

from nadoo_core.errors import RecipeError
from nadoo_core.recipe import read_recipe_text
from nadoo_core.registry import Registry
from nadoo_core.runs import RunResult, RunStoppedError, run
from tests.core.runs.toys import DATA, DATA_SETS, toy_graph

PLUGIN = """
from attrs import frozen
from nadoo_core.options import option
from nadoo_core.registry import Plugin, hookimpl

@frozen(kw_only=True)
class Names:
    upper: bool = option(default=False, help="whether names are written large")

    def __call__(self, graph, folder):
        text = " ".join(node.name for node in graph.nodes())
        (folder / "names.txt").write_text(text.upper() if self.upper else text)
        return folder / "names.txt"

    def verify(self, artifact):
        if not artifact.read_text():
            raise ValueError("nothing was written")

def plain(graph, folder, text="x"):
    (folder / "plain.txt").write_text(text)

def broken(graph, folder):
    (folder / "half.txt").write_text("half")
    raise ValueError("no")

@hookimpl
def nadoo_plugin():
    return Plugin(api=1, exporters={"names": Names, "plain": plain, "broken": broken})
"""


def export(folder: Path, exports: str) -> RunResult:
    (folder / "exporting.py").write_text(PLUGIN)
    registry = Registry.of(installed=False, files=[folder / "exporting.py", DATA_SETS])
    recipe = read_recipe_text(DATA + exports, registry=registry)
    return run(recipe, model=toy_graph(), out=folder / "out", store=folder / "store", registry=registry)


def test_every_export_has_a_folder_and_a_line(tmp_path: Path) -> None:
    exports = '[[export]]\nto = "names"\nupper = true\n[[export]]\nto = "plain"\ntext = "y"\n'
    result = export(tmp_path, exports)
    assert result.ledger["exports"] == [
        {"to": "names", "folder": "exports/01-names", "files": ["names.txt"]},
        {"to": "plain", "folder": "exports/02-plain", "files": ["plain.txt"]},
    ]
    assert "OUTPUT" in (tmp_path / "out" / "exports" / "01-names" / "names.txt").read_text()
    assert (tmp_path / "out" / "exports" / "02-plain" / "plain.txt").read_text() == "y"


def test_an_export_that_fails_leaves_nothing_and_the_graph_stays(tmp_path: Path) -> None:
    with pytest.raises(RunStoppedError, match="raised ValueError: no; the graph itself is kept"):
        export(tmp_path, '[[export]]\nto = "broken"\n')
    assert list((tmp_path / "out").glob("exports/*")) == []
    assert (tmp_path / "out" / "graph" / "graph.json").exists()


def test_wrong_options_of_an_exporter_are_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="N02 export 1: the key 'uper' is unknown; did you mean 'upper'"):
        export(tmp_path, '[[export]]\nto = "names"\nuper = true\n')
    assert not (tmp_path / "out").exists()

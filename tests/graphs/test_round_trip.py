"""Every model of the bank saved and loaded: the same graph, the same bytes, the same bits."""

from pathlib import Path

import pytest

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.saving import load
from tests.graphs.captured import captured, same, tensors
from tests.models.bank import SMALL, Case


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def again(graph: ModelGraph, folder: Path) -> ModelGraph:
    """The graph as it comes back from a folder."""
    return load(graph.save(folder), allow_operators=graph.contract.report.opaque)


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_a_loaded_graph_is_the_saved_one(case: Case, tmp_path: Path) -> None:
    found = captured(case.name)
    loaded = again(found.graph, tmp_path / "first")
    assert loaded.fingerprint() == found.graph.fingerprint()
    assert not found.graph.diff(loaded)
    assert loaded.text() == found.graph.text()
    again(loaded, tmp_path / "second")
    assert content(tmp_path / "first") == content(tmp_path / "second")
    ours, theirs = found.call(loaded.to_module()), found.call(found.graph.to_module())
    assert same(tensors(ours), tensors(theirs))
    assert type(ours).__name__ == type(theirs).__name__

"""A document of an older version is brought to the present one; one that cannot be is refused."""

from pathlib import Path
from typing import Any

import pytest

from nadoo_graphs.errors import LoadError
from nadoo_graphs.saving import load
from nadoo_graphs.saving.document import VERSION
from nadoo_graphs.saving.migrations import MIGRATIONS, migrated
from tests.graphs.saving.samples import change, saved, tiny_graph


def to_version_zero(document: dict[str, Any]) -> None:
    """Make a document such as a version before the first might have written: another word, and no aliases."""
    document["vertices"] = document.pop("nodes")
    document["version"] = 0


def from_version_zero(document: dict[str, Any]) -> dict[str, Any]:
    """The step that such a version would need."""
    return {key: value for key, value in document.items() if key != "vertices"} | {"nodes": document["vertices"]}


def test_an_older_document_is_migrated(tmp_path: Path) -> None:
    home = change(saved(tiny_graph(), tmp_path), to_version_zero)
    assert load(home, migrations={0: from_version_zero}).fingerprint() == tiny_graph().fingerprint()


def test_an_older_document_without_a_migration_is_refused(tmp_path: Path) -> None:
    home = change(saved(tiny_graph(), tmp_path), to_version_zero)
    with pytest.raises(LoadError, match=r"E01 graph\.json: has version 0, and nothing leads from 0 to 1"):
        load(home)


def test_a_document_that_is_not_what_its_version_promised_is_refused(tmp_path: Path) -> None:
    home = change(saved(tiny_graph(), tmp_path), lambda document: document.update(version=0))
    with pytest.raises(LoadError, match=r"does not have the form of version 0 \(KeyError: 'vertices'\)"):
        load(home, migrations={0: from_version_zero})


def test_a_migrated_document_is_checked_like_any_other(tmp_path: Path) -> None:
    home = change(saved(tiny_graph(), tmp_path), to_version_zero)
    with pytest.raises(LoadError, match="unknown key 'vertices'"):
        load(home, migrations={0: lambda document: {**document, "nodes": document["vertices"]}})


def test_steps_follow_each_other() -> None:
    steps = {number: lambda document, number=number: {**document, f"step{number}": True} for number in (-2, -1, 0)}
    document = migrated({"schema": "nadoo-graph", "version": -2}, steps, "graph.json")
    assert document == {"schema": "nadoo-graph", "version": VERSION, "step-2": True, "step-1": True, "step0": True}


def test_every_version_before_the_present_has_a_step() -> None:
    assert set(MIGRATIONS) == set(range(1, VERSION))

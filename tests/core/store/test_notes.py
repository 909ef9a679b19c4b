"""Notes: small results by key, which are made again where they cannot be read."""

from pathlib import Path

import pytest

from nadoo_core.store import Notes, Store, notes


def test_a_note_is_found_again_and_another_is_not(tmp_path: Path) -> None:
    kept = Store(tmp_path).notes
    assert kept.find("a") is None
    kept.keep("a", {"cycles": 3, "why": None})
    assert Notes(tmp_path / "notes").find("a") == {"cycles": 3, "why": None}
    assert kept.find("b") is None


def test_a_damaged_note_is_none(tmp_path: Path) -> None:
    kept = Notes(tmp_path)
    kept.keep("a", {})
    kept.path("a").write_text("{", encoding="utf-8")
    assert kept.find("a") is None
    kept.path("a").write_text("[]", encoding="utf-8")
    assert kept.find("a") is None


def test_a_folder_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    kept = Notes(tmp_path / "file")
    kept.keep("a", {})
    assert kept.find("a") is None


def test_the_oldest_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setattr(notes, "MOST_NOTES", 2)
    kept = Notes(tmp_path)
    for place, key in enumerate("abc"):
        kept.keep(key, {"key": key})
        os.utime(kept.path(key), (place, place))
    kept.keep("d", {})
    assert sorted(path.stem for path in tmp_path.glob("*.json")) == ["c", "d"]

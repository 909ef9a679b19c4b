"""Keys follow the code: any file of the pass's package counts, and code without a file is not believed."""

import sys
from pathlib import Path
from typing import Any

import pytest

from nadoo_core.recipe import resolve_reference
from nadoo_core.store import code_digest, our_digest


def test_our_digest_is_a_hash_that_stays() -> None:
    assert our_digest() == our_digest()
    assert len(our_digest()) == 64


def test_a_class_of_a_single_file_has_the_digest_of_that_file(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text("class Step: pass\n")
    first = code_digest(resolve_reference(f"{path}:Step", "here"))
    path.write_text("class Step: pass  # changed\n")
    assert first is not None
    assert code_digest(resolve_reference(f"{path}:Step", "here")) != first


def test_a_change_anywhere_in_the_package_changes_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "counted_package"
    package.mkdir()
    (package / "__init__.py").write_text("class Step: pass\n")
    (package / "table.json").write_text("1")
    monkeypatch.syspath_prepend(tmp_path)
    step = resolve_reference("counted_package:Step", "here")
    first = code_digest(step)
    (package / "table.json").write_text("22")
    second = code_digest(step)
    (package / "inner.py").write_text("")
    assert len({first, second, code_digest(step)}) == 3
    del sys.modules["counted_package"]


def test_code_without_a_file_has_no_digest() -> None:
    space: dict[str, Any] = {"__name__": "typed_in_by_hand"}
    exec("class Step: pass", space)  # noqa: S102
    step = space["Step"]
    step.__module__ = "typed_in_by_hand"
    assert code_digest(step) is None

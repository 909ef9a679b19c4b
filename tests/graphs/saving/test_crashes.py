"""A save that fails or dies at any moment leaves the old graph or the new one, and nothing half-written."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from nadoo_graphs.errors import SaveError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.saving import load, save
from nadoo_graphs.saving.folder import OURS
from tests.graphs.saving.samples import contents, ramp, rich_graph, saved, tiny_graph

ATTEMPTS = 12


class PowerCut(BaseException):
    """What no handler of errors catches."""


def new_graph() -> ModelGraph:
    """The sample with another weight, so that every file differs."""
    graph = rich_graph()
    graph.set_tensor("fc.weight", ramp(3, 4) + 1)
    graph.contract.inputs[0].example.add_(1)  # type: ignore[union-attr]
    return graph


def failing(call: Callable[..., Any], after: int, error: BaseException) -> Callable[..., Any]:
    """A function that works so many times and then raises, always."""
    left = iter(range(after))

    def run(*arguments: Any, **keywords: Any) -> Any:
        if next(left, None) is None:
            raise error
        return call(*arguments, **keywords)

    return run


def break_at(monkeypatch: pytest.MonkeyPatch, step: str, after: int, error: BaseException) -> None:
    """Let the step of a save fail from its n-th call on."""
    owner, name = {"fsync": (os, "fsync"), "replace": (Path, "replace"), "open": (Path, "open")}[step]
    monkeypatch.setattr(owner, name, failing(getattr(owner, name), after, error))


def refusal_of(home: Path) -> SaveError | None:
    """The refusal of a save, if it was refused."""
    try:
        save(new_graph(), home)
    except SaveError as error:
        return error
    return None


@pytest.mark.parametrize("after", range(ATTEMPTS))
@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
def test_a_failure_at_any_step_leaves_one_whole_graph(
    step: str, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law: after a failed save the folder loads: the old graph without leftovers, or the new one.

    Where the folder could not be synchronized the old data stays, because the old document may still come back.
    """
    home = saved(rich_graph(), tmp_path)
    old, new = rich_graph().fingerprint(), new_graph().fingerprint()
    with monkeypatch.context() as patch:
        break_at(patch, step, after, OSError(errno.EIO, "Input/output error"))
        refusal = refusal_of(home)
    assert refusal is None or "could not be written (Input/output error)" in str(refusal)
    assert refusal is None or isinstance(refusal.__cause__, OSError)
    found = load(home).fingerprint()
    assert found == new or (found == old and len(contents(home)) == 3)
    save(tiny_graph(), home)
    assert len(contents(home)) == 2


@pytest.mark.parametrize("after", range(ATTEMPTS))
@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
def test_dying_at_any_step_leaves_one_whole_graph(
    step: str, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law: if nothing after the step runs, not even the removal of temporary files, the folder still loads."""
    home = saved(rich_graph(), tmp_path)
    known = {rich_graph().fingerprint(), new_graph().fingerprint()}
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_: None)
        patch.setattr("nadoo_graphs.saving.folder.rmtree", lambda *_, **__: None)
        break_at(patch, step, after, PowerCut())
        with suppress(PowerCut):
            save(new_graph(), home)
    assert load(home).fingerprint() in known
    save(tiny_graph(), home)
    assert load(home).fingerprint() == tiny_graph().fingerprint()
    assert len(contents(home)) == 2


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
def test_the_attempts_reach_past_the_last_step(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = saved(rich_graph(), tmp_path)
    break_at(monkeypatch, step, ATTEMPTS - 1, PowerCut())
    save(new_graph(), home)


def test_a_failure_in_a_new_folder_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_at(monkeypatch, "replace", 0, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(SaveError):
        saved(tiny_graph(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def write_nothing(tensors: dict[str, torch.Tensor], path: Path) -> None:
    raise SafetensorError("I/O error: No space left on device (os error 28)")


def test_a_full_disk_is_said_to_be_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = saved(tiny_graph(), tmp_path)
    before = contents(home)
    monkeypatch.setattr("nadoo_graphs.saving.write.save_file", write_nothing)
    with pytest.raises(SaveError, match=r"the disk is full .*; free some space or choose another folder"):
        save(new_graph(), home)
    assert contents(home) == before


def test_a_folder_that_may_not_be_written_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_at(monkeypatch, "replace", 0, OSError(errno.EROFS, "Read-only file system"))
    with pytest.raises(SaveError, match=r"may not be written .*choose another folder or change its permissions"):
        saved(tiny_graph(), tmp_path)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "graph").write_text("something else")
    with pytest.raises(SaveError, match="E05 folder"):
        saved(tiny_graph(), tmp_path)
    assert (tmp_path / "graph").read_text() == "something else"


def test_old_data_files_are_removed_and_other_files_are_not(tmp_path: Path) -> None:
    home = saved(rich_graph(), tmp_path)
    (home / "notes.txt").write_text("mine")
    (home / "tensors-mine.safetensors").write_text("mine")
    (home / f".nadoo-{'0' * 16}").mkdir()
    (home / f".nadoo-{'0' * 16}" / "tensors").write_text("left by a crash")
    save(tiny_graph(), home)
    kept = {"graph.json", "notes.txt", "tensors-mine.safetensors"}
    (data,) = set(contents(home)) - kept
    assert OURS.fullmatch(data)


def test_only_files_of_ours_count_as_ours() -> None:
    ours = [f"tensors-{'0' * 16}.safetensors", f"examples-{'f' * 16}.safetensors", f".nadoo-{'a' * 16}"]
    others = ["graph.json", "tensors-1.safetensors", f"tensors-{'g' * 16}.safetensors", f"x.nadoo-{'a' * 16}"]
    assert all(OURS.fullmatch(name) for name in ours)
    assert not any(OURS.fullmatch(name) for name in others)


def test_files_may_be_read_by_whom_the_umask_allows(tmp_path: Path) -> None:
    home = saved(rich_graph(), tmp_path)
    plain = tmp_path / "plain"
    plain.write_text("")
    assert {path.stat().st_mode for path in home.iterdir()} == {plain.stat().st_mode}


KILLED = """
import os, sys
from pathlib import Path
from nadoo_graphs.saving import load, save
home = Path(sys.argv[1])
graph = load(home)
graph.set_tensor("fc.weight", graph.tensor("fc.weight") + 1)
if sys.argv[2] == "before":
    Path.replace = lambda *_: os._exit(9)
os.fsync = lambda descriptor: None
save(graph, home)
"""


@pytest.mark.parametrize(("moment", "expected"), [("before", 9), ("never", 0)])
def test_a_killed_process_leaves_the_old_graph(moment: str, expected: int, tmp_path: Path) -> None:
    home = saved(tiny_graph(), tmp_path)
    before = load(home).fingerprint()
    answer = subprocess.run([sys.executable, "-c", KILLED, str(home), moment], check=False)
    assert answer.returncode == expected
    assert (load(home).fingerprint() == before) == (expected == 9)

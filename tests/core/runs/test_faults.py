"""Faults: passes that raise or answer nonsense, full disks, altered stores; each a clear error, and nothing is lost."""

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from nadoo_core.errors import DataError, RunError
from nadoo_core.runs import RunObserver, RunStoppedError, read_ledger
from nadoo_core.store import Store
from nadoo_graphs.graph import ModelGraph
from tests.core.runs.toys import DATA, DATA_SETS, PASSES, states, toy_graph, toy_recipe, toy_registry, toy_run

GOOD = '[[step]]\npass = "scale-weights"\nfactor = 0.9\n'


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", r"raised ZeroDivisionError: no number"),
        ("nonsense", r"apply returned int; it must change the graph"),
        ("idle", r"changed nothing; change its options, remove it, or set allow_no_change = true"),
    ],
)
def test_a_bad_pass_stops_the_run_and_is_never_stored(name: str, message: str, tmp_path: Path) -> None:
    recipe = toy_recipe(f'{GOOD}[[step]]\npass = "{name}"\n[[step]]\npass = "rename"\n')
    for attempt in range(2):
        with pytest.raises(RunStoppedError, match=message) as stopped:
            toy_run(tmp_path, recipe)
        ledger = stopped.value.ledger
        assert states(ledger) == ["done", "failed"]
        assert ledger["steps"][0]["reused"] is bool(attempt)
        assert message.split(maxsplit=1)[0] in ledger["steps"][1]["error"][0]
    titles = [entry.title for entry in Store(tmp_path / "store").entries() if entry.kind == "step"]
    assert titles == ["recipe: scale-weights"]


def test_what_a_failed_step_was_given_is_kept_on_request(tmp_path: Path) -> None:
    with pytest.raises(RunStoppedError) as stopped:
        toy_run(tmp_path, toy_recipe(f'{GOOD}[[step]]\npass = "raises"\n'), keep_failed=True)
    kept = ModelGraph.load(tmp_path / "out" / "failed" / "raises")
    assert kept.fingerprint() == stopped.value.ledger["steps"][0]["fingerprint"]


def test_a_step_that_may_do_nothing_may(tmp_path: Path) -> None:
    result = toy_run(tmp_path, toy_recipe('[[step]]\npass = "idle"\nallow_no_change = true\n'))
    assert result.fingerprint == toy_graph().fingerprint()
    assert states(result.ledger) == ["done"]


def test_a_need_that_a_rolled_back_step_would_have_met_stops_the_run(tmp_path: Path) -> None:
    limit = 'limit = { loss_rise = 0.1, otherwise = "roll back" }\n'
    learn = '[[step]]\npass = "learn"\nepochs = 4\n'
    steps = f'{learn}[[step]]\npass = "measure"\namount = 50.0\n{limit}[[step]]\npass = "needs-calibration"\n'
    with pytest.raises(RunStoppedError, match="needs the property 'calibrated'"):
        toy_run(tmp_path, toy_recipe(steps))


# --- disks ------------------------------------------------------------------------------------------------------------


def full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("writes", [0, 1, 2, 4, 8, 12])
def test_a_disk_that_fills_up_is_a_clear_error_and_leaves_nothing_half_written(
    writes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law: after a run that met a full disk, what has a final name is whole, and a second run gives the result."""
    expected = toy_run(tmp_path / "other").fingerprint
    real, count = os.fsync, iter(range(1000))
    monkeypatch.setattr(os, "fsync", lambda handle: real(handle) if next(count) < writes else full())
    with pytest.raises(RunError, match="the disk is full"):
        toy_run(tmp_path)
    monkeypatch.undo()
    store = Store(tmp_path / "store")
    assert all(store.load(entry) for entry in store.entries() if entry.files)
    assert len(list(store.folders())) == len(store.entries())
    assert toy_run(tmp_path).fingerprint == expected


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="could not be written"):
        toy_run(tmp_path, out=tmp_path / "file" / "out")


def test_a_read_only_folder_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system answers in such a folder; only the superuser, who may write everywhere, would not be told so."""
    plain = Path.open

    def refusing(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if path.parent == tmp_path / "out" and set(mode) & set("wax+"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return plain(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    with pytest.raises(RunError, match=r"may not be written|could not be written"):
        toy_run(tmp_path)


# --- stores -----------------------------------------------------------------------------------------------------------


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["entry.json", "graph/graph.json", "graph/[0-9a-f]*"])
@pytest.mark.parametrize("step", ["scale-weights", "rename", "jitter"])
def test_an_altered_entry_is_computed_again_when_it_is_needed(file: str, step: str, tmp_path: Path) -> None:
    first = toy_run(tmp_path)
    store = Store(tmp_path / "store")
    entry = next(item for item in store.entries() if item.title == f"recipe: {step}")
    flip(entry.folder / file if "*" not in file else entry.graph_folder / entry.files["small"])
    second = toy_run(tmp_path, keep_steps=True)
    assert second.fingerprint == first.fingerprint
    assert any("is damaged" in note for note in [*second.ledger["notes"], *notes_of(second.ledger)])
    folders = sorted((tmp_path / "out" / "steps").iterdir())
    assert [ModelGraph.load(folder).fingerprint() for folder in folders] == [
        line["fingerprint"] for line in first.steps
    ]


def notes_of(ledger: dict[str, Any]) -> list[str]:
    return [note for step in ledger["steps"] for note in step["notes"]]


def test_an_altered_evaluation_is_measured_again(tmp_path: Path) -> None:
    first = toy_run(tmp_path)
    for entry in Store(tmp_path / "store").entries():
        if entry.kind == "evaluation":
            path = entry.folder / "entry.json"
            path.write_text(path.read_text().replace("0.", "1."))
    assert toy_run(tmp_path).ledger["result"] == first.ledger["result"]


def test_a_store_that_was_emptied_gives_the_same_again(tmp_path: Path) -> None:
    first = toy_run(tmp_path)
    Store(tmp_path / "store").prune(0)
    second = toy_run(tmp_path)
    assert [step["reused"] for step in second.steps] == [False] * 3
    assert second.fingerprint == first.fingerprint


def test_a_pass_whose_source_changed_is_run_again(tmp_path: Path) -> None:
    from nadoo_core.recipe import read_recipe_text
    from nadoo_core.registry import Registry
    from nadoo_core.runs import run

    source = PASSES.read_text()
    reused: list[bool] = []
    for remark in ("", "# another remark\n", ""):
        (tmp_path / "passes.py").write_text(source + remark)
        registry = Registry.of(installed=False, files=[tmp_path / "passes.py", DATA_SETS])
        recipe = read_recipe_text(DATA + GOOD, registry=registry)
        result = run(recipe, model=toy_graph(), store=tmp_path / "store", registry=registry)
        reused.append(result.steps[0]["reused"])
    assert reused == [False, False, True]


# --- everything else --------------------------------------------------------------------------------------------------


def test_data_that_does_not_fit_the_model_stops_the_run_with_its_ledger(tmp_path: Path) -> None:
    recipe = toy_recipe(data=DATA.replace("shape = [8]", "shape = [9]"))
    with pytest.raises(RunStoppedError) as stopped:
        toy_run(tmp_path, recipe)
    assert stopped.value.problems
    assert read_ledger(tmp_path / "out")["state"] == "stopped"


def test_roles_that_the_data_cannot_fill_are_refused(tmp_path: Path) -> None:
    with pytest.raises((DataError, RunStoppedError), match="calibration is 5000 of 100 examples"):
        toy_run(tmp_path, toy_recipe(data=DATA.replace("calibration = 32", "calibration = 5000")))


def test_a_folder_without_a_ledger_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has no ledger that can be read"):
        read_ledger(tmp_path)
    (tmp_path / "ledger.json").write_text('{"schema": "something"}')
    with pytest.raises(RunError, match="is no ledger"):
        read_ledger(tmp_path)


def test_the_toys_are_the_only_passes_of_these_tests() -> None:
    assert {offer.plugin for offer in toy_registry().offers("passes")} == {"toy_passes"}


def test_a_step_that_hangs_is_interrupted_and_the_run_goes_on_from_before_it(tmp_path: Path) -> None:
    recipe = toy_recipe(f'{GOOD}[[step]]\npass = "jitter"\ndelay = 60.0\n')
    with pytest.raises(RunStoppedError, match=r"took longer than the 4 s that a step may take") as stopped:
        toy_run(tmp_path, recipe, step_timeout=4)
    assert states(stopped.value.ledger) == ["done", "failed"]
    again = toy_run(tmp_path, toy_recipe(f'{GOOD}[[step]]\npass = "jitter"\n'), step_timeout=60)
    assert [step["reused"] for step in again.ledger["steps"]] == [True, False]


def test_an_observer_that_hangs_is_called_once_and_disturbs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    class Sleeper(RunObserver):
        def step_started(self, name: str, index: int, total: int) -> None:
            calls.append(name)
            time.sleep(60)

    monkeypatch.setattr("nadoo_core.runs.observer.PLUGIN_S", 0.1)
    result = toy_run(tmp_path, observer=Sleeper())
    assert calls == ["scale-weights"]
    assert "an observer of step_started took longer than 0.1 s and is called no more" in result.ledger["notes"]

"""A run that was killed, at any moment, goes on: the same result, no finished step repeated, trainings taken up."""

import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from nadoo_core.errors import RunError
from nadoo_core.runs import RunObserver, RunResult, read_ledger
from nadoo_core.store import Store
from tests.core.runs.toys import toy_recipe, toy_run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing can be killed and forked there")
MOMENTS = 20
STEPS = """
[[step]]
pass = "jitter"
delay = 0.05
[[step]]
pass = "learn"
epochs = 6
[[step]]
pass = "rename"
[[step]]
pass = "jitter"
delay = 0.05
name = "last"
"""


def in_a_child(work: Callable[[], object]) -> multiprocessing.process.BaseProcess:
    """A forked process, which has torch already."""
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    return child


def killed(work: Callable[[], object], after_s: float) -> None:
    """Do something in a process that is killed after a while, if it is not done by then."""
    child = in_a_child(work)
    child.join(after_s)
    if child.is_alive():
        os.kill(int(child.pid or 0), signal.SIGKILL)
    child.join()


def run_steps(folder: Path, observer: RunObserver | None = None) -> RunResult:
    return toy_run(folder, toy_recipe(STEPS), observer=observer)


def calls(folder: Path) -> Counter[str]:
    """How often each step was really begun."""
    path = folder / "calls"
    return Counter(path.read_text().splitlines()) if path.exists() else Counter()


def finished(folder: Path) -> set[str]:
    """The steps that the store has."""
    entries = Store(folder / "store").entries()
    return {entry.title.removeprefix("recipe: ") for entry in entries if entry.kind == "step"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, float]:
    """The fingerprint of a run that nobody killed, and how long it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run_steps(folder)
    started = time.perf_counter()
    result = run_steps(tmp_path_factory.mktemp("again"))
    return result.fingerprint, time.perf_counter() - started


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_killed_run_goes_on(
    moment: int, tmp_path: Path, undisturbed: tuple[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law: kill, start again, and the fingerprint is that of an undisturbed run; no finished step is begun again."""
    monkeypatch.setenv("TOY_CALLS", str(tmp_path / "calls"))
    fingerprint, seconds = undisturbed
    source = random.Random(moment)  # noqa: S311 - nothing secret
    for _ in range(2):
        killed(lambda: run_steps(tmp_path), seconds * (moment + source.random()) / MOMENTS)
    done, before = finished(tmp_path), calls(tmp_path)
    result = run_steps(tmp_path)
    after = calls(tmp_path) - before
    assert result.fingerprint == fingerprint
    assert read_ledger(tmp_path / "out")["state"] == "done"
    assert {line.split()[1] for line in after} & done == set()
    assert {step["name"] for step in result.steps if step["reused"]} == done
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == [".nadoo-lock"]


class KilledInTraining(RunObserver):
    """Kills the process in the middle of a training."""

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        if done == total // 2:
            os.kill(os.getpid(), signal.SIGKILL)


class FirstProgress(RunObserver):
    """Remembers where a training began."""

    first: int | None = None

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        self.first = done if self.first is None else self.first


def test_a_killed_training_goes_on_where_it_was(tmp_path: Path, undisturbed: tuple[str, float]) -> None:
    child = in_a_child(lambda: run_steps(tmp_path, KilledInTraining()))
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert len(list((tmp_path / "store" / "trainings").iterdir())) == 1
    watch = FirstProgress()
    assert run_steps(tmp_path, watch).fingerprint == undisturbed[0]
    assert watch.first is not None
    assert watch.first > 6
    assert list((tmp_path / "store" / "trainings").iterdir()) == []


class Waiting(RunObserver):
    """Says that the run has begun, and waits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run_started(self, name: str, steps: tuple[str, ...]) -> None:
        (self.folder / "begun").touch()
        time.sleep(60)


def test_two_runs_on_one_folder_the_second_is_refused(tmp_path: Path) -> None:
    child = in_a_child(lambda: run_steps(tmp_path, Waiting(tmp_path)))
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    try:
        with pytest.raises(RunError, match=rf"N18 folder .*: process {child.pid} on .* works here"):
            run_steps(tmp_path)
    finally:
        os.kill(int(child.pid or 0), signal.SIGKILL)
        child.join()
    assert run_steps(tmp_path).ledger["state"] == "done"


def test_two_runs_in_two_folders_share_a_store(tmp_path: Path) -> None:
    children = [in_a_child(lambda name=name: toy_run(tmp_path, toy_recipe(STEPS), out=tmp_path / name))
                for name in ("a", "b")]  # fmt: skip
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    results = [read_ledger(tmp_path / name)["result"] for name in ("a", "b")]
    assert results[0] == results[1]

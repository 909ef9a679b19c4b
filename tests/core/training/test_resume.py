"""A training that was interrupted anywhere ends with the weights and the log of one that was not, bit for bit."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from nadoo_core.data import Examples
from nadoo_core.errors import TrainingError
from nadoo_core.training import Moment, Trainer, TrainingHook, TrainingLog
from nadoo_graphs.errors import SaveError
from tests.core.training.small import equal, network, options, train, validation

STEPS = 6
"""A training has three epochs of so many steps."""


class InterruptionError(Exception):
    """What ends a training before its time."""


class Average(TrainingHook):
    """Remembers a moving average of a weight, and adds it to the log and to the model."""

    def __init__(self) -> None:
        self.mean = torch.zeros(3)

    def on_step(self, moment: Moment) -> None:
        bias: torch.Tensor = moment.model.get_parameter("5.bias")
        self.mean = 0.9 * self.mean + 0.1 * bias.detach()

    def on_epoch_end(self, moment: Moment) -> dict[str, float]:
        with torch.no_grad():
            moment.model.get_parameter("5.bias").copy_(self.mean)
        return {"mean": float(self.mean.sum())}

    def state(self) -> Mapping[str, torch.Tensor]:
        return {"mean": self.mean}

    def restore(self, state: Mapping[str, torch.Tensor], moment: Moment) -> None:
        self.mean = state["mean"]


def fit(model: torch.nn.Module, folder: Path | None, stop: int | None = None, **changes: Any) -> TrainingLog:
    """Train, unless it is interrupted after so many steps."""

    def progress(done: int, total: int, text: str) -> None:
        if done == stop:
            raise InterruptionError

    trainer = Trainer(model, options(**changes), hooks=[Average()], progress=progress, checkpoints=folder)
    return trainer.fit(train(), validation())


@pytest.mark.parametrize("changes", [
    {}, {"optimizer": "sgd", "momentum": 0.9, "clip_norm": 0.5}, {"optimizer": "adamw", "schedule": "constant"},
    {"patience": 1}, {"keep": "last"}, {"rate_every": "step"},
    {"layout": "channels-last"}, {"optimizer": "muon"},
])  # fmt: skip
@pytest.mark.parametrize("stop", [3, STEPS, 2 * STEPS + 4])
def test_a_resumed_training_equals_an_undisturbed_one(tmp_path: Path, changes: dict[str, Any], stop: int) -> None:
    """Whatever the step, the optimizer and the options; every step has its checkpoint here."""
    undisturbed, resumed = network(), network()
    expected = fit(undisturbed, None, **changes)
    if stop <= STEPS * len(expected.records):
        with pytest.raises(InterruptionError):
            fit(network(), tmp_path / "run", stop, checkpoint_every=0.0, **changes)
    log = fit(resumed, tmp_path / "run", checkpoint_every=100.0, **changes)
    assert log == expected and equal(undisturbed, resumed)


def test_interrupted_again_and_again(tmp_path: Path) -> None:
    undisturbed, resumed = network(), network()
    expected = fit(undisturbed, None)
    for stop in range(2, 3 * STEPS, 5):
        with pytest.raises(InterruptionError):
            fit(network(), tmp_path, stop, checkpoint_every=0.0)
    assert fit(resumed, tmp_path, checkpoint_every=0.0) == expected and equal(undisturbed, resumed)


def test_without_checkpoints_inside_an_epoch_only_that_epoch_is_repeated(tmp_path: Path) -> None:
    with pytest.raises(InterruptionError):
        fit(network(), tmp_path, 2 * STEPS + 3)
    seen: list[int] = []
    trainer = Trainer(
        network(), options(), hooks=[Average()], progress=lambda done, *_: seen.append(done), checkpoints=tmp_path
    )
    trainer.fit(train(), validation())
    assert seen == list(range(2 * STEPS + 1, 3 * STEPS + 1))


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first, second = network(), network()
    log = fit(first, tmp_path)
    assert fit(second, tmp_path, stop=1) == log and equal(first, second)


PROGRAM = """
import os, signal, sys
from pathlib import Path
from tests.core.training.small import network, options, train, validation
from tests.core.training.test_resume import Average
from nadoo_core.training import Trainer
import torch
torch.set_num_threads(1)
def progress(done, total, text):
    if done == 10:
        os.kill(os.getpid(), signal.SIGKILL)
trainer = Trainer(network(), options(checkpoint_every=0.0), hooks=[Average()], progress=progress,
                  checkpoints=Path(sys.argv[1]))
trainer.fit(train(), validation())
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_process_leaves_a_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "run")]
    killed = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    state = json.loads((tmp_path / "run" / "training.json").read_text())["state"]
    assert (state["epoch"], state["step"]) == (1, 3)
    undisturbed, resumed = network(), network()
    assert fit(undisturbed, None) == fit(resumed, tmp_path / "run") and equal(undisturbed, resumed)


def test_a_save_that_fails_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle of a save ends the training with a message; the folder is as it was."""
    with pytest.raises(InterruptionError):
        fit(network(), tmp_path, STEPS + 2, checkpoint_every=0.0)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(tensors: Any, path: Path) -> None:
        path.write_bytes(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(SaveError, match="the disk is full"):
        fit(network(), tmp_path, checkpoint_every=0.0)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    monkeypatch.undo()
    undisturbed, resumed = network(), network()
    assert fit(undisturbed, None) == fit(resumed, tmp_path) and equal(undisturbed, resumed)


def test_a_folder_holds_one_checkpoint_and_nothing_pickled(tmp_path: Path) -> None:
    fit(network(), tmp_path, checkpoint_every=0.0)
    names = sorted(path.suffix for path in tmp_path.iterdir())
    assert names == [".json", ".safetensors"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"rate": 0.02}, "rate"), ({"batch": 8, "seed": 9}, "batch, seed"), ({"epochs": 4}, "epochs")],
)
def test_another_training_does_not_go_on_with_it(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    fit(network(), tmp_path)
    with pytest.raises(TrainingError, match=f"belongs to a training with other {named}; choose another folder"):
        fit(network(), tmp_path, **changes)


def test_another_model_or_other_data_do_not_go_on_with_it(tmp_path: Path) -> None:
    fit(network(), tmp_path)
    other = network()
    with torch.no_grad():
        other[5].bias.add_(1)
    with pytest.raises(TrainingError, match="with other model;"):
        fit(other, tmp_path)
    fewer = Examples(train().inputs[:80], train().targets[:80])  # type: ignore[index]
    trainer = Trainer(network(), options(), hooks=[Average()], checkpoints=tmp_path)
    with pytest.raises(TrainingError, match="with other training data;"):
        trainer.fit(fewer, validation())


def altered(folder: Path, change: str) -> None:
    """Damage a checkpoint in one way."""
    document, (tensors,) = folder / "training.json", folder.glob("*.safetensors")
    read: dict[str, Any] = json.loads(document.read_text())
    if change == "bit":
        data = bytearray(tensors.read_bytes())
        data[-1] ^= 1
        tensors.write_bytes(data)
    elif change == "missing":
        tensors.unlink()
    elif change == "cut":
        document.write_text(document.read_text()[:50])
    elif change == "version":
        document.write_text(json.dumps({**read, "version": 99}))
    elif change == "escape":
        document.write_text(json.dumps({**read, "tensors": "../elsewhere.safetensors"}))
    else:
        document.write_text("[]")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("bit", "was altered after it was written"),
        ("missing", "No such file"),
        ("cut", "is not strict JSON"),
        ("version", "is no checkpoint of version 1"),
        ("escape", "is not a plain file name"),
        ("list", "is no checkpoint of version 1"),
    ],
)
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, change: str, message: str) -> None:
    fit(network(), tmp_path)
    altered(tmp_path, change)
    with pytest.raises(TrainingError, match=f"{message}.*remove the folder to train from the beginning"):
        fit(network(), tmp_path)

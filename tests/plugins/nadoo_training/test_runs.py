"""train and heal inside a real run: reproducible, and resumed inside the training when the run was killed there."""

from pathlib import Path

import pytest

from nadoo_core.recipe import read_recipe_text
from nadoo_core.runs import RunObserver, RunResult, run

RECIPE = """
name = "short"
seed = 3

[model]
python = "nadoo_recipes.models:digits_cnn"
arguments = { channels = 2, hidden = 16 }

[data]
dataset = "digits"

[[step]]
pass = "train"
epochs = 3
batch = 128
rate = 0.01
augmentation = { shift = 0.1 }

[[step]]
pass = "heal"
epochs = 1
"""


class Killer(RunObserver):
    """Ends the process, as far as the run can tell, at a moment of the training."""

    def __init__(self, moment: int) -> None:
        self.left = moment

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


class Counter(RunObserver):
    """Notes how far every report of progress says the step is."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, int]] = []

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        self.reports.append((step, done))


def start(store: Path, observer: RunObserver | None = None, **changes: str) -> RunResult:
    options = [f"{key.replace('_', '.')}={value}" for key, value in changes.items()]
    return run(read_recipe_text(RECIPE, changes=options), store=store, observer=observer)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fingerprint of a run that nobody disturbed."""
    return start(tmp_path_factory.mktemp("undisturbed")).fingerprint


def test_training_is_reproducible(tmp_path: Path, undisturbed: str) -> None:
    assert start(tmp_path).fingerprint == undisturbed


def test_another_seed_gives_other_weights(tmp_path: Path, undisturbed: str) -> None:
    assert start(tmp_path, seed="4").fingerprint != undisturbed


@pytest.mark.parametrize("moment", [1, 14, 29])
def test_a_training_that_was_killed_goes_on_to_the_same_weights(tmp_path: Path, undisturbed: str, moment: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, Killer(moment))
    assert start(tmp_path).fingerprint == undisturbed


def test_a_resumed_training_repeats_no_finished_epoch(tmp_path: Path) -> None:
    whole, rest = Counter(), Counter()
    start(tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "killed", Killer(25))
    start(tmp_path / "killed", rest)
    trained = [done for step, done in rest.reports if step == "train"]
    assert 0 < len(trained) < sum(step == "train" for step, _ in whole.reports)


def test_the_ledger_holds_the_log_of_every_epoch(tmp_path: Path) -> None:
    steps = start(tmp_path).steps
    assert [len(step["training"][0]["epochs"]) for step in steps] == [3, 1]
    assert {"loss", "accuracy", "validation_loss", "rate"} <= set(steps[0]["training"][0]["epochs"][0])

"""Data made from a seed."""

import pytest
import torch

from nadoo_core.data.synthetic import Synthetic
from nadoo_core.errors import DataError, OptionError


def test_classes_take_turns_and_can_be_told_apart() -> None:
    examples = Synthetic(outputs=3, examples=30, noise=0.0).load("train")
    assert examples.targets is not None and examples.targets.bincount().tolist() == [10, 10, 10]
    assert len({tuple(row.tolist()) for row in examples.inputs}) == 3


def test_regression_has_numbers_and_no_classes() -> None:
    dataset = Synthetic(task="regression", outputs=2)
    assert dataset.classes == () and dataset.load("test").targets.shape == (128, 2)  # type: ignore[union-attr]


def test_the_same_seed_gives_the_same_data_and_another_another() -> None:
    first, second = Synthetic().load("train"), Synthetic().load("train")
    assert torch.equal(first.inputs, second.inputs)
    assert not torch.equal(first.inputs, Synthetic(seed=1).load("train").inputs)
    assert not torch.equal(first.inputs[:128], Synthetic().load("test").inputs)
    assert Synthetic().fingerprint() == Synthetic().fingerprint() != Synthetic(seed=1).fingerprint()


def test_the_shape_may_be_that_of_images() -> None:
    assert Synthetic(shape=(3, 8, 8)).load("train").inputs.shape == (512, 3, 8, 8)


def test_wrong_options_are_named_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        Synthetic(task="guessing", noise=-1.0, shape=())  # type: ignore[arg-type]
    assert len(caught.value.problems) == 3
    with pytest.raises(OptionError, match="at least one example an output"):
        Synthetic(examples=3, outputs=4)


def test_a_wrong_split_is_refused() -> None:
    with pytest.raises(DataError, match="no split 'dev'"):
        Synthetic().load("dev")

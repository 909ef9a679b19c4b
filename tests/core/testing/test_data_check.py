"""Data sets and metrics are tried out, and each broken promise is found."""

from typing import Any, ClassVar

import pytest
import torch
from attrs import frozen

from nadoo_core.data.examples import Examples
from nadoo_core.data.synthetic import Synthetic
from nadoo_core.errors import CoreCode, DataError, Problem
from nadoo_core.evaluation import METRICS, Measurement
from nadoo_core.options import option
from nadoo_core.testing.data_check import check_dataset, check_metric


@frozen(kw_only=True)
class Plain:
    """A data set without a fault; the others below have one each."""

    name: ClassVar[str] = "plain"
    classes: ClassVar[tuple[str, ...]] = ("a", "b")

    def load(self, split: str) -> Any:
        if split not in {"train", "test"}:
            raise DataError(Problem(CoreCode.DATA, "plain", f"no {split}; give train or test"))
        return Examples(torch.ones(4, 2), torch.tensor([0, 1, 0, 1]))

    def fingerprint(self) -> str:
        return "plain"


@frozen(kw_only=True)
class Moody(Plain):
    def load(self, split: str) -> Any:
        found = super().load(split)
        return Examples(torch.rand(4, 2), found.targets)


@frozen(kw_only=True)
class Overfull(Plain):
    classes: ClassVar[tuple[str, ...]] = ("a",)


@frozen(kw_only=True)
class Bare(Plain):
    def load(self, split: str) -> Any:
        super().load(split)
        return torch.ones(4, 2)


@frozen(kw_only=True)
class Yielding(Plain):
    def load(self, split: str) -> Any:
        return Examples(torch.ones(4, 2), torch.tensor([0, 1, 0, 1]))


@frozen(kw_only=True)
class Clumsy(Plain):
    def load(self, split: str) -> Any:
        return {"train": super().load("train"), "test": super().load("test")}[split]


@frozen(kw_only=True)
class Empty(Plain):
    def load(self, split: str) -> Any:
        return super().load(split).take([])


@frozen(kw_only=True)
class Renamed(Plain):
    name: ClassVar[str] = "another"


@frozen(kw_only=True)
class Absent(Plain):
    def load(self, split: str) -> Any:
        raise DataError(Problem(CoreCode.DATA, "plain", "the archive is not there; download it"))


@frozen(kw_only=True)
class Needy(Plain):
    folder: str = option(help="where the files are")


class Nothing:
    """No data set at all."""


def test_a_data_set_that_keeps_its_promises_holds() -> None:
    assert check_dataset("plain", Plain).state == "holds"
    assert check_dataset("synthetic", Synthetic).state == "holds"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Moody, "other examples each time"),
        (Overfull, "the label 1; there are 1 classes"),
        (Bare, "gave Tensor"),
        (Yielding, "'no such split'"),
        (Clumsy, "raised KeyError"),
        (Empty, "no examples"),
        (Renamed, "calls itself 'another'"),
        (Nothing, "is no data set"),
    ],
)
def test_a_broken_promise_is_found(wrong: Any, said: str) -> None:
    item = check_dataset("plain", wrong)
    assert item.state == "broken", item.text()
    assert said in "\n".join(item.problems)


@pytest.mark.parametrize(("kept", "said"), [(Absent, "the archive is not there"), (Needy, "needs options")])
def test_a_data_set_without_its_files_or_options_is_said_to_be_unchecked(kept: Any, said: str) -> None:
    item = check_dataset("plain", kept)
    assert item.state == "not checked"
    assert item.ok
    assert said in "\n".join(item.notes)


@pytest.mark.parametrize("name", METRICS)
def test_metrics_of_ours_hold(name: str) -> None:
    item = check_metric(name, METRICS[name])
    assert item.state == "holds", item.text()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda outputs, targets: 0.5, "gave float"),
        (lambda outputs, targets: Measurement(0.5, 3, None), "counts 3 examples"),
        (lambda outputs, targets: Measurement(float(torch.rand(())), 16, None), "and then"),
        (lambda outputs, targets: {}["a"], "raised KeyError"),
    ],
)
def test_a_wrong_metric_is_found(wrong: Any, said: str) -> None:
    item = check_metric("tried", wrong)
    assert item.state == "broken"
    assert said in "\n".join(item.problems)


def test_a_metric_that_takes_nothing_is_found() -> None:
    def picky(outputs: torch.Tensor, targets: torch.Tensor) -> Measurement:
        raise DataError(Problem(CoreCode.DATA, "metric 'picky'", "takes boxes; give boxes"))

    assert "takes neither" in "\n".join(check_metric("picky", picky).problems)

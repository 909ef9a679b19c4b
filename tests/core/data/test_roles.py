"""Roles are reproducible, disjoint and fair; the test set is read once."""

import pytest
import torch
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.data import Examples, TestSet, split_roles
from nadoo_core.data.roles import roles_fingerprint, validation_count
from nadoo_core.data.synthetic import Synthetic
from nadoo_core.errors import DataError


@frozen
class Numbered:
    """Example i is the number i; every third is of class 1."""

    count: int = 90
    labelled: bool = True
    name: str = "numbered"
    classes: tuple[str, ...] = ("often", "seldom")

    def load(self, split: str) -> Examples:
        numbers = torch.arange(self.count if split == "train" else 10)
        labels = (numbers % 3 == 0).long()
        return Examples(numbers[:, None].float(), labels if self.labelled else None)

    def fingerprint(self) -> str:
        return f"{self.count}{self.labelled}"


def members(examples: Examples) -> list[int]:
    return [int(number) for number in examples.inputs.reshape(-1)]


@given(st.integers(10, 120), st.floats(0, 0.9), st.integers(0, 2**31), st.booleans())
def test_roles_divide_the_training_split(count: int, share: float, seed: int, labelled: bool) -> None:
    """Training and validation are disjoint and complete; calibration is part of training."""
    roles = split_roles(Numbered(count, labelled), share, 1, seed)
    train, validation = members(roles.train), members(roles.validation)
    assert sorted([*train, *validation]) == list(range(count))
    assert len(validation) == round(share * count) and set(members(roles.calibration)) <= set(train)


def test_roles_are_the_same_every_time_and_others_with_another_seed() -> None:
    first, second, other = (split_roles(Numbered(), calibration=8, seed=seed) for seed in (3, 3, 4))
    assert members(first.validation) == members(second.validation) != members(other.validation)
    assert first.fingerprint == second.fingerprint != other.fingerprint
    assert first.fingerprint == roles_fingerprint(Numbered(), len(first.validation), 8, 3)


def test_classes_keep_their_share() -> None:
    roles = split_roles(Numbered(), 30, 12)
    for examples, expected in ((roles.validation, [20, 10]), (roles.calibration, [8, 4])):
        assert examples.targets is not None and examples.targets.bincount().tolist() == expected


def test_roles_by_name() -> None:
    roles = split_roles(Synthetic(), calibration=10)
    assert roles.role("calibration") is roles.calibration and roles.classes == ("0", "1", "2", "3")
    with pytest.raises(DataError, match="there are train, validation, test, calibration"):
        roles.role("dev")
    with pytest.raises(DataError, match=r"read through `test.read\(evaluation\)`, once"):
        roles.role("test")


def test_the_test_set_is_read_by_one_evaluation_only() -> None:
    loads: list[int] = []

    def load() -> Examples:
        loads.append(1)
        return Numbered().load("test")

    guarded = TestSet(load)
    assert loads == [] and guarded.evaluation == ""
    assert len(guarded.read("final")) == 10 and len(guarded.read("final")) == 10
    with pytest.raises(DataError, match="was read by 'final' and is asked for by 'search'; it is read once"):
        guarded.read("search")
    assert guarded.evaluation == "final"


def test_a_guard_remembers_across_processes_what_it_is_told() -> None:
    guarded = TestSet(lambda: Numbered().load("test"), evaluation="final")
    assert len(guarded.read("final")) == 10
    with pytest.raises(DataError):
        guarded.read("another")


def test_a_failed_read_is_no_read() -> None:
    def fail() -> Examples:
        raise OSError("gone")

    guarded = TestSet(fail)
    with pytest.raises(OSError, match="gone"):
        guarded.read("first")
    assert guarded.evaluation == ""


def test_an_evaluation_has_a_name() -> None:
    with pytest.raises(DataError, match="without a name"):
        TestSet(lambda: Numbered().load("test")).read("")


@pytest.mark.parametrize(
    ("validation", "calibration", "message"),
    [
        (90, 0, "validation takes 90; leave some"),
        (10, 81, "calibration is 81 of 80 examples; give at most 80"),
        (10, -1, "give 0 or more"),
        (1.5, 0, "must be whole"),
        (-0.1, 0, "give a share below 1 or a count"),
        (float("nan"), 0, "give a share"),
        (float("inf"), 0, "give a share"),
        (True, 0, "give a share"),
    ],
)
def test_impossible_roles_are_refused(validation: float, calibration: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_roles(Numbered(), validation, calibration)


def test_several_mistakes_are_named_together() -> None:
    with pytest.raises(DataError) as caught:
        split_roles(Numbered(), 100, -1)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(("validation", "count"), [(0, 0), (0.15, 15), (0.999, 100), (1, 1), (40.0, 40)])
def test_a_share_or_a_count(validation: float, count: int) -> None:
    assert validation_count(validation, 100) == count

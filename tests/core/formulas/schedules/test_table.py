"""Schedules by the names that recipes use."""

import attrs
import pytest
from hypothesis import given, strategies

from nadoo_core.formulas import (
    ConstantRate,
    CosineRate,
    FormulaError,
    LinearWarmup,
    RateAt,
    Schedule,
    StepRate,
    TwoStep,
    make_schedule,
    schedules,
)
from nadoo_graphs.errors import Code

OPTIONS: dict[str, dict[str, object]] = {
    "set_lr_at": {"rates": {"30": 0.001}},
    "cyclic": {"start": 5, "low": 0.001, "high": 0.01},
}


def test_the_table_holds_frozen_classes_by_the_names_of_recipes() -> None:
    named = "constant cosine cyclic linear_warmup set_lr_at step two_step warm_restarts"
    assert sorted(schedules()) == named.split()
    for kind in schedules().values():
        assert attrs.has(kind)


@pytest.mark.parametrize("name", sorted(schedules()))
def test_every_schedule_is_made_from_its_name(name: str) -> None:
    schedule = make_schedule(name, 0.003, 60, OPTIONS.get(name))
    assert type(schedule) is schedules()[name]
    assert schedule.rate(3) > 0
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        schedule.initial = 1  # type: ignore[attr-defined]


@given(strategies.floats(1e-4, 1), strategies.integers(1, 100))
def test_a_name_gives_what_the_class_gives(initial: float, epochs: int) -> None:
    """Equal to the class called with the same fields."""
    cosine = CosineRate(initial=initial, epochs=epochs)
    assert make_schedule("cosine", initial, epochs) == cosine
    assert make_schedule("two_step", initial, epochs) == TwoStep(base=cosine, epochs=epochs)
    assert make_schedule("constant", initial, epochs) == ConstantRate(initial=initial)
    assert make_schedule("step", initial, epochs, {"every": 3}) == StepRate(initial=initial, every=3)


@pytest.mark.parametrize("base", ["constant", {"name": "constant"}, ConstantRate(initial=0.003)])
def test_a_base_may_be_a_name_a_table_or_a_schedule(base: object) -> None:
    expected = LinearWarmup(base=ConstantRate(initial=0.003), warmup=2)
    assert make_schedule("linear_warmup", 0.003, 60, {"base": base, "warmup": 2}) == expected


def test_bases_nest() -> None:
    inner = {"name": "set_lr_at", "rates": {"30": 0.001}, "base": {"name": "step", "every": 20}}
    found = make_schedule("linear_warmup", 0.003, 60, {"base": inner})
    step = StepRate(initial=0.003, every=20)
    assert found == LinearWarmup(base=RateAt(base=step, rates={30: 0.001}))


def test_a_schedule_of_ones_own_may_be_a_base() -> None:
    class Halving:
        def rate(self, epoch: float) -> float:
            return 0.5**epoch

    assert isinstance(Halving(), Schedule)
    assert make_schedule("two_step", 1, 4, {"base": Halving()}).rate(2) == 0.125


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cosin", {}, "E07 schedule: 'cosin' is not known; did you mean 'cosine'\\? give one of constant, "),
        (
            "cosine",
            {"minimun": 0},
            "E07 cosine.minimun: .* did you mean 'minimum'\\? give one of initial, epochs, minimum",
        ),
        ("set_lr_at", {}, "set_lr_at: needs rates; give a value for each"),
        ("cyclic", {"start": 3}, "cyclic: needs low, high; give a value for each"),
        ("two_step", {"base": 3}, "base: 3 is not allowed; give a schedule, the name of one, or a table"),
        ("two_step", {"base": {"every": 3}}, "E07 schedule: '' is not known; give one of"),
        ("two_step", {"halve_epoch": "x"}, "halve_epoch: 'x' is not allowed; give an integer from 0 to 60"),
        ("set_lr_at", {"rates": 3}, "rates: 3 is not allowed; give a table of epochs and rates"),
    ],
)
def test_a_bad_description_is_refused_with_what_would_be_right(
    name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(FormulaError, match=message):
        make_schedule(name, 0.003, 60, options)


def test_all_unknown_options_are_named_at_once() -> None:
    with pytest.raises(FormulaError) as refusal:
        make_schedule("step", 0.1, 10, {"evry": 3, "gamma": 0.1})
    assert [problem.where for problem in refusal.value.problems] == ["step.evry", "step.gamma"]
    assert refusal.value.codes == (Code.UNKNOWN.value,) * 2

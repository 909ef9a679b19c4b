"""Schedules that change another one."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, strategies

from nadoo_core.formulas import (
    ConstantRate,
    CosineRate,
    CyclicRate,
    FormulaError,
    LinearWarmup,
    RateAt,
    StepRate,
    TwoStep,
)

COSINE = CosineRate(initial=0.003, epochs=60)
BASES = strategies.sampled_from([COSINE, ConstantRate(initial=0.1), StepRate(initial=0.5, every=7)])
EPOCHS = strategies.one_of(strategies.integers(0, 100).map(float), strategies.floats(0, 100))


def test_the_reference_values_of_the_two_steps() -> None:
    schedule = TwoStep(base=COSINE, epochs=60, halve_epoch=30)
    expected = {0: 0.003, 15: 0.0025607, 29: 0.0015785, 30: 0.00075, 31: 0.0007107, 45: 0.0002197, 59: 1.0e-6}
    for epoch, rate in expected.items():
        assert schedule.rate(epoch) == pytest.approx(rate, abs=5.1e-8)
    assert schedule == TwoStep(base=COSINE, epochs=60, halve_epoch=schedule.switch)
    assert TwoStep(base=COSINE, epochs=61).switch == 30


@given(BASES, strategies.integers(0, 80), strategies.floats(0.01, 1), EPOCHS)
def test_two_steps_are_the_base_before_and_its_part_after(
    base: CosineRate, switch: int, factor: float, epoch: float
) -> None:
    """The base before the switch, factor·base from it on."""
    schedule = TwoStep(base=base, epochs=80, halve_epoch=switch, factor=factor)
    assert schedule.rate(epoch) == base.rate(epoch) * (1 if epoch < switch else factor)


def test_the_absolute_rate_of_the_snippet_of_the_seed() -> None:
    schedule = RateAt(base=COSINE, rates={30: 0.001})
    assert schedule.rate(29) == COSINE.rate(29)
    assert schedule.rate(30) == 0.001
    assert schedule.rate(31) == pytest.approx(0.0009477, abs=5.1e-8)
    assert schedule.rate(45) == pytest.approx(0.0002929, abs=5.1e-8)


def test_a_rate_that_is_set_is_what_setting_it_in_torch_does() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.003)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 60)
    schedule = RateAt(base=COSINE, rates={20: 0.002, 30: 0.001})
    for epoch in range(60):
        if epoch in (20, 30):
            optimizer.param_groups[0]["lr"] = {20: 0.002, 30: 0.001}[epoch]
        assert schedule.rate(epoch) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        scheduler.step()


@given(
    BASES,
    strategies.dictionaries(strategies.integers(0, 50), strategies.floats(1e-4, 1), min_size=1, max_size=4),
    EPOCHS,
)
def test_a_rate_that_is_set_holds_in_proportion_until_the_next(
    base: CosineRate, rates: dict[int, float], epoch: float
) -> None:
    """v·base(e)/base(s) after the last s ≤ e, the base before the first; keys of text are the same epochs."""
    schedule = RateAt(base=base, rates=rates)
    for start, rate in rates.items():
        assert schedule.rate(start) == rate
    passed = [start for start in rates if start <= epoch]
    expected = base.rate(epoch)
    if passed:
        expected *= rates[max(passed)] / base.rate(max(passed))
    assert schedule.rate(epoch) == pytest.approx(expected, rel=1e-12)
    assert RateAt(base=base, rates={str(key): value for key, value in rates.items()}) == schedule


@given(BASES, strategies.floats(0.1, 50), strategies.floats(0, 1), EPOCHS)
def test_a_warm_up_ends_at_the_base_and_never_exceeds_it(
    base: CosineRate, warmup: float, start: float, epoch: float
) -> None:
    """base·(start + (1 − start)·e/warmup) before, the base from there on."""
    schedule = LinearWarmup(base=base, warmup=warmup, start=start)
    part = start + (1 - start) * min(epoch / warmup, 1)
    assert schedule.rate(epoch) == pytest.approx(base.rate(epoch) * part, rel=1e-12)
    assert schedule.rate(epoch) <= base.rate(epoch)
    assert schedule.rate(warmup + epoch) == base.rate(warmup + epoch)


def test_the_cycles_of_the_reference() -> None:
    schedule = CyclicRate(base=COSINE, start=60, low=0.001, high=0.01, cycle=5)
    sawtooth = [0.01, 0.00775, 0.0055, 0.00325, 0.001]
    assert [schedule.rate(epoch) for epoch in range(60, 70)] == pytest.approx(sawtooth * 2, abs=1e-12)
    assert schedule.rate(59) == COSINE.rate(59)
    assert list(schedule.snapshots(90)) == [64, 69, 74, 79, 84, 89]


CYCLES = strategies.builds(
    lambda start, ends, cycle: CyclicRate(base=COSINE, start=start, low=min(ends), high=max(ends), cycle=cycle),
    strategies.integers(0, 60),
    strategies.tuples(strategies.floats(1e-4, 1), strategies.floats(1e-4, 1)),
    strategies.integers(2, 12),
)


@given(CYCLES, EPOCHS)
def test_cycles_repeat_within_their_ends(schedule: CyclicRate, passed: float) -> None:
    """In [low, high], high at the start of a cycle, the same again after c epochs."""
    epoch = schedule.start + int(passed)
    assert schedule.rate(epoch + schedule.cycle) == schedule.rate(epoch)
    assert schedule.low <= schedule.rate(schedule.start + passed) <= schedule.high
    assert schedule.rate(schedule.start) == schedule.high


@given(CYCLES, strategies.integers(0, 120))
def test_a_snapshot_is_taken_at_the_end_of_every_cycle(schedule: CyclicRate, epochs: int) -> None:
    """Exactly the epochs start + k·c − 1, at which the rate is low."""
    snapshots = list(schedule.snapshots(epochs))
    assert snapshots == [epoch for epoch in range(epochs) if schedule.is_snapshot(epoch)]
    assert all((epoch + 1 - schedule.start) % schedule.cycle == 0 for epoch in snapshots)
    assert all(schedule.rate(epoch) == schedule.low for epoch in snapshots)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: TwoStep(base=COSINE, epochs=60, halve_epoch=61), ["halve_epoch"]),
        (lambda: TwoStep(base=COSINE, epochs=0, factor=2), ["epochs", "factor"]),
        (lambda: RateAt(base=COSINE, rates={}), ["rates"]),
        (lambda: RateAt(base=COSINE, rates={"soon": 0.1, "-1": 0.1}), ["rates", "rates"]),
        (lambda: RateAt(base=COSINE, rates={"3": 0.1, 3: 0.2}), ["rates"]),
        (lambda: RateAt(base=COSINE, rates={3: 0.0, 60: 0.1}), ["rates[3]", "rates[60]"]),
        (lambda: LinearWarmup(base=COSINE, warmup=0, start=1.5), ["warmup", "start"]),
        (lambda: CyclicRate(base=COSINE, start=-1, low=0.1, high=0.01, cycle=1), ["start", "high", "cycle"]),
    ],
)
def test_an_adjustment_names_everything_that_is_wrong_with_it(make: Callable[[], object], names: list[str]) -> None:
    with pytest.raises(FormulaError) as refusal:
        make()
    assert [problem.where for problem in refusal.value.problems] == names


@pytest.mark.parametrize(
    "schedule",
    [
        TwoStep(base=COSINE, epochs=60),
        RateAt(base=COSINE, rates={1: 0.1}),
        LinearWarmup(base=COSINE),
        CyclicRate(base=COSINE, start=5, low=0.1, high=0.2),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_an_epoch_before_the_first_is_refused(schedule: TwoStep) -> None:
    with pytest.raises(FormulaError, match="epoch: -1 is not allowed"):
        schedule.rate(-1)

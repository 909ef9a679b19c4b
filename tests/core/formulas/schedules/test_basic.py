"""Schedules that stand alone, against the reference values and against torch's own schedulers."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, strategies

from nadoo_core.formulas import ConstantRate, CosineRate, FormulaError, Schedule, StepRate, WarmRestarts

EPOCHS = strategies.one_of(strategies.integers(0, 400).map(float), strategies.floats(0, 400))
RATES = strategies.floats(1e-5, 1)
ENDS = strategies.tuples(RATES, strategies.floats(0, 1)).map(lambda pair: (pair[0], pair[0] * pair[1]))


def cosine(ends: tuple[float, float], epochs: int) -> CosineRate:
    return CosineRate(initial=ends[0], minimum=ends[1], epochs=epochs)


def restarts(ends: tuple[float, float], period: int, multiplier: int) -> WarmRestarts:
    return WarmRestarts(initial=ends[0], minimum=ends[1], period=period, multiplier=multiplier)


COSINES = strategies.builds(cosine, ENDS, strategies.integers(1, 200))
RESTARTS = strategies.builds(restarts, ENDS, strategies.integers(1, 20), strategies.integers(1, 4))
STEPS = strategies.builds(
    lambda initial, every, factor: StepRate(initial=initial, every=every, factor=factor),
    RATES,
    strategies.integers(1, 20),
    strategies.floats(0.01, 1),
)
CONSTANTS = RATES.map(lambda initial: ConstantRate(initial=initial))
Scheduler = torch.optim.lr_scheduler.LRScheduler


def torch_rates(make: Callable[[torch.optim.Optimizer], Scheduler], initial: float, epochs: int) -> list[float]:
    """The rates that a scheduler of torch sets, epoch by epoch."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=initial)
    scheduler, rates = make(optimizer), []
    for _ in range(epochs):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


def test_the_reference_values_of_warm_restarts() -> None:
    schedule = WarmRestarts(initial=1e-3, period=10, multiplier=2)
    expected = {0: 1e-3, 5: 5e-4, 9: 2.45e-5, 10: 1e-3, 20: 5e-4, 29: 6.2e-6, 30: 1e-3, 69: 1.5e-6}
    for epoch, rate in expected.items():
        assert schedule.rate(epoch) == pytest.approx(rate, rel=0.03)
    assert schedule.rate(9) == pytest.approx(2.447e-5, abs=1e-8)


@pytest.mark.parametrize(
    ("period", "multiplier", "epochs"), [(5, 4, [5, 25, 105]), (10, 2, [10, 30, 70]), (7, 1, [7, 14, 21])]
)
def test_the_restarts_of_the_reference(period: int, multiplier: int, epochs: list[int]) -> None:
    schedule = WarmRestarts(initial=1e-3, period=period, multiplier=multiplier)
    assert list(schedule.restarts(epochs[-1] + 1)) == epochs
    assert list(schedule.restarts(epochs[-1])) == epochs[:-1]


def test_the_reference_values_of_the_cosine() -> None:
    schedule = CosineRate(initial=0.003, epochs=60)
    for epoch, rate in {0: 0.003, 15: 0.0025607, 29: 0.0015785, 30: 0.0015, 31: 0.0014215, 45: 0.0004393}.items():
        assert schedule.rate(epoch) == pytest.approx(rate, abs=5.1e-8)


def test_a_step_by_hand() -> None:
    schedule = StepRate(initial=1.0)
    assert [schedule.rate(epoch) for epoch in (0, 9, 9.9, 10)] == [1, 1, 1, 0.1]
    assert schedule.rate(25) == pytest.approx(0.01)


@pytest.mark.parametrize(("initial", "epochs", "minimum"), [(0.003, 60, 0.0), (0.1, 7, 0.01)])
def test_the_cosine_is_that_of_torch(initial: float, epochs: int, minimum: float) -> None:
    schedule = CosineRate(initial=initial, epochs=epochs, minimum=minimum)
    expected = torch_rates(
        lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, minimum), initial, epochs + 1
    )
    assert [schedule.rate(epoch) for epoch in range(epochs + 1)] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("period", "multiplier"), [(10, 2), (5, 4), (3, 1)])
def test_warm_restarts_are_those_of_torch(period: int, multiplier: int) -> None:
    schedule = WarmRestarts(initial=0.1, period=period, multiplier=multiplier, minimum=0.001)
    expected = torch_rates(
        lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, period, multiplier, 0.001),
        0.1,
        110,
    )
    assert [schedule.rate(epoch) for epoch in range(110)] == pytest.approx(expected, abs=1e-9)


def test_steps_are_those_of_torch() -> None:
    schedule = StepRate(initial=0.1, every=4, factor=0.3)
    expected = torch_rates(lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.3), 0.1, 30)
    assert [schedule.rate(epoch) for epoch in range(30)] == pytest.approx(expected, abs=1e-9)


@given(strategies.one_of(COSINES, STEPS, CONSTANTS), EPOCHS, EPOCHS)
def test_a_rate_never_rises(schedule: CosineRate | StepRate | ConstantRate, first: float, second: float) -> None:
    """Non-increasing in the epoch, η₀ at epoch 0, and the same whenever it is asked."""
    before, after = sorted((first, second))
    assert schedule.rate(after) <= schedule.rate(before) * (1 + 1e-12)
    assert schedule.rate(0) == schedule.initial
    assert schedule.rate(before) == schedule.rate(before)
    assert isinstance(schedule, Schedule)


@given(strategies.one_of(COSINES, RESTARTS), EPOCHS)
def test_a_wave_stays_within_its_ends(schedule: CosineRate | WarmRestarts, epoch: float) -> None:
    """η_min ≤ η ≤ η₀."""
    assert schedule.minimum <= schedule.rate(epoch) <= schedule.initial


@given(COSINES, strategies.floats(0, 1))
def test_a_cosine_follows_its_formula_and_stays_down(schedule: CosineRate, progress: float) -> None:
    """η_min + (η₀ − η_min)(1 + cos(πe/E))/2 until E, then η_min."""
    span = schedule.initial - schedule.minimum
    expected = schedule.minimum + span * (1 + math.cos(math.pi * progress)) / 2
    assert schedule.rate(progress * schedule.epochs) == pytest.approx(expected, abs=1e-9)
    assert schedule.rate(schedule.epochs) == schedule.rate(2 * schedule.epochs) == schedule.minimum


@given(STEPS, strategies.integers(0, 30), strategies.floats(0, 0.999))
def test_a_step_is_constant_between_its_edges(schedule: StepRate, steps: int, part: float) -> None:
    """η₀·γ^⌊e/step⌋."""
    expected = schedule.initial * schedule.factor**steps
    assert schedule.rate((steps + part) * schedule.every) == pytest.approx(expected, rel=1e-12)


@given(RESTARTS)
def test_a_restart_begins_at_the_first_rate_and_periods_sum(schedule: WarmRestarts) -> None:
    """η(restart) = η₀, and restarts lie one period after another."""
    start, period = 0, schedule.period
    for restart in schedule.restarts(500):
        assert restart == start + period
        assert schedule.rate(restart) == schedule.initial
        start, period = restart, period * schedule.multiplier


@given(RESTARTS, EPOCHS)
def test_every_period_is_a_cosine_of_its_length(schedule: WarmRestarts, epoch: float) -> None:
    """Within a period of T that began t ago, the rate is that of a cosine of T epochs at t."""
    passed, period = schedule.place(epoch)
    assert 0 <= passed < period
    wave = CosineRate(initial=schedule.initial, epochs=int(period), minimum=schedule.minimum)
    assert schedule.rate(epoch) == wave.rate(passed)


@pytest.mark.parametrize("epoch", [-1, math.nan, math.inf, "3", True])
@pytest.mark.parametrize(
    "schedule",
    [
        ConstantRate(initial=1),
        StepRate(initial=1),
        CosineRate(initial=1, epochs=3),
        WarmRestarts(initial=1),
        WarmRestarts(initial=1, multiplier=1),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_an_epoch_that_is_none_is_refused(schedule: Schedule, epoch: float) -> None:
    with pytest.raises(FormulaError, match=r"epoch: .* is not allowed; give a finite number of at least 0"):
        schedule.rate(epoch)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: ConstantRate(initial=0), ["initial"]),
        (lambda: StepRate(initial=-1, every=0, factor=1.5), ["initial", "every", "factor"]),
        (lambda: CosineRate(initial=1, epochs=0, minimum=2), ["epochs", "minimum"]),
        (lambda: WarmRestarts(initial=1, period=2.5, multiplier=0), ["period", "multiplier"]),  # type: ignore[arg-type]
    ],
)
def test_a_schedule_names_everything_that_is_wrong_with_it(make: Callable[[], object], names: list[str]) -> None:
    with pytest.raises(FormulaError) as refusal:
        make()
    assert [problem.where for problem in refusal.value.problems] == names

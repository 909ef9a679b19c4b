"""Schedules that change another one: halve it, set it to a rate, warm it up, or go on in cycles."""

from collections.abc import Iterator, Mapping
from math import fmod
from typing import TypeAlias, cast

from attrs import field, frozen

from nadoo_core.formulas.blending import blend
from nadoo_core.formulas.errors import FormulaError
from nadoo_core.formulas.parameters import above, at_least, between, problem, require, share_above_zero, whole
from nadoo_core.formulas.schedules.basic import Schedule
from nadoo_graphs.errors import Problem


@frozen(kw_only=True)
class TwoStep:
    """A schedule whose rates are multiplied by a factor from one epoch on, by default halved at half the training.

    Law: the base before the switch, factor·base from it on; a factor and no change to an optimizer, so that the
    closed form stays true whenever it is asked.
    """

    base: Schedule
    epochs: int
    halve_epoch: int | None = None
    factor: float = 0.5

    def __attrs_post_init__(self) -> None:
        """Refuse a switch outside the training and factors that raise the rate."""
        require(whole("epochs", self.epochs, 1), share_above_zero("factor", self.factor))
        require(whole("halve_epoch", self.switch, 0, self.epochs))

    @property
    def switch(self) -> int:
        """The first epoch of the second step: the one given, else ⌊E/2⌋."""
        return self.epochs // 2 if self.halve_epoch is None else self.halve_epoch

    def rate(self, epoch: float) -> float:
        """The rate of the base, times the factor from the switch on."""
        rate = self.base.rate(epoch)
        return rate if epoch < self.switch else rate * self.factor


RatePair: TypeAlias = tuple[int, float]


def rate_pairs(rates: object) -> tuple[RatePair, ...]:
    """Rates by epoch in the order of the epochs; a key may be text, as every key of a recipe is.

    Law: the epochs are different and rise.
    """
    if isinstance(rates, Mapping):
        rates = tuple(cast(Mapping[object, float], rates).items())
    if not isinstance(rates, tuple):
        raise FormulaError(problem("rates", rates, "a table of epochs and rates"))
    pairs = cast(tuple[tuple[object, float], ...], rates)
    wrong = [problem("rates", key, "epochs of at least 0 as keys") for key, _ in pairs if not str(key).isdecimal()]
    if wrong:
        raise FormulaError(wrong)
    ordered = tuple(sorted((int(str(key)), rate) for key, rate in pairs))
    if len(dict(ordered)) < len(ordered):
        raise FormulaError(problem("rates", pairs, "each epoch once"))
    return ordered


@frozen(kw_only=True)
class RateAt:
    """A schedule that is set to given rates at given epochs and goes on from there in its own proportions.

    Law: at an epoch s with a rate v it is v, and v·base(e)/base(s) from there to the next such epoch; the base before
    the first. This is what setting the rate of a recursive scheduler does.
    """

    base: Schedule
    rates: tuple[RatePair, ...] = field(converter=rate_pairs)

    def __attrs_post_init__(self) -> None:
        """Refuse an empty table, rates that are not positive, and epochs at which the base cannot be scaled."""
        require(*map(self.refusal, self.rates))
        if not self.rates:
            raise FormulaError(problem("rates", self.rates, "at least one epoch with its rate"))

    def refusal(self, pair: RatePair) -> Problem | None:
        """What is wrong with one epoch and its rate, if anything."""
        epoch, rate = pair
        refused = above(f"rates[{epoch}]", rate, 0)
        if refused is None and self.base.rate(epoch) == 0:
            return problem(f"rates[{epoch}]", rate, "an epoch at which the rate of the base is greater than 0")
        return refused

    def rate(self, epoch: float) -> float:
        """The rate of the base, scaled by the last rate that was set."""
        base = self.base.rate(epoch)
        passed = [pair for pair in self.rates if pair[0] <= epoch]
        if not passed:
            return base
        start, rate = passed[-1]
        return rate * (base / self.base.rate(start))


@frozen(kw_only=True)
class LinearWarmup:
    """A schedule whose rates grow along a straight line at the beginning.

    Law: base(e)·(start + (1 − start)·e/warmup) before `warmup` epochs, the base from there on; never above the base.
    """

    base: Schedule
    warmup: float = 5
    start: float = 0.1

    def __attrs_post_init__(self) -> None:
        """Refuse a warm-up that takes no time or begins above the base."""
        require(above("warmup", self.warmup, 0), between("start", self.start, 0, 1))

    def rate(self, epoch: float) -> float:
        """The rate of the base, times the part of the warm-up that is reached."""
        return self.base.rate(epoch) * blend(self.start, 1.0, min(epoch / self.warmup, 1.0))


@frozen(kw_only=True)
class CyclicRate:
    """Sawtooth cycles for averaging weights: each falls from high to low, and its last epoch gives a snapshot.

    Law: low + (high − low)·(1 − ((e − start) mod c)/(c − 1)) from `start` on, the base before; within [low, high]
    from there; the same again after c epochs.
    """

    base: Schedule
    start: int
    low: float
    high: float
    cycle: int = 5

    def __attrs_post_init__(self) -> None:
        """Refuse cycles of one epoch, which have no end, and ends in the wrong order."""
        require(
            whole("start", self.start, 0),
            above("low", self.low, 0),
            at_least("high", self.high, self.low),
            whole("cycle", self.cycle, 2),
        )

    def rate(self, epoch: float) -> float:
        """The rate of the base before the cycles, the sawtooth in them."""
        require(at_least("epoch", epoch, 0))
        if epoch < self.start:
            return self.base.rate(epoch)
        passed = fmod(epoch - self.start, self.cycle) / (self.cycle - 1)
        return blend(self.low, self.high, 1.0 - min(passed, 1.0))

    def is_snapshot(self, epoch: int) -> bool:
        """Whether the weights of an epoch, the last of a cycle, enter the average.

        Law: exactly the epochs start + k·c − 1 for k ≥ 1, at which the rate is low.
        """
        require(whole("epoch", epoch, 0))
        return epoch >= self.start and (epoch - self.start) % self.cycle == self.cycle - 1

    def snapshots(self, epochs: int) -> Iterator[int]:
        """The epochs before the given one whose weights enter the average.

        Law: every epoch for which `is_snapshot` holds, in order.
        """
        require(whole("epochs", epochs, 0))
        yield from range(self.start + self.cycle - 1, epochs, self.cycle)

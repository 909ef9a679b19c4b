"""Schedules that stand alone: each is given the first rate and what its curve needs."""

from collections.abc import Iterator
from math import floor, fmod
from typing import Protocol, runtime_checkable

from attrs import frozen

from nadoo_core.formulas.blending import blend, half_cosine
from nadoo_core.formulas.parameters import above, at_least, between, require, share_above_zero, whole


@runtime_checkable
class Schedule(Protocol):
    """The learning rate of every epoch.

    Law: a pure function of the epoch: the same epoch has the same rate, whatever was asked before.
    """

    def rate(self, epoch: float) -> float:
        """The rate at an epoch of at least 0; a fraction of an epoch lies between two epochs."""
        ...


@frozen(kw_only=True)
class ConstantRate:
    """One rate for the whole training.

    Law: η₀.
    """

    initial: float

    def __attrs_post_init__(self) -> None:
        """Refuse a rate that is not positive."""
        require(above("initial", self.initial, 0))

    def rate(self, epoch: float) -> float:
        """The one rate."""
        require(at_least("epoch", epoch, 0))
        return self.initial


@frozen(kw_only=True)
class StepRate:
    """A rate that is multiplied by a factor every few epochs.

    Law: η₀·γ^⌊e/step⌋; non-increasing; constant between steps.
    """

    initial: float
    every: int = 10
    factor: float = 0.1

    def __attrs_post_init__(self) -> None:
        """Refuse a rate that is not positive, and factors that let it grow."""
        require(
            above("initial", self.initial, 0),
            whole("every", self.every, 1),
            share_above_zero("factor", self.factor),
        )

    def rate(self, epoch: float) -> float:
        """The rate after the steps that lie behind an epoch."""
        require(at_least("epoch", epoch, 0))
        return self.initial * self.factor ** floor(epoch / self.every)


@frozen(kw_only=True)
class CosineRate:
    """A rate that falls along half a cosine wave and stays down.

    Law: η_min + (η₀ − η_min)·(1 + cos(πe/E))/2 until E, then η_min; non-increasing; within [η_min, η₀].
    """

    initial: float
    epochs: int
    minimum: float = 0.0

    def __attrs_post_init__(self) -> None:
        """Refuse a rate that would rise or take no time."""
        require(
            above("initial", self.initial, 0),
            whole("epochs", self.epochs, 1),
            between("minimum", self.minimum, 0, self.initial),
        )

    def rate(self, epoch: float) -> float:
        """The rate on the wave."""
        require(at_least("epoch", epoch, 0))
        return blend(self.minimum, self.initial, half_cosine(epoch / self.epochs))


@frozen(kw_only=True)
class WarmRestarts:
    """Cosine waves one after the other, each longer than the last by a whole multiple.

    Law: periods T₀, T₀·m, T₀·m², …; within a period of T that began t ago a cosine of t/T; the rate of a restart is
    η₀. A training ends best one epoch before a restart.
    """

    initial: float
    period: int = 10
    multiplier: int = 2
    minimum: float = 0.0

    def __attrs_post_init__(self) -> None:
        """Refuse rates that would rise and periods that would shrink."""
        require(
            above("initial", self.initial, 0),
            whole("period", self.period, 1),
            whole("multiplier", self.multiplier, 1),
            between("minimum", self.minimum, 0, self.initial),
        )

    def rate(self, epoch: float) -> float:
        """The rate on the wave that the epoch lies in."""
        passed, period = self.place(epoch)
        return blend(self.minimum, self.initial, half_cosine(passed / period))

    def place(self, epoch: float) -> tuple[float, float]:
        """How much of its period has passed at an epoch, and how long that period is.

        Law: passed < period, and the periods before sum to the rest of the epoch.
        """
        require(at_least("epoch", epoch, 0))
        if self.multiplier == 1:
            return fmod(epoch, self.period), self.period
        passed, period = epoch, self.period
        while passed >= period:
            passed, period = passed - period, period * self.multiplier
        return passed, period

    def restarts(self, epochs: int) -> Iterator[int]:
        """The epochs before the given one at which the rate is η₀ again.

        Law: the sums of the first one, two, … periods.
        """
        require(whole("epochs", epochs, 0))
        epoch, period = self.period, self.period
        while epoch < epochs:
            yield epoch
            period *= self.multiplier
            epoch += period

"""Prediction intervals: the range that nine measurements in ten fall into, from those that were left out of a fit."""

from collections.abc import Callable, Sequence
from math import ceil, exp, inf, log, sqrt
from typing import cast

from attrs import frozen

CONFIDENCE = 0.9
FEWEST = 2
"""One error tells nothing of their spread."""


@frozen
class Interval:
    """Between which multiples of a prediction a measurement is expected, and from how many errors that is known."""

    below: float
    above: float
    samples: int


def interval_of(ratios: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """The interval from measured / predicted of measurements left out; None where there are too few.

    The order statistic of split conformal prediction, which holds whatever the errors look like. Where there are too
    few for it to exist (under nine for nine in ten), the largest error or Student's interval, whichever is wider.
    """
    errors = sorted(abs(log(ratio)) for ratio in ratios if 0 < ratio < inf)
    if len(errors) < FEWEST or len(errors) < len(ratios):
        return None
    place = ceil((len(errors) + 1) * confidence)
    width = errors[place - 1] if place <= len(errors) else max(errors[-1], by_student(errors, confidence))
    return Interval(exp(-width), exp(width), len(errors))


def by_student(errors: Sequence[float], confidence: float) -> float:
    """The half width for one more error, were errors normal about zero."""
    from scipy import special  # pyright: ignore[reportMissingTypeStubs]

    spread = sqrt(sum(error**2 for error in errors) / len(errors))
    quantile = cast("Callable[[float, float], float]", special.stdtrit)
    return float(quantile(len(errors), (1 + confidence) / 2)) * spread * sqrt(1 + 1 / len(errors))

"""Hold-out: what predictions of models that a fit had not seen were worth, and the range that follows from them."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, median

from attrs import frozen

from nadoo_core.cost.intervals import Interval, interval_of


@frozen
class HoldOut:
    """Pairs of what was measured and what had been predicted, both above zero."""

    pairs: tuple[tuple[float, float], ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """Measured as multiples of predicted."""
        return tuple(measured / predicted for measured, predicted in self.pairs)

    @property
    def errors(self) -> tuple[float, ...]:
        """The relative error of each prediction, above zero where it was too large."""
        return tuple((predicted - measured) / measured for measured, predicted in self.pairs)

    @property
    def interval(self) -> Interval | None:
        """The multiples of a prediction that nine measurements in ten lie between."""
        return interval_of(self.ratios)

    @property
    def mean_error(self) -> float | None:
        """The mean size of the relative errors; None without any."""
        return fmean(map(abs, self.errors)) if self.pairs else None

    @property
    def median_error(self) -> float | None:
        """The middle size of the relative errors; None without any."""
        return median(map(abs, self.errors)) if self.pairs else None

    @property
    def worst_error(self) -> float | None:
        """The largest relative error; None without any."""
        return max(map(abs, self.errors), default=None)

    @property
    def coverage(self) -> float | None:
        """The share of pairs inside the interval that the others make; None where they are too few to make one."""
        inside: list[bool] = []
        for place, ratio in enumerate(self.ratios):
            others = interval_of(self.ratios[:place] + self.ratios[place + 1 :])
            if others is None:
                return None
            inside.append(others.below <= ratio <= others.above)
        return sum(inside) / len(inside) if inside else None

    @property
    def rank_correlation(self) -> float | None:
        """Whether what was predicted to take longer did so: 1 for the same order, -1 for the opposite one."""
        return rank_correlation([one for one, _ in self.pairs], [other for _, other in self.pairs])


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's ρ: the correlation of ranks, equal values sharing theirs; None where one side has a single value."""
    one, other = ranks(first), ranks(second)
    mean = (len(one) + 1) / 2
    spread = sqrt(sum((rank - mean) ** 2 for rank in one) * sum((rank - mean) ** 2 for rank in other))
    together = sum((a - mean) * (b - mean) for a, b in zip(one, other, strict=True))
    return together / spread if spread else None


def ranks(values: Sequence[float]) -> list[float]:
    """The place of each value among all, from 1; equal ones share the mean of theirs."""
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values), start=1):
        places.setdefault(value, []).append(place)
    return [fmean(places[value]) for value in values]

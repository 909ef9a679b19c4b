"""A weighted mean of two ends that never leaves them, whatever the rounding: schedules promise their bounds."""

from math import cos, pi


def blend(low: float, high: float, weight: float) -> float:
    """`low` at weight 0 and `high` at weight 1, both exactly.

    Law: low ≤ blend ≤ high for every weight of [0, 1].
    """
    return min(max(low * (1.0 - weight) + high * weight, low), high)


def half_cosine(progress: float) -> float:
    """The weight of the start when a share of the way is gone, along half a wave.

    Law: (1 + cos πp)/2, falling from 1 at p = 0 to 0 at p = 1; progress beyond the ends counts as the end.
    """
    return (1.0 + cos(pi * min(max(progress, 0.0), 1.0))) / 2.0

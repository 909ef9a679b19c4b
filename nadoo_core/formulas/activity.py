"""How strongly a tensor is active, which decides what is computed, skipped or given fewer bits."""

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from nadoo_core.formulas.arrays import Reals, measurable, row_units
from nadoo_core.formulas.parameters import one_of, require


class Measure(StrEnum):
    """How the elements of a tensor become one activity; all three are norms up to a factor."""

    MEAN = "mean"
    RMS = "rms"
    MAX = "max"


def activity_score(values: ArrayLike, measure: str = Measure.MEAN) -> float:
    """The activity of a whole tensor: mean |x|, or its root mean square or maximum.

    Law: a norm: at least 0, and 0 only for x = 0; A(cx) = |c|·A(x); A(x + y) ≤ A(x) + A(y); mean ≤ rms ≤ max.
    """
    return float(row_activity(measurable(values, "values").reshape(1, -1), measure)[0])


def sample_activity(values: ArrayLike, measure: str = Measure.MEAN) -> Reals:
    """The activity of every sample, along the first axis.

    Law: entry i is the activity score of sample i alone, so that a batch may be permuted.
    """
    numbers = np.atleast_1d(measurable(values, "values"))
    return row_activity(numbers.reshape(numbers.shape[0], -1), measure)


def row_activity(rows: Reals, measure: str) -> Reals:
    """The activity of each row of a matrix, computed at a scale at which squares neither overflow nor vanish.

    Law: row_activity(c·rows) = |c|·row_activity(rows).
    """
    require(one_of("measure", measure, tuple(Measure)))
    units = row_units(rows)
    scaled = np.abs(rows) / units
    if measure == Measure.MAX:
        return scaled.max(axis=1) * units[:, 0]
    if measure == Measure.RMS:
        return np.sqrt(np.square(scaled).mean(axis=1)) * units[:, 0]
    return scaled.mean(axis=1) * units[:, 0]

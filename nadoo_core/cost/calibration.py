"""Calibration: the coefficients of a cost model from measurements, and how wrong it is on models that it has not seen.

time = Σ coefficient · work, with no coefficient below zero, fitted so that relative errors are small:
each row is divided by its measured time. A fit whose coefficients cannot be told apart is refused and names them.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, cast

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from nadoo_core.cost.number import CostNumber
from nadoo_core.errors import CoreCode, DeviceError, Problem
from nadoo_graphs.node import frozen_mapping

WHERE = "calibration"
SPARE_ROWS = 2
LARGEST_ERROR = 0.15
"""A mean relative error on held-out models above this makes a profile unfit for use."""
INSIDE = 0.9
"""The share of held-out measurements that the range of a prediction is meant to hold."""
WEAK = 100.0
"""A condition number above this means that some coefficients are told apart by very few rows."""
Matrix = NDArray[np.float64]


@frozen
class Sample:
    """One measurement: the work that was done, by class, and what it took."""

    model: str
    work: Mapping[str, float] = field(converter=frozen_mapping)
    measured: float = 0.0


@frozen(kw_only=True)
class Calibration:
    """Coefficients with what is known of their quality."""

    coefficients: Mapping[str, float] = field(converter=frozen_mapping)
    residuals: tuple[float, ...]
    """The relative error of each sample that was fitted."""
    condition: float
    held_out: tuple[float, ...]
    """The relative errors of samples whose model was left out of the fit; empty where there are too few models."""
    correlation: float | None
    """Spearman's rank correlation of predictions and measurements; None below three samples."""

    @property
    def worst_residual(self) -> float:
        """The largest relative error of a sample that was fitted."""
        return max((abs(item) for item in self.residuals), default=0.0)

    @property
    def held_out_error(self) -> float | None:
        """The mean relative error on models that were left out."""
        return float(np.mean(np.abs(self.held_out))) if self.held_out else None

    @property
    def usable(self) -> bool:
        """Whether it may be used: right enough on models that it has not seen."""
        return self.held_out_error is not None and self.held_out_error <= LARGEST_ERROR

    @property
    def weakly_identified(self) -> bool:
        """Whether some coefficients are told apart by very few rows."""
        return self.condition > WEAK

    @property
    def error(self) -> float:
        """The relative error that nine held-out measurements in ten stay below, with the allowance for few samples.

        Where there are fewer than nine, the largest one is doubled, because a quantile of so few says little.
        """
        ordered = sorted(abs(item) for item in (self.held_out or self.residuals))
        if not ordered:
            return float("inf")
        place = ceil((len(ordered) + 1) * INSIDE)
        return ordered[place - 1] if place <= len(ordered) else 2 * ordered[-1]

    def predict(self, work: Mapping[str, float]) -> CostNumber:
        """What some work takes, with its range; a class that was not calibrated makes it unknown."""
        strangers = [name for name, amount in work.items() if amount and name not in self.coefficients]
        if strangers:
            return CostNumber.unknown(*(f"no coefficient for {name} was fitted" for name in strangers))
        value = sum(self.coefficients.get(name, 0.0) * amount for name, amount in work.items())
        return CostNumber(value, value / (1 + self.error), value / (1 - self.error) if self.error < 1 else None)

    def document(self) -> dict[str, Any]:
        """The calibration for a report."""
        return {
            "coefficients": dict(self.coefficients),
            "worst_residual": self.worst_residual,
            "held_out_error": self.held_out_error,
            "range": self.error,
            "condition": self.condition,
            "weakly_identified": self.weakly_identified,
            "rank_correlation": self.correlation,
            "usable": self.usable,
        }


def calibrate(samples: Sequence[Sample], spare: int = SPARE_ROWS, *, relative: bool = True) -> Calibration:
    """Fit coefficients to measurements; `spare` is how many more rows than coefficients there have to be.

    Relative errors are made small, so that a small model counts as much as a large one; else absolute ones.
    """
    rows = [sample for sample in samples if any(sample.work.values())]
    refuse_wrong(rows)
    names = sorted({name for sample in rows for name, amount in sample.work.items() if amount})
    refuse_few(rows, names, spare)
    weighted = weights(rows, names)
    refuse_tied(weighted, names)
    coefficients = fitted(weighted, importance(rows, relative=relative))
    predicted = weighted @ coefficients
    return Calibration(
        coefficients=dict(zip(names, coefficients.tolist(), strict=True)),
        residuals=tuple((predicted - 1.0).tolist()),
        condition=float(np.linalg.cond(weighted / np.linalg.norm(weighted, axis=0))),
        held_out=held_out(rows, names, relative=relative),
        correlation=rank_correlation(predicted * measured(rows), measured(rows)),
    )


def weights(rows: Sequence[Sample], names: Sequence[str]) -> Matrix:
    """The work of each row, divided by what it took, so that relative errors count."""
    table = [[sample.work.get(name, 0.0) / sample.measured for name in names] for sample in rows]
    return np.asarray(table, dtype=np.float64)


def measured(rows: Sequence[Sample]) -> Matrix:
    """What was measured."""
    return np.asarray([sample.measured for sample in rows], dtype=np.float64)


def importance(rows: Sequence[Sample], *, relative: bool) -> Matrix:
    """How much the relative error of each row counts: all the same, or by what the row took."""
    return np.ones(len(rows)) if relative else measured(rows)


def fitted(weighted: Matrix, counts: Matrix) -> Matrix:
    """The coefficients that bring all relative predictions nearest to one, as much as each counts; none is negative."""
    from scipy.optimize import nnls  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    counted = weighted * counts[:, None]
    scale = np.linalg.norm(counted, axis=0)
    found = cast("tuple[Matrix, float]", nnls(counted / scale, counts))
    return found[0] / scale


def held_out(rows: Sequence[Sample], names: Sequence[str], *, relative: bool) -> tuple[float, ...]:
    """The errors on each model of a fit to the others; models without which a class is not seen are passed over."""
    found: list[float] = []
    for model in dict.fromkeys(sample.model for sample in rows):
        rest = [sample for sample in rows if sample.model != model]
        apart = weights(rest, names) if rest else np.zeros((0, len(names)))
        if len(rest) < len(names) or np.linalg.matrix_rank(apart) < len(names):
            continue
        coefficients = fitted(apart, importance(rest, relative=relative))
        own = weights([sample for sample in rows if sample.model == model], names)
        found += (own @ coefficients - 1.0).tolist()
    return tuple(found)


def rank_correlation(predicted: Matrix, true: Matrix) -> float | None:
    """Spearman's correlation: that of the ranks; None where there is nothing to rank."""
    if len(true) <= SPARE_ROWS:
        return None
    ranks = [np.argsort(np.argsort(values)).astype(np.float64) for values in (predicted, true)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def refuse_wrong(rows: Sequence[Sample]) -> None:
    """Refuse measurements that are none, and negative work."""
    problems = [
        Problem(CoreCode.DEVICE, f"{WHERE} of {sample.model!r}", f"measured {sample.measured}; give a positive number")
        for sample in rows
        if not (np.isfinite(sample.measured) and sample.measured > 0)
    ]
    problems += [
        Problem(CoreCode.DEVICE, f"{WHERE} of {sample.model!r}", f"has {amount} of {name}; give a number from 0 on")
        for sample in rows
        for name, amount in sample.work.items()
        if not (np.isfinite(amount) and amount >= 0)
    ]
    if problems:
        raise DeviceError(problems)


def refuse_few(rows: Sequence[Sample], names: Sequence[str], spare: int) -> None:
    """Refuse a fit that would explain anything."""
    if not names or len(rows) < len(names) + spare:
        message = f"has {len(rows)} samples for {len(names)} coefficients; measure at least {len(names) + spare}"
        raise DeviceError(Problem(CoreCode.DEVICE, WHERE, message))


def refuse_tied(weighted: Matrix, names: Sequence[str]) -> None:
    """Refuse coefficients that no sample tells apart, and name them."""
    scaled = weighted / np.linalg.norm(weighted, axis=0)
    if np.linalg.matrix_rank(scaled) == len(names):
        return
    null = np.linalg.svd(scaled)[2][-1]
    tied = [name for name, share in zip(names, null, strict=True) if abs(share) > np.sqrt(np.finfo(float).eps)]
    message = (
        f"cannot tell {' and '.join(tied)} apart: they go together in all samples; measure a model where they do not"
    )
    raise DeviceError(Problem(CoreCode.DEVICE, WHERE, message))

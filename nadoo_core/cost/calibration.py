"""Calibration: coefficients of a linear cost model from measurements, and how far its predictions have been off.

A measurement is the time of one model and the work that it did, by name: "conv.int8", "bytes", "calls". The fit is a
least squares one without negative coefficients, by default on relative errors, so that small models count as much as
large ones.
What it is worth is told by models that were left out of it, never by those that it was fitted to.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy import optimize  # pyright: ignore[reportMissingTypeStubs]

from nadoo_core.cost.hold_out import HoldOut
from nadoo_core.cost.intervals import Interval
from nadoo_core.cost.number import CostNumber
from nadoo_core.errors import CalibrationError, CoreCode, Problem
from nadoo_graphs.node import frozen_mapping

Matrix: TypeAlias = NDArray[np.float64]
Errors: TypeAlias = Literal["relative", "absolute", "middle"]
"""Which errors a fit makes small: shares of the time, the time, or those in the middle, whatever far-off ones are."""
WORST_ERROR = 0.15
"""The mean relative error on models left out above which a calibration is refused."""
WEAK = 10.0
"""The condition number of the scaled design above which a small error of measurement moves coefficients much."""
NEGLIGIBLE = 1e-9
ROUNDS, NEAR = 5, 0.03
"""How often a fit to errors in the middle is repeated, and the error below which samples count no more."""


def table() -> Any:
    """A mapping that is made frozen."""
    return cast("Any", field(converter=frozen_mapping))


@frozen
class Sample:
    """One measurement: of which model, how long it took in seconds or cycles, and the work by name."""

    model: str
    time: float
    work: Mapping[str, float] = table()
    probe: bool = False
    """Whether it was measured to tell work apart and is no model: it is fitted, and says nothing of models left out."""


@frozen
class HeldOut:
    """One measurement beside what the fit to all other models predicts; None where they cannot tell."""

    model: str
    measured: float
    predicted: float | None

    @property
    def error(self) -> float | None:
        """The relative error of the prediction."""
        return None if self.predicted is None else (self.predicted - self.measured) / self.measured


@frozen(kw_only=True)
class Calibration:
    """Coefficients with all that says how far to trust them."""

    coefficients: Mapping[str, float] = table()
    residuals: tuple[float, ...]
    """The relative error on each sample that it was fitted to, in their order."""
    condition: float
    weak: tuple[str, ...] = ()
    """The coefficients that the samples hardly tell apart, or only one model does, and those held at zero."""
    held_out: tuple[HeldOut, ...] = ()

    @property
    def worst_residual(self) -> float:
        """The largest relative error on the samples that it was fitted to."""
        return max(abs(residual) for residual in self.residuals)

    @cached_property
    def hold_out(self) -> HoldOut:
        """What the models left out say, as far as the others could predict them."""
        return HoldOut(tuple((item.measured, item.predicted) for item in self.held_out if item.predicted))

    @cached_property
    def interval(self) -> Interval | None:
        """The multiples of a prediction that nine measurements in ten lie between; None where too few were left out."""
        return self.hold_out.interval

    @property
    def mean_error(self) -> float | None:
        """The mean relative error on models left out; None where none could be predicted."""
        return self.hold_out.mean_error

    def predict(self, work: Mapping[str, float]) -> CostNumber:
        """The time of some work, in a range that nine measurements in ten fall into; unknown where work is new."""
        unseen = [name for name, many in work.items() if many and name not in self.coefficients]
        if unseen:
            return CostNumber.unknown(*(f"no coefficient of {name} was calibrated" for name in unseen))
        value = sum(self.coefficients[name] * many for name, many in work.items() if many)
        if self.interval is None:
            return CostNumber(value)
        return CostNumber.within(value, self.interval.below, self.interval.above)

    def accept(self, worst: float = WORST_ERROR) -> "Calibration":
        """The same, or an error that says how far off it is on models that it has not seen."""
        error = self.mean_error
        if error is not None and error > worst:
            message = f"is off by {error:.1%} on average on models left out, and {worst:.0%} is allowed; measure more"
            raise CalibrationError(Problem(CoreCode.CALIBRATION, "calibration", f"{message}, or name more kinds"))
        return self

    def document(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "coefficients": dict(self.coefficients),
            "residuals": list(self.residuals),
            "worst_residual": self.worst_residual,
            "condition": self.condition,
            "weak": list(self.weak),
            "mean_error": self.mean_error,
            "median_error": self.hold_out.median_error,
            "worst_error": self.hold_out.worst_error,
            "coverage": self.hold_out.coverage,
            "rank_correlation": self.hold_out.rank_correlation,
            "undetermined": [item.model for item in self.held_out if item.predicted is None],
            "below": None if self.interval is None else self.interval.below,
            "above": None if self.interval is None else self.interval.above,
        }


def calibrate(samples: Sequence[Sample], errors: Errors = "relative") -> Calibration:
    """The coefficients that fit measurements best; work that the samples do not tell apart is refused by name."""
    check_samples(samples)
    names = tuple(sorted({name for sample in samples for name, many in sample.work.items() if many}))
    design = design_of(samples, names)
    check_rank(design, names)
    fitted = solved(design, samples, errors)
    return Calibration(
        coefficients=dict(zip(names, map(float, fitted), strict=True)),
        residuals=tuple(float(value) for value in design @ fitted - 1.0),
        condition=condition(design),
        weak=tuple(sorted(weak_names(design, names, fitted) | told_by_one(samples, names))),
        held_out=tuple(left_out(samples, names, errors)),
    )


def check_samples(samples: Sequence[Sample]) -> None:
    """Refuse what was not measured, and what no time could follow from; everything at once."""
    problems: list[tuple[str, str]] = [] if samples else [("calibration", "has no sample; measure some models")]
    for number, sample in enumerate(samples):
        where = f"sample {number} ({sample.model!r})"
        if not 0 < sample.time < float("inf"):
            problems.append((where, f"took {sample.time!r}; give the median of many runs, above 0"))
        wrong = [name for name, many in sample.work.items() if not 0 <= many < float("inf")]
        problems += [(where, f"did {sample.work[name]!r} of {name}; give a number, 0 or more") for name in wrong]
        if not any(sample.work.values()):
            problems.append((where, "did no work; name what takes its time, such as 'conv.int8' or 'calls'"))
    if problems:
        raise CalibrationError(Problem(CoreCode.CALIBRATION, where, message) for where, message in problems)


def check_rank(design: Matrix, names: Sequence[str]) -> None:
    """Refuse a design in which one coefficient can be traded for another."""
    tied = tied_names(design, names)
    if tied:
        problems = (f"the samples do not tell {' and '.join(group)} apart" for group in tied)
        message = "; measure models in which they differ, or fit fewer terms"
        raise CalibrationError(Problem(CoreCode.CALIBRATION, "calibration", text + message) for text in problems)


def weights_of(samples: Sequence[Sample], errors: Errors) -> Matrix:
    """What the error of each sample counts, beside the division by its time."""
    times = np.asarray([sample.time for sample in samples], dtype=np.float64)
    if errors == "middle":
        return np.sqrt(times / times.max())
    return np.ones(len(samples)) if errors == "relative" else times / times.max()


def design_of(samples: Sequence[Sample], names: Sequence[str]) -> Matrix:
    """A row a sample, a column a coefficient, each row divided by its time so that errors are relative."""
    rows = [[sample.work.get(name, 0.0) / sample.time for name in names] for sample in samples]
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), len(names))


def fit(design: Matrix, weights: Matrix) -> Matrix:
    """Non-negative least squares; columns are scaled to one length, because work is counted in different units."""
    lengths = np.linalg.norm(design, axis=0)
    lengths[lengths == 0] = 1.0
    solve = cast("Callable[[Matrix, Matrix], tuple[Matrix, float]]", optimize.nnls)
    return solve(design / lengths * weights[:, None], weights)[0] / lengths


def solved(design: Matrix, samples: Sequence[Sample], errors: Errors) -> Matrix:
    """The coefficients; for errors in the middle, samples that are far off count less in every further round."""
    weights = weights_of(samples, errors)
    found = fit(design, weights)
    for _ in range(ROUNDS if errors == "middle" else 0):
        off = np.maximum(np.abs(design @ found - 1.0), NEAR)
        found = fit(design, weights / np.sqrt(off))
    return found


def scaled(design: Matrix) -> Matrix:
    """The design with columns of length one; its rank and condition do not hang on units."""
    lengths = np.linalg.norm(design, axis=0)
    return design / np.where(lengths == 0, 1.0, lengths)


def condition(design: Matrix) -> float:
    """How many times an error of measurement may be larger in a coefficient; infinite where columns are tied."""
    values = np.linalg.svd(scaled(design), compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > 0 and len(design) >= design.shape[1] else float("inf")


def null_space(design: Matrix) -> Matrix:
    """The directions, a row each, in which coefficients may move without moving what the samples took."""
    _, values, rows = np.linalg.svd(scaled(design), full_matrices=True)
    rank = int(np.sum(values > NEGLIGIBLE * values[0])) if len(values) else 0
    return rows[rank:]


def tied_names(design: Matrix, names: Sequence[str]) -> list[tuple[str, ...]]:
    """The groups of coefficients that can be traded for each other."""
    free = null_space(design)
    together = np.abs(free.T @ free) > np.sqrt(NEGLIGIBLE)
    groups: list[tuple[str, ...]] = []
    seen: set[int] = set()
    for start in range(len(names)):
        if start not in seen and together[start, start]:
            members = reached(together, start)
            seen |= members
            groups.append(tuple(names[place] for place in sorted(members)))
    return groups


def reached(together: NDArray[np.bool_], start: int) -> set[int]:
    """All that is tied to one, directly or by others."""
    members, waiting = {start}, [start]
    while waiting:
        for other in map(int, np.flatnonzero(together[waiting.pop()])):
            if other not in members:
                members.add(other)
                waiting.append(other)
    return members


def weak_names(design: Matrix, names: Sequence[str], fitted: Matrix) -> set[str]:
    """The coefficients of nearly tied directions, and those that only the bound at zero holds."""
    _, values, rows = np.linalg.svd(scaled(design), full_matrices=False)
    found = {names[place] for place in map(int, np.flatnonzero(fitted == 0.0))}
    for value, row in zip(values, rows, strict=True):
        if value * WEAK < values[0]:
            largest = float(np.abs(row).max())
            found |= {name for name, part in zip(names, row, strict=True) if abs(part) > largest / 4}
    return found


def told_by_one(samples: Sequence[Sample], names: Sequence[str]) -> set[str]:
    """The coefficients that a single model tells apart from others: without it they are tied."""
    models = dict.fromkeys(sample.model for sample in samples)
    rest = ([sample for sample in samples if sample.model != model] for model in models)
    return {name for others in rest for group in tied_names(design_of(others, names), names) for name in group}


def left_out(samples: Sequence[Sample], names: Sequence[str], errors: Errors) -> list[HeldOut]:
    """Every sample as the fit to all other models predicts it."""
    found: list[HeldOut] = []
    for model in dict.fromkeys(sample.model for sample in samples if not sample.probe):
        others = [sample for sample in samples if sample.model != model]
        fitted = solved(design_of(others, names), others, errors) if others else None
        free = free_of(others, names)
        for sample in samples:
            if sample.model == model:
                found.append(HeldOut(model, sample.time, predicted(sample, names, fitted, free)))
    return found


def free_of(samples: Sequence[Sample], names: Sequence[str]) -> Matrix:
    """The directions that some samples say nothing about, in units of the coefficients."""
    design = design_of(samples, names)
    lengths = np.linalg.norm(design, axis=0)
    return null_space(design) / np.where(lengths == 0, 1.0, lengths)


def predicted(sample: Sample, names: Sequence[str], fitted: Matrix | None, free: Matrix) -> float | None:
    """The time by a fit; None where it hangs on a direction that the fit says nothing about."""
    if fitted is None:
        return None
    work = np.asarray([sample.work.get(name, 0.0) for name in names], dtype=np.float64)
    scale = float(np.linalg.norm(work)) * (float(np.abs(free).max()) if free.size else 0.0)
    if free.size and float(np.abs(free @ work).max()) > np.sqrt(NEGLIGIBLE) * scale:
        return None
    return float(fitted @ work)

"""Calibrated costs as a device carries them: coefficients, and the held-out measurements that say what they are worth.

The range of an estimate is not written down but computed from the pairs of measured and predicted, so that nobody can
claim a narrower one than was seen.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from attrs import frozen

from nadoo_core.cost.fact import Sentence
from nadoo_core.cost.hold_out import HoldOut
from nadoo_core.cost.intervals import Interval
from nadoo_core.cost.number import CostNumber
from nadoo_core.errors import CalibrationError, CoreCode, Problem
from nadoo_core.options import Bounds, Options, option, unstructure

if TYPE_CHECKING:
    from nadoo_core.cost.calibration import Calibration

CostUnit: TypeAlias = Literal["seconds", "cycles", "bytes"]
Coefficient: TypeAlias = Annotated[float, Bounds(minimum=0)]
FEWEST = 4
"""Fewer models left out say too little of how far off the next one will be."""
HIGHEST = 1e18
TIMES = ("latency", "executed")


@frozen(kw_only=True)
class LeftOut(Options):
    """One model that was left out: what was measured, and what the fit to all others had predicted."""

    model: str = option(help="what the model is called", min_length=1, max_length=200)
    measured: float = option(help="what it cost when it was measured", above=0, maximum=HIGHEST)
    predicted: float = option(help="what the fit to all other models predicted", above=0, maximum=HIGHEST)


@frozen(kw_only=True)
class CalibratedCost(Options):
    """One cost as a sum of coefficients times work, and how far it was off on models left out."""

    unit: CostUnit = option(help="what the coefficients give")
    source: Sentence = option(help="how it was measured")
    coefficients: Mapping[str, Coefficient] = option(help="the cost of one unit of each kind of work", min_length=1)
    held_out: tuple[LeftOut, ...] = option(help="every model left out that could be predicted", min_length=FEWEST)

    @classmethod
    def of(cls, fit: "Calibration", unit: CostUnit, source: str) -> "CalibratedCost":
        """What a fit found; models of which the others say nothing are not among those held out."""
        known = [item for item in fit.held_out if item.predicted]
        if len(known) < FEWEST:
            message = f"only {len(known)} models could be predicted by the others; measure {FEWEST} or more of a kind"
            raise CalibrationError(Problem(CoreCode.CALIBRATION, "calibration", message))
        held_out = tuple(
            LeftOut(model=item.model, measured=item.measured, predicted=item.predicted or 0.0) for item in known
        )
        return cls(unit=unit, source=source, coefficients=dict(fit.coefficients), held_out=held_out)

    @cached_property
    def hold_out(self) -> HoldOut:
        """What the models left out say."""
        return HoldOut(tuple((item.measured, item.predicted) for item in self.held_out))

    @cached_property
    def interval(self) -> Interval:
        """The multiples of a prediction that nine measurements in ten lie between."""
        found = self.hold_out.interval
        if found is None:
            message = "holds fewer pairs above zero than a range takes; measure more models"
            raise CalibrationError(Problem(CoreCode.CALIBRATION, "held_out", message))
        return found

    def within(self, value: float) -> CostNumber:
        """A predicted cost with its range."""
        return CostNumber.within(value, self.interval.below, self.interval.above)

    @property
    def worth(self) -> str:
        """How good it was on models left out, in a line."""
        found = self.hold_out
        order = "" if found.rank_correlation is None else f", rank correlation {found.rank_correlation:.3f}"
        return f"nine in ten of {len(self.held_out)} models left out, mean error {found.mean_error:.1%}{order}"

    def summary(self) -> dict[str, Any]:
        """What it is worth, for programs."""
        found = self.hold_out
        return {
            "unit": self.unit,
            "source": self.source,
            "models": len(self.held_out),
            "below": self.interval.below,
            "above": self.interval.above,
            "mean_error": found.mean_error,
            "median_error": found.median_error,
            "worst_error": found.worst_error,
            "coverage": found.coverage,
            "rank_correlation": found.rank_correlation,
        }


@frozen(kw_only=True)
class Calibrated(Options):
    """The calibrated costs of one device, or of several with the same core, and how they were made."""

    name: str = option(help="what outputs call it", min_length=1, max_length=60)
    made: Sentence = option(help="how it was made: the command, the compiler, how many models")
    latency: CalibratedCost | None = option(default=None, help="the time of one inference, in seconds or cycles")
    code: CalibratedCost | None = option(default=None, help="the program without the packed tensors, in bytes")
    executed: CalibratedCost | None = option(
        default=None, help="the time by what the loops of the lowered program execute, in seconds or cycles"
    )
    printed: CalibratedCost | None = option(
        default=None, help="the program without constants by the statements of the lowered program, in bytes"
    )

    @property
    def costs(self) -> dict[str, CalibratedCost]:
        """What is calibrated, by name."""
        named = {"latency": self.latency, "code": self.code, "executed": self.executed, "printed": self.printed}
        return {name: cost for name, cost in named.items() if cost is not None}

    @property
    def option_place(self) -> str:
        """How messages name it."""
        return f"calibration {self.name!r}"

    def complaints(self) -> Iterator[str]:
        """Costs in units that are not theirs, and work that no model has."""
        from nadoo_core.cost.terms import PROBLEMS

        if not self.costs:
            yield "calibrates nothing; give latency, code or both"
        for name, cost in self.costs.items():
            if name in TIMES and cost.unit == "bytes":
                yield f"has {name} in bytes; give seconds or cycles"
            if name not in TIMES and cost.unit != "bytes":
                yield f"has {name} in {cost.unit}; give bytes"
            for term in cost.coefficients:
                said = PROBLEMS[name](term)
                if said is not None:
                    yield f"has the coefficient {name}.{term}, which {said}"

    def summary(self) -> dict[str, Any]:
        """What it is worth, for programs."""
        worth = {name: cost.summary() for name, cost in self.costs.items()}
        return {"name": self.name, "made": self.made, "latency": None, "code": None, **worth}


def read_calibration(path: Path) -> Calibrated:
    """The calibration of a file; everything that is wrong with the file is said at once."""
    from nadoo_core.cost.reading import read_tables, structured

    return structured(Calibrated, read_tables(path, "calibration file"), path.name)


def write_calibration(path: Path, calibration: Calibrated) -> None:
    """Write a calibration so that it reads as the same one; the file is there as a whole or not at all."""
    from nadoo_core.options.toml_text import toml_text
    from nadoo_core.store.files import write_whole

    write_whole(path, toml_text(unstructure(calibration)).encode())

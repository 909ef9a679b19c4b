"""What a pass promises about the results of a model, and how far the promise was kept."""

from attrs import frozen

from nadoo_core.errors import CoreCode, Problem


@frozen
class Measured:
    """The largest error of any output, relative to its largest value; None for what was not run, and why not."""

    error64: float | None = None
    error32: float | None = None
    unchecked: str = ""
    rounding: float = 1.0
    """How much coarser the graph's least precise numbers are than float32; an exact pass may round as they do."""


class Effect:
    """A promise about results."""

    @property
    def double(self) -> float | None:
        """The largest relative error of the pass applied to a float64 copy; None where that is not asked."""
        return None

    @property
    def single(self) -> float | None:
        """The largest relative error of the pass's result in the graph's own precision; None where none is promised."""
        return None

    @property
    def promise(self) -> str:
        """The promise as messages say it."""
        return "the results may become anything"

    def problems(self, measured: Measured, where: str) -> list[Problem]:
        """Errors beyond what was promised."""
        coarser = 1.0 if self.double is None else measured.rounding
        single = None if self.single is None else self.single * coarser
        pairs = ((measured.error64, self.double, "applied to a float64 copy, it"), (measured.error32, single, "it"))
        return [
            Problem(CoreCode.EFFECT, where, f"{how} changes the results by {error:.3g} of their size; {self.promise}")
            for error, limit, how in pairs
            if error is not None and limit is not None and not error <= limit
        ]


@frozen
class Exact(Effect):
    """The model computes the same, but for rounding."""

    @property
    def double(self) -> float:
        """Far above the rounding of float64 and far below any mistake."""
        return 1e-9

    @property
    def single(self) -> float:
        """The rounding of float32 through a deep model."""
        return 1e-5

    @property
    def promise(self) -> str:
        """The limits in words."""
        return f"an exact pass may by {self.double:g} in float64 and {self.single:g} in float32"


@frozen
class Approximate(Effect):
    """The results change by at most a bound, relative to the largest of them."""

    bound: float

    @property
    def single(self) -> float:
        """The bound."""
        return self.bound

    @property
    def promise(self) -> str:
        """The bound in words."""
        return f"it promises at most {self.bound:g}"


@frozen
class Unbounded(Effect):
    """The results may become anything; what that costs is measured by evaluation."""

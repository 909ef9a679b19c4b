"""What a pass promises about the results of a model, and how far the promise was kept."""

from typing import TYPE_CHECKING, Any

from attrs import frozen

from nadoo_core.errors import CoreCode, Problem

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph


@frozen
class Measured:
    """The largest error of any output, relative to its largest value; None for what was not run, and why not."""

    error64: float | None = None
    error32: float | None = None
    unchecked: str = ""


class Effect:
    """A promise; `limits` are the largest relative errors in float64 and in the graph's own precision."""

    double: float | None = None
    """The largest relative error of the pass applied to a float64 copy; None where that is not asked."""
    single: float | None = None
    """The largest relative error of the pass's result in its own precision."""

    def problems(self, measured: Measured, where: str) -> list[Problem]:
        """Errors beyond what was promised."""
        pairs = ((measured.error64, self.double, "applied to a float64 copy, "), (measured.error32, self.single, ""))
        return [
            Problem(CoreCode.EFFECT, where, f"{how}changes the results by {error:.3g} of their size; {self}: {limit:g}")
            for error, limit, how in pairs
            if error is not None and limit is not None and not error <= limit
        ]


@frozen
class Exact(Effect):
    """The model computes the same, but for rounding: 1e-9 in float64, 1e-5 in float32."""

    double: float = 1e-9
    single: float = 1e-5

    def __str__(self) -> str:
        return "an exact pass may change them by"


@frozen
class Approximate(Effect):
    """The results change by at most a bound, relative to the largest of them."""

    single: float

    def __str__(self) -> str:
        return "it promises at most"


@frozen
class Unbounded(Effect):
    """The results may become anything; what that costs is measured by evaluation."""


def measure(effect: Effect, before: "ModelGraph", after: "ModelGraph", wide: Any) -> Measured:
    """Run the graphs as far as the effect asks for it; `wide` gives the float64 graphs before and after."""
    from nadoo_core.passes.comparing import compare_runs

    if effect.single is None:
        return Measured(unchecked="the pass promises nothing about results")
    return compare_runs(effect, before, after, wide)

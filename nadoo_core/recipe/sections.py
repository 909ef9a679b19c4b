"""The tables of a recipe as frozen classes, from which reading, messages and the JSON Schema all follow."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from attrs import frozen

from nadoo_core.cost.budget import Budget
from nadoo_core.options import Share, option
from nadoo_core.recipe.plain import PlainTable

LONGEST_TEXT = 4096
SIZES = "the sizes of the tensor, the batch first"


@frozen(kw_only=True)
class InputSection:
    """One input of a model without data: enough to make examples of it."""

    shape: tuple[int, ...] = option(help=SIZES)
    dtype: Literal["float32", "float64", "int64", "int32", "bool"] = option(
        default="float32", help="what the tensor holds"
    )
    below: int = option(default=2, minimum=1, help="integers are drawn from 0 up to this, which is excluded")

    def complaints(self) -> Iterable[str]:
        """Every size is positive."""
        if any(size < 1 for size in self.shape):
            yield f"shape is {list(self.shape)}; give positive sizes"


@frozen(kw_only=True)
class ModelSection:
    """Where the model comes from."""

    python: str | None = option(
        default=None, help="the function that makes the model: package.module:function, or models.py:function"
    )
    file: Path | None = option(default=None, help="the folder of a saved graph")
    weights: Path | None = option(
        default=None, help="weights for the model of `python`: .safetensors, or a state dict saved by torch"
    )
    arguments: PlainTable = option(factory=PlainTable, help="keyword arguments of the function")
    inputs: tuple[tuple[int, ...] | InputSection, ...] = option(
        default=(), help="shapes of the inputs, for a recipe without data: [[1, 3, 32, 32]]"
    )
    trained: bool | None = option(
        default=None, help="whether the weights come from a training; unset: yes, if `weights` or `file` is given"
    )

    def complaints(self) -> Iterable[str]:
        """There is one source, and what belongs to a function goes with a function."""
        if (self.python is None) == (self.file is None):
            yield "give either `python` or `file`, to say where the model comes from"
        if self.file is not None and self.weights is not None:
            yield "`weights` go with `python`; a saved graph has its own"
        if self.file is not None and self.arguments:
            yield "`arguments` go with `python`; a saved graph takes none"
        if any(size < 1 for shape in self.inputs if isinstance(shape, tuple) for size in shape):
            yield "`inputs` has a size below 1; give positive sizes"

    @property
    def is_trained(self) -> bool:
        """Whether the run begins with a trained model."""
        return (self.weights or self.file) is not None if self.trained is None else self.trained


@frozen(kw_only=True)
class DataSection:
    """What the model is trained, calibrated and judged with."""

    dataset: str = option(help="a data set by name (see `nadoo plugins`), or module:function that makes one")
    options: PlainTable = option(factory=PlainTable, help="options of the data set, such as size, mean and std")
    preprocess: str = option(
        default="", help="module:function that gets the inputs of a split and gives back what the model takes"
    )
    validation: int | Share = option(
        default=0.15, minimum=0, help="how much of the training split decides about limits: a share, or a count"
    )
    calibration: int = option(default=256, minimum=0, help="how many training examples passes may measure ranges with")


@frozen(kw_only=True)
class EvaluationSection:
    """How a model is judged."""

    loss: str = option(
        default="", help="the loss by name, or module:function; unset: cross-entropy for classes, mse for numbers"
    )
    metric: str = option(
        default="", help="a metric beside loss and accuracy: its name, or module:function of outputs and targets"
    )
    batch: int = option(default=256, minimum=1, help="how many examples are computed at once")


@frozen(kw_only=True)
class TargetSection:
    """The hardware that the model is meant for."""

    device: str | None = option(default=None, help="a device by name (see `nadoo devices`)")
    budget: Budget = option(factory=Budget, help="what the model may cost there")


@frozen(kw_only=True)
class Require:
    """What a step must have done to count as done."""

    min_changed: int = option(default=1, minimum=1, help="fewest nodes that the step has to change")


@frozen(kw_only=True)
class Limit:
    """How much a step may cost, on validation data, and what happens when it costs more."""

    accuracy_drop: Share | None = option(default=None, help="largest loss of accuracy")
    metric_drop: float | None = option(default=None, minimum=0, help="largest loss of the recipe's `metric`")
    loss_rise: float | None = option(default=None, minimum=0, help="largest rise of the loss")
    against: Literal["previous", "original"] = option(
        default="previous", help="what the result is compared with: the step before, or the model as it came"
    )
    otherwise: Literal["stop", "roll back"] = option(
        default="stop", help="what happens beyond the limit: the run stops, or goes on without the step"
    )

    def complaints(self) -> Iterable[str]:
        """A limit limits something."""
        if not self.bounds:
            yield "limits nothing; give accuracy_drop, metric_drop or loss_rise"

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Metric → (sign of a change for the worse, largest change)."""
        given = {
            "accuracy": (-1.0, self.accuracy_drop),
            "metric": (-1.0, self.metric_drop),
            "loss": (1.0, self.loss_rise),
        }
        return {name: (sign, bound) for name, (sign, bound) in given.items() if bound is not None}


@frozen(kw_only=True)
class StepKeys:
    """The keys of a step that are the step's own; all others are options of the pass."""

    pass_: str = option(help="the pass by name (see `nadoo plugins`)")
    name: str | None = option(default=None, help="the name of the step; unset: that of the pass")
    require: Require | None = option(default=None, help="what the step must have done")
    limit: Limit | None = option(default=None, help="how much the step may cost")
    allow_no_change: bool = option(default=False, help="whether the step may leave the graph as it is")


@frozen(kw_only=True)
class VariantSection:
    """One line of a study: the recipe with some options set, and some steps left out."""

    label: str = option(min_length=1, max_length=200, help="what the line is called")
    set: PlainTable = option(factory=PlainTable, help="STEP.OPTION → value, as --set has it")
    without: tuple[str, ...] = option(default=(), help="steps that are left out")


@frozen(kw_only=True)
class StudySection:
    """The recipe run many times: `nadoo study` makes a table and a plot of it."""

    sweep: PlainTable = option(factory=PlainTable, help="STEP.OPTION → the values that it takes in turn")
    variant: tuple[VariantSection, ...] = option(default=(), help="the lines that are compared, a table each")
    seeds: tuple[int, ...] = option(default=(), minimum=0, help="seeds of the run; unset: the recipe's own")
    metric: str = option(default="accuracy", help="what the plot shows: a metric or another column of the table")

    def complaints(self) -> Iterable[str]:
        """There is something to compare."""
        if not (self.sweep or self.variant or self.seeds):
            yield "compares nothing; give sweep, [[study.variant]] or seeds"
        for path, values in self.sweep.items():
            if not isinstance(values, tuple | list) or not values:
                yield f"sweep.{path} is {values!r}; give the list of values that it takes"
        labels = [variant.label for variant in self.variant]
        if len(set(labels)) != len(labels):
            yield "two variants have the same label; rename one of them"


@frozen(kw_only=True)
class RecipeSection:
    """The top of a recipe; what may stand in steps and exports depends on what is installed."""

    name: str = option(default="", max_length=200, help="what the recipe is called; unset: like its file")
    description: str = option(default="", max_length=LONGEST_TEXT, help="what the recipe is for")
    extends: str | None = option(default=None, help="the recipe that this one changes: a file, or a recipe by name")
    seed: int = option(default=0, minimum=0, help="where all random numbers come from")
    compute: Literal["cpu", "cuda", "mps"] = option(default="cpu", help="where torch computes")
    model: ModelSection | None = option(default=None, help="where the model comes from")
    data: DataSection | None = option(default=None, help="what it is trained, calibrated and judged with")
    evaluation: EvaluationSection = option(factory=EvaluationSection, help="how it is judged")
    target: TargetSection = option(factory=TargetSection, help="the hardware it is meant for")
    step: tuple[dict[str, Any], ...] = option(default=(), help="the steps in their order, a table [[step]] each")
    study: StudySection | None = option(default=None, help="what `nadoo study` varies; `nadoo run` passes it over")
    export: tuple[dict[str, Any], ...] = option(default=(), help="the forms of the result, a table [[export]] each")


SECTIONS = ("name", "description", "extends", "seed", "compute", "model", "data", "evaluation", "target", "study")
"""The keys of a recipe beside steps and exports."""

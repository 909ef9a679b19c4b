"""A recipe that was read: what is to be done, in values that are right or do not exist."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from nadoo_core.recipe.sections import (
    DataSection,
    EvaluationSection,
    Limit,
    ModelSection,
    Require,
    StudySection,
    TargetSection,
)

if TYPE_CHECKING:
    from nadoo_core.passes import Pass


@frozen(kw_only=True)
class Step:
    """One step: a pass with its options, and what the recipe asks of it."""

    name: str
    pass_name: str
    operation: "Pass"
    require: Require | None = None
    limit: Limit | None = None
    allow_no_change: bool = False


@frozen(kw_only=True)
class Export:
    """One form in which the result is given out."""

    to: str
    exporter: Any
    options: dict[str, Any] = field(factory=dict[str, Any])


@frozen(kw_only=True)
class Recipe:
    """A recipe with its steps as passes; `document` is what was read, merged, for the ledger."""

    name: str
    description: str = ""
    seed: int = 0
    compute: str = "cpu"
    model: ModelSection | None = None
    data: DataSection | None = None
    dataset: Any = None
    """The data set, unless a function makes it, which is called when the run begins."""
    evaluation: EvaluationSection = field(factory=EvaluationSection)
    target: TargetSection = field(factory=TargetSection)
    steps: tuple[Step, ...] = ()
    exports: tuple[Export, ...] = ()
    study: StudySection | None = None
    folder: Path = field(factory=Path)
    source: Path | None = None
    document: dict[str, Any] = field(factory=dict[str, Any], repr=False)

    @property
    def held(self) -> frozenset[str]:
        """The historical properties of the model that the run begins with."""
        return frozenset({"trained"} if self.model is None or self.model.is_trained else ())

    @property
    def references(self) -> dict[str, str]:
        """Where → the Python that the recipe names."""
        given = {
            "recipe.model.python": self.model.python if self.model else None,
            "recipe.data.dataset": self.data.dataset if self.data else None,
            "recipe.data.preprocess": self.data.preprocess if self.data else None,
            "recipe.evaluation.loss": self.evaluation.loss,
            "recipe.evaluation.metric": self.evaluation.metric,
        }
        return {where: text for where, text in given.items() if text and ":" in text}

    def step(self, name: str) -> Step:
        """A step by name."""
        return next(step for step in self.steps if step.name == name)

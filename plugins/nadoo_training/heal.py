"""heal: a short training that wins back what the steps before it lost."""

from typing import ClassVar, Literal

from attrs import frozen

from nadoo_core.passes import TRAINED, Property, option
from nadoo_training.training_pass import TrainingPass


@frozen(kw_only=True)
class Heal(TrainingPass):
    """Train the model a little further, at a low rate, after a step that changed what it computes.

    Without labels of its own it learns from the training data of the run, as `train` does; it differs in its defaults
    and in that it needs a model that was trained before: nothing can be won back where nothing was.
    """

    name: ClassVar[str] = "heal"
    needs: ClassVar[tuple[Property, ...]] = (TRAINED,)

    epochs: int = option(default=2, minimum=1, help="how often every example is seen")
    rate: float = option(default=1e-4, above=0, help="the learning rate that the schedule begins with")
    rate_every: Literal["epoch", "step"] = option(
        default="step", help="how often the rate is set; by step it also falls within epochs, so that one is enough"
    )

"""train: make a model learn its task, from wherever its weights stand."""

from typing import ClassVar

from attrs import frozen

from nadoo_core.passes import option
from nadoo_training.training_pass import TrainingPass


@frozen(kw_only=True)
class Train(TrainingPass):
    """Train every trainable tensor of the model with the training data of the run.

    The weights that are kept are those of the epoch with the lowest validation loss, unless `keep = "last"`. A run
    that was killed goes on inside the training and ends with the weights that it would have had.
    """

    name: ClassVar[str] = "train"

    epochs: int = option(default=10, minimum=1, help="how often every example is seen")

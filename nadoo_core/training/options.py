"""What a training is: the options of `train`, `heal` and whatever else trains, checked before anything is loaded."""

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from attrs import frozen

from nadoo_core.data.augmentation import Augmentation
from nadoo_core.formulas.schedules import Schedule, make_schedule
from nadoo_core.options import Options, Seconds, Share, option

LossName: TypeAlias = Literal["bce", "cross-entropy", "mse"]


@frozen(kw_only=True)
class TrainingChoices(Options):
    """What whoever writes a recipe chooses about a training; seed, device and data are the run's."""

    epochs: int = option(default=1, minimum=1, help="how often every example is seen")
    batch: int = option(default=64, minimum=1, help="how many examples a step takes")
    loss: LossName | None = option(default=None, help="what is made small; unset: the loss of the evaluation")
    label_smoothing: Share = option(default=0.0, help="share of each label given to all classes; cross-entropy only")
    optimizer: Literal["adam", "adamw", "muon", "sgd"] = option(default="adam", help="how gradients become steps")
    rate: float = option(default=1e-3, above=0, help="the learning rate that the schedule begins with")
    momentum: float = option(default=0.0, minimum=0, below=1, help="how much of the last step goes on; sgd only")
    nesterov: bool = option(default=False, help="whether the momentum looks ahead; sgd with momentum only")
    weight_decay: float = option(default=0.0, minimum=0, help="pull towards zero; decoupled for adamw")
    schedule: str = option(default="cosine", help="how the rate changes from epoch to epoch")
    schedule_options: dict[str, Any] = option(factory=dict, help="the options of that schedule")
    rate_every: Literal["epoch", "step"] = option(
        default="epoch", help="how often the rate is set; by step it also falls within epochs, so that one is enough"
    )
    layout: Literal["channels-first", "channels-last"] = option(
        default="channels-first", help="how images lie in memory; channels-last is often much faster for convolutions"
    )
    clip_norm: float | None = option(default=None, above=0, help="largest norm of all gradients together")
    patience: int | None = option(default=None, minimum=1, help="epochs without a better validation loss to bear")
    min_improvement: float = option(default=0.0, minimum=0, help="how much better a validation loss must be to count")
    keep: Literal["best", "last"] = option(default="best", help="which epoch's weights; best by validation loss")
    augmentation: Augmentation | None = option(default=None, help="how training images are varied")
    checkpoint_every: Seconds | None = option(default=None, help="checkpoints also inside epochs, this far apart")

    def complaints(self) -> Iterable[str]:
        """Options that only make sense together, and a schedule that can be made."""
        if self.optimizer != "sgd" and (self.momentum or self.nesterov):
            yield f"optimizer is {self.optimizer!r}, which has no momentum or nesterov; choose 'sgd' or leave them out"
        if self.optimizer == "sgd" and self.nesterov and not self.momentum:
            yield "nesterov is true and momentum is 0; give a momentum, such as 0.9"
        if self.label_smoothing and self.loss not in {None, "cross-entropy"}:
            yield f"label_smoothing is for the loss 'cross-entropy', not {self.loss!r}; leave it at 0"

    def make_schedule(self) -> Schedule:
        """The schedule, begun at the rate and spread over the epochs."""
        return make_schedule(self.schedule, self.rate, self.epochs, self.schedule_options)


@frozen(kw_only=True)
class TrainingOptions(TrainingChoices):
    """All that decides a training; equal options, data, seed and machine give equal weights."""

    loss: LossName = option(default="cross-entropy", help="what is made small")
    compute: Literal["cpu", "cuda", "mps"] = option(default="cpu", help="where torch computes")
    seed: int = option(default=0, minimum=0, help="which order of examples, dropout and augmentation")

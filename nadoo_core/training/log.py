"""What a training says of itself: one record an epoch, the same after an interruption as without one."""

from collections.abc import Mapping
from typing import Any

from attrs import asdict, field, frozen


@frozen(kw_only=True)
class EpochRecord:
    """One epoch: the running means over its steps, what validation says at its end, and what the hooks add."""

    epoch: int
    rate: float
    loss: float
    accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    positive_share: float | None = None
    extra: Mapping[str, float] = field(factory=dict[str, float])

    def document(self) -> dict[str, Any]:
        """The record for a JSON file."""
        return asdict(self)


@frozen(kw_only=True)
class TrainingLog:
    """All records, the epoch whose weights the model has now, and whether patience ended the training."""

    records: tuple[EpochRecord, ...]
    kept_epoch: int
    stopped_early: bool = False

    @property
    def kept(self) -> EpochRecord:
        """The record of the weights that were kept."""
        return self.records[self.kept_epoch]

    @property
    def last(self) -> EpochRecord:
        """The record of the last epoch, which is not always the one that was kept."""
        return self.records[-1]


@frozen(kw_only=True)
class RunningSums:
    """The sums behind the means of an epoch that is not over."""

    loss: float = 0.0
    correct: float = 0.0
    seen: int = 0

    def with_step(self, loss: float, correct: float, count: int) -> "RunningSums":
        """The sums with one more step."""
        return RunningSums(
            loss=self.loss + loss * count, correct=self.correct + correct * count, seen=self.seen + count
        )

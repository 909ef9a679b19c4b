"""What is measured at the end of an epoch, on data that the epoch did not learn from where there is any."""

from collections.abc import Callable, Collection

import torch
from torch import nn

from nadoo_core.data.examples import Examples
from nadoo_core.evaluation.activity import measure_activity
from nadoo_core.evaluation.evaluator import LOSS, Evaluator
from nadoo_core.evaluation.losses import Loss
from nadoo_core.evaluation.metrics import hits
from nadoo_core.training.log import EpochRecord
from nadoo_core.training.options import TrainingOptions
from nadoo_core.training.state import TrainingState
from nadoo_graphs.errors import EmptyTensorError

ACTIVITY_EXAMPLES = 1024
"""The positive share is an average over many outputs an example; more examples change it little."""


def share_correct(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """The share of a batch whose class has the highest output."""
    return float(hits(outputs.cpu(), targets.cpu(), 1).mean())


class EpochJudge:
    """Makes the record of an epoch."""

    def __init__(self, options: TrainingOptions, loss: Loss | None, activations: Collection[str]) -> None:
        self.evaluator = Evaluator(loss=loss or options.loss, compute=options.compute)
        self.activations = activations
        self.classification = options.loss == "cross-entropy"

    def classifies(self, examples: Examples) -> bool:
        """Whether the outputs are scores of classes, so that there is an accuracy."""
        return self.classification and examples.labelled

    def record(
        self,
        model: nn.Module,
        state: TrainingState,
        train: Examples,
        validation: Examples | None,
        rate: Callable[[float], float],
    ) -> EpochRecord:
        """The means of the steps, and what validation says now."""
        names = (LOSS, "accuracy") if self.classifies(train) else (LOSS,)
        measured = self.evaluator.measure(model, validation, names) if validation is not None else {}
        accuracy = measured.get("accuracy")
        return EpochRecord(
            epoch=state.epoch,
            rate=rate(state.epoch),
            loss=state.sums.loss / state.sums.seen,
            accuracy=state.sums.correct / state.sums.seen if self.classifies(train) else None,
            validation_loss=measured[LOSS].value if measured else None,
            validation_accuracy=accuracy.value if accuracy else None,
            positive_share=self.positive_share(model, train if validation is None else validation),
        )

    def positive_share(self, model: nn.Module, examples: Examples) -> float | None:
        """The positive-activation share on always the same examples; None for a model without activations."""
        inputs = examples.head(ACTIVITY_EXAMPLES).inputs
        try:
            return measure_activity(model, inputs, self.activations, compute=self.evaluator.compute).positive_share
        except EmptyTensorError:
            return None

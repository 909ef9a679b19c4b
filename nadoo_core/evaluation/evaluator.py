"""The Evaluator: what a model is worth on examples, every number with its sample count and standard error."""

from collections.abc import Mapping, Sequence

import torch
from attrs import frozen

from nadoo_core.data.examples import Examples
from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.evaluation.errors import evaluation_error
from nadoo_core.evaluation.fidelity import Fidelity, measure_fidelity
from nadoo_core.evaluation.losses import Loss, loss_of
from nadoo_core.evaluation.measurement import Measurement, mean_of, numbers
from nadoo_core.evaluation.metrics import METRICS, Metric
from nadoo_core.evaluation.outputs import Model, outputs_of
from nadoo_core.options import did_you_mean

LOSS = "loss"


@frozen(kw_only=True)
class Evaluator:
    """How models are measured; the same examples give the same numbers whatever the batch size."""

    metrics: Mapping[str, Metric] = METRICS
    loss: str | Loss = "cross-entropy"
    batch: int = 256
    compute: str = "cpu"
    output: int = 0

    def measure(self, model: Model, examples: Examples, names: Sequence[str] = ()) -> dict[str, Measurement]:
        """The named metrics; without names the loss, and the accuracy where examples have classes."""
        classes = examples.labelled and self.loss not in {"bce", "mse"}
        wanted = tuple(names) or ((LOSS, "accuracy") if classes else (LOSS,))
        self.require_known(wanted)
        if examples.targets is None:
            message = f"{', '.join(wanted)} need targets, and these examples have none; measure fidelity instead"
            raise evaluation_error("evaluation", message)
        outputs = self.chosen(outputs_of(model, examples.inputs, self.batch, self.compute))
        targets = examples.targets.cpu()
        return {name: self.metric(name)(outputs, targets) for name in wanted}

    def fidelity(
        self, reference: Model, model: Model, inputs: torch.Tensor, nodes: str | Sequence[str] = ()
    ) -> Fidelity:
        """How far a model is from a reference on the same inputs, without labels."""
        return measure_fidelity(reference, model, inputs, nodes, self.batch, self.compute)

    def require_known(self, names: Sequence[str]) -> None:
        """Refuse all names that no metric has."""
        known = sorted({*self.metrics, LOSS})
        problems = [
            Problem(CoreCode.UNKNOWN_NAME, f"metric {name!r}", f"is unknown; {did_you_mean(name, known)}")
            for name in names
            if name not in known
        ]
        if problems:
            raise OptionError(problems)

    def metric(self, name: str) -> Metric:
        """The function of a name."""
        return self.mean_loss if name == LOSS and LOSS not in self.metrics else self.metrics[name]

    def mean_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> Measurement:
        """The mean of the loss; a loss that gives its own mean has no standard error."""
        floating = outputs.double() if outputs.is_floating_point() else outputs
        values = loss_of(self.loss)(floating, targets).detach()
        if values.ndim == 0:
            return Measurement(float(values), len(outputs), None)
        return mean_of(numbers(values))

    def chosen(self, outputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """The output that is measured."""
        if not 0 <= self.output < len(outputs):
            raise evaluation_error("output", f"is {self.output} of {len(outputs)}; they count from 0")
        return outputs[self.output]

"""The Trainer: one loop for all that trains, reproducible from its seed and able to go on after being killed.

Nothing random is drawn from a stream that must be kept: the order of an epoch, the augmentation of a batch and the
dropout of a step each have a seed that follows from the training's seed and their place. So the random state of a
checkpoint is its epoch and step, and a resumed training has the weights of an undisturbed one, bit for bit.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import torch
from attrs import evolve
from torch import nn

from nadoo_core.data.examples import Examples
from nadoo_core.data.order import derived_seed
from nadoo_core.evaluation.compute import device_of, device_of_model
from nadoo_core.evaluation.losses import Loss, loss_of
from nadoo_core.evaluation.outputs import flat
from nadoo_core.options import unstructure
from nadoo_core.training.checkpoint import Checkpoint, load_checkpoint, require_same_training, save_checkpoint
from nadoo_core.training.errors import training_error
from nadoo_core.training.hooks import Moment, TrainingHook
from nadoo_core.training.log import EpochRecord, RunningSums, TrainingLog
from nadoo_core.training.measuring import EpochJudge, share_correct
from nadoo_core.training.optimizers import optimizer_of, set_rate
from nadoo_core.training.options import TrainingOptions
from nadoo_core.training.reproducible import reproducible, seed_step
from nadoo_core.training.state import (
    BEST,
    HOOK,
    MODEL,
    OPTIMIZER,
    TrainingState,
    below,
    load_model,
    load_optimizer,
    model_tensors,
    optimizer_tensors,
    under,
)

Progress: TypeAlias = Callable[[int, int, str], None]
IMAGES = 4
LAYOUTS = {"channels-first": torch.contiguous_format, "channels-last": torch.channels_last}
SILENT_ABOUT = ("checkpoint_every",)
"""Options that change no weight, and so may differ between a training and its resumption."""


def silent(done: int, total: int, text: str) -> None:
    """Progress that nobody watches."""


class Trainer:
    """Trains a module in place; see `TrainingOptions` for how, and `TrainingHook` for how to take part."""

    def __init__(
        self,
        model: nn.Module,
        options: TrainingOptions,
        *,
        loss: Loss | None = None,
        hooks: Sequence[TrainingHook] = (),
        activations: Collection[str] = (),
        progress: Progress = silent,
        checkpoints: Path | None = None,
    ) -> None:
        self.model = model
        self.options = options
        self.loss = loss or loss_of(options.loss, options.label_smoothing)
        self.hooks = tuple(hooks)
        self.progress = progress
        self.checkpoints = checkpoints
        self.schedule = options.make_schedule()
        self.device = device_of(options.compute)
        self.layout = LAYOUTS[options.layout]
        self.judge = EpochJudge(options, loss, activations)
        self.state = TrainingState()

    # --- the whole training -------------------------------------------------------------------------------------------

    def fit(self, train: Examples, validation: Examples | None = None) -> TrainingLog:
        """Train until the epochs or the patience are over, going on from a checkpoint if there is one."""
        self.require_data(train, validation)
        self.train, self.validation = train, validation
        self.identity = self.describe() if self.checkpoints else {}
        home, modes = device_of_model(self.model), {part: part.training for part in self.model.modules()}
        try:
            with reproducible(self.device):
                self.begin()
                while self.state.epoch < self.options.epochs and not self.state.stopped:
                    self.run_epoch()
            return self.finish()
        finally:
            self.model.to(home)
            lay_out(self.model, torch.contiguous_format)
            for part, training in modes.items():
                part.training = training

    def require_data(self, train: Examples, validation: Examples | None) -> None:
        """Refuse a training that has nothing to learn from or to stop by."""
        if not len(train) or train.targets is None:
            raise training_error("training data", "has no examples with targets; give some")
        if self.options.patience is not None and validation is None:
            raise training_error("patience", "needs validation data; give some, or leave patience out")
        if validation is not None and (not len(validation) or validation.targets is None):
            raise training_error("validation data", "has no examples with targets; give some, or none at all")

    def begin(self) -> None:
        """Put everything on the device, and take up a checkpoint."""
        self.model.to(self.device)
        lay_out(self.model, self.layout)
        factors: dict[str, float] = {}
        for hook in self.hooks:
            factors |= hook.rate_factors(self.model, self.options.optimizer)
        self.optimizer = optimizer_of(self.model, self.options, factors)
        self.state = TrainingState()
        self.saved_at = time.monotonic()
        checkpoint = load_checkpoint(self.checkpoints) if self.checkpoints else None
        if checkpoint is not None and self.checkpoints is not None:
            require_same_training(self.checkpoints, checkpoint.training, self.identity)
            self.restore(checkpoint)

    def finish(self) -> TrainingLog:
        """Give the model the weights that are kept."""
        kept = len(self.state.records) - 1
        if self.state.best_epoch is not None and self.options.keep == "best":
            load_model(self.model, self.state.best)
            kept = self.state.best_epoch
        return TrainingLog(records=tuple(self.state.records), kept_epoch=kept, stopped_early=self.state.stopped)

    # --- one epoch ----------------------------------------------------------------------------------------------------

    def run_epoch(self) -> None:
        """The steps of an epoch from where the state stands, then its record and a checkpoint."""
        epoch, batches = self.state.epoch, self.batches(self.state.epoch)
        set_rate(self.optimizer, self.schedule.rate(epoch))
        self.model.train()
        if not self.state.step:
            for hook in self.hooks:
                hook.on_epoch_start(self.moment(len(batches)))
        for step in range(self.state.step, len(batches)):
            if self.options.rate_every == "step":
                set_rate(self.optimizer, self.schedule.rate(epoch + step / len(batches)))
            self.run_step(epoch, step, batches[step])
            self.state.step = step + 1
            self.report(len(batches))
            for hook in self.hooks:
                hook.on_step(self.moment(len(batches), step))
            if self.is_due():
                self.save()
        self.end_epoch(len(batches))

    def batches(self, epoch: int) -> list[torch.Tensor]:
        """The places of the examples of every step; a last one that would be alone joins the batch before."""
        generator = torch.Generator().manual_seed(derived_seed("order", self.options.seed, epoch))
        order = torch.randperm(len(self.train), generator=generator)
        found = list(cast("tuple[torch.Tensor, ...]", order.split(self.options.batch)))
        if len(found) > 1 and len(found[-1]) == 1:
            found[-2:] = [torch.cat(found[-2:])]
        return found

    def run_step(self, epoch: int, step: int, places: torch.Tensor) -> None:
        """One step of the optimizer."""
        seed_step(self.device, derived_seed("step", self.options.seed, epoch, step))
        examples = self.train.take(places)
        inputs, targets = self.varied(examples, epoch, step), self.targets(examples)
        outputs = flat(self.model(inputs))[0]
        loss = self.loss(outputs, targets).mean()
        number = float(loss.detach())
        if not torch.isfinite(loss):
            message = f"is {number} at epoch {epoch}, step {step}; lower the rate, or set clip_norm"
            raise training_error("loss", message)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.options.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
        self.optimizer.step()
        correct = share_correct(outputs.detach(), targets) if self.judge.classifies(examples) else 0.0
        self.state.sums = self.state.sums.with_step(number, correct, len(places))

    def varied(self, examples: Examples, epoch: int, step: int) -> torch.Tensor:
        """The inputs of a step on the device, augmented if that is wanted."""
        augmentation = self.options.augmentation
        place = (self.options.seed, epoch, step)
        varied = augmentation.vary(examples, self.device, *place) if augmentation else examples.inputs.to(self.device)
        return varied.contiguous(memory_format=self.layout) if varied.dim() == IMAGES else varied

    def targets(self, examples: Examples) -> torch.Tensor:
        """The targets of a step on the device."""
        if examples.targets is None:
            raise training_error("training data", "has no targets; give some")
        return examples.targets.to(self.device)

    def end_epoch(self, steps: int) -> None:
        """Judge the epoch, let the hooks add to its record, and write it down."""
        self.require_finite_weights()
        record = self.judge.record(self.model, self.state, self.train, self.validation, self.schedule.rate)
        self.compare(record)
        extra: dict[str, float] = {}
        for hook in self.hooks:
            extra |= finite(hook, hook.on_epoch_end(self.moment(steps, steps - 1)))
        self.state.records.append(evolve(record, extra=extra))
        self.state.epoch, self.state.step, self.state.sums = self.state.epoch + 1, 0, RunningSums()
        self.save()

    def compare(self, record: EpochRecord) -> None:
        """Remember the weights if they are the best so far, else lose patience."""
        if record.validation_loss is None:
            return
        best = self.state.best_loss
        if best is None or record.validation_loss < best - self.options.min_improvement:
            self.state.best_epoch, self.state.best_loss, self.state.stale = record.epoch, record.validation_loss, 0
            self.state.best = under(model_tensors(self.model), "")
            return
        self.state.stale += 1
        self.state.stopped = self.options.patience is not None and self.state.stale >= self.options.patience

    def require_finite_weights(self) -> None:
        """Refuse weights that are no numbers before anyone keeps them."""
        for name, tensor in model_tensors(self.model).items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                message = f"holds NaN or infinities after epoch {self.state.epoch}; lower the rate, or set clip_norm"
                raise training_error(f"tensor {name!r}", message)

    def moment(self, steps: int, step: int | None = None) -> Moment:
        """Where the training stands, for a hook."""
        place = self.state.step if step is None else step
        return Moment(self.model, self.optimizer, self.state.epoch, place, self.options.epochs, steps)

    def report(self, steps: int) -> None:
        """Tell whoever watches."""
        sums, epoch = self.state.sums, self.state.epoch
        text = f"epoch {epoch + 1}/{self.options.epochs}, loss {sums.loss / sums.seen:.4f}"
        self.progress(epoch * steps + self.state.step, self.options.epochs * steps, text)

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """What makes this training the one that it is."""
        options = {key: value for key, value in unstructure(self.options).items() if key not in SILENT_ABOUT}
        validation = None if self.validation is None else self.validation.digest()
        return {
            **options,
            "loss": getattr(self.loss, "__qualname__", self.options.loss),
            "hooks": [type(hook).__qualname__ for hook in self.hooks],
            "training data": self.train.digest(),
            "validation data": validation,
            "model": digest(model_tensors(self.model)),
            "torch": torch.__version__,
        }

    def is_due(self) -> bool:
        """Whether a checkpoint inside the epoch is wanted by now."""
        wait = self.options.checkpoint_every
        return wait is not None and time.monotonic() - self.saved_at >= wait

    def save(self) -> None:
        """Write a checkpoint, where there is a folder for it."""
        if self.checkpoints is None:
            return
        tensors = {
            **under(model_tensors(self.model), MODEL),
            **under(optimizer_tensors(self.optimizer), OPTIMIZER),
            **under(self.state.best, BEST),
        }
        for index, hook in enumerate(self.hooks):
            tensors |= under(hook.state(), f"{HOOK}{index}/")
        save_checkpoint(self.checkpoints, Checkpoint(self.identity, self.state.document(), tensors))
        self.saved_at = time.monotonic()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take up the training where the checkpoint left it."""
        self.state = TrainingState.read(checkpoint.state, checkpoint.tensors)
        load_model(self.model, below(checkpoint.tensors, MODEL))
        load_optimizer(self.optimizer, below(checkpoint.tensors, OPTIMIZER))
        for index, hook in enumerate(self.hooks):
            hook.restore(below(checkpoint.tensors, f"{HOOK}{index}/"), self.moment(len(self.batches(0))))


def lay_out(model: nn.Module, layout: torch.memory_format) -> None:
    """Let the weights of convolutions lie in memory as the images do."""
    for parameter in model.parameters():
        if parameter.dim() == IMAGES:
            parameter.data = parameter.data.contiguous(memory_format=layout)


def finite(hook: TrainingHook, extra: Any) -> dict[str, float]:
    """What a hook adds to a record: finite numbers by name, or a refusal that names the hook."""
    numbers = {str(key): float(value) for key, value in dict(extra).items()}
    wrong = sorted(key for key, value in numbers.items() if not -float("inf") < value < float("inf"))
    if wrong:
        message = f"reports {', '.join(wrong)} as NaN or infinite; report finite numbers only"
        raise training_error(f"hook {type(hook).__qualname__!r}", message)
    return numbers


def digest(tensors: dict[str, torch.Tensor]) -> str:
    """A hash of the names and contents of tensors."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name}{tensor.dtype}{list(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()

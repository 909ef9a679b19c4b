"""The state of a training between two steps, all of it: what a checkpoint holds and a resumed training needs."""

from collections.abc import Mapping
from typing import Any

import torch
from attrs import define, field
from torch import nn, optim

from nadoo_core.training.errors import training_error
from nadoo_core.training.log import EpochRecord, RunningSums

MODEL, OPTIMIZER, BEST, HOOK = "model/", "optimizer/", "best/", "hook/"


@define
class TrainingState:
    """The place in the training, what was measured so far, and the best weights so far."""

    epoch: int = 0
    step: int = 0
    sums: RunningSums = field(factory=RunningSums)
    records: list[EpochRecord] = field(factory=list[EpochRecord])
    best_epoch: int | None = None
    best_loss: float | None = None
    best: dict[str, torch.Tensor] = field(factory=dict[str, torch.Tensor])
    stale: int = 0
    stopped: bool = False

    def document(self) -> dict[str, Any]:
        """Everything but the tensors, for JSON."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "sums": {"loss": self.sums.loss, "correct": self.sums.correct, "seen": self.sums.seen},
            "records": [record.document() for record in self.records],
            "best_epoch": self.best_epoch,
            "best_loss": self.best_loss,
            "stale": self.stale,
            "stopped": self.stopped,
        }

    @classmethod
    def read(cls, document: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> "TrainingState":
        """The state that a document and the tensors beside it describe."""
        plain = {key: document[key] for key in ("epoch", "step", "best_epoch", "best_loss", "stale", "stopped")}
        records = [EpochRecord(**record) for record in document["records"]]
        return cls(**plain, sums=RunningSums(**document["sums"]), records=records, best=below(tensors, BEST))


def below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors under a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def under(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Copies of tensors on the processor, each under a prefix."""
    return {f"{prefix}{name}": tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}


def model_tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Every parameter and buffer once, those that a state dict leaves out too."""
    named = [*model.named_parameters(), *model.named_buffers()]
    return {str(name): tensor for name, tensor in named}


def load_model(model: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors into a model of the same form."""
    with torch.no_grad():
        for name, tensor in model_tensors(model).items():
            tensor.copy_(tensors[name])


def optimizer_tensors(optimizer: optim.Optimizer) -> dict[str, torch.Tensor]:
    """What the optimizer remembers, by parameter and key."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    found: dict[str, torch.Tensor] = {}
    for index, entries in state.items():
        for key, value in entries.items():
            if isinstance(value, torch.Tensor):
                found[f"{index}/{key}"] = value
            elif value is not None:
                message = f"remembers {key!r} as {type(value).__name__}, which no checkpoint can hold"
                raise training_error("optimizer", message)
    return found


def load_optimizer(optimizer: optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Give an optimizer of the same form its memory back."""
    document = optimizer.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition("/")
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({**document, "state": state})

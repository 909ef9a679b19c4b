"""Training inside a run: with the run's data and loss, from the step's seed, and resumed where it was killed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from nadoo_core.passes import Observer
from nadoo_core.training import Trainer, TrainingOptions
from nadoo_graphs.graph import ModelGraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from nadoo_core.runs.bench import Bench
    from nadoo_core.training import TrainingHook

CHECKPOINT_S = 60.0


class Learning:
    """Trains for one step; each training of the step has a folder of its own for checkpoints."""

    def __init__(
        self, bench: "Bench", step: str, checkpoints: Path, watch: Observer, logs: list[dict[str, Any]]
    ) -> None:
        self.bench = bench
        self.step = step
        self.checkpoints = checkpoints
        self.watch = watch
        self.logs = logs

    def train(
        self,
        graph: ModelGraph,
        *,
        seed: int = 0,
        hooks: "Sequence[TrainingHook]" = (),
        **options: Any,
    ) -> ModelGraph:
        """The graph with trained tensors; the options are those of `TrainingOptions`, what is left out is the run's."""
        chosen = self.chosen(seed, options)
        module = graph.to_module()
        own_loss: Any = self.bench.loss if callable(self.bench.loss) and "loss" not in options else None
        trainer = Trainer(
            module,
            chosen,
            loss=own_loss,
            hooks=hooks,
            progress=lambda done, total, what: self.watch.progress(self.step, done, total, what),
            checkpoints=self.checkpoints / str(len(self.logs)),
        )
        roles = self.bench.roles
        log = trainer.fit(roles.train, roles.validation if len(roles.validation) else None)
        self.logs.append({"kept_epoch": log.kept_epoch, "stopped_early": log.stopped_early,
                          "epochs": [record.document() for record in log.records]})  # fmt: skip
        return with_tensors(graph, module)

    def chosen(self, seed: int, options: dict[str, Any]) -> TrainingOptions:
        """The options of the training, completed from the recipe."""
        loss: dict[str, Any] = {} if callable(self.bench.loss) else {"loss": self.bench.loss}
        usual: dict[str, Any] = {**loss, "compute": self.bench.recipe.compute, "checkpoint_every": CHECKPOINT_S}
        chosen: dict[str, Any] = {**usual, **options, "seed": seed}
        found = TrainingOptions(**chosen)
        return found if found.checkpoint_every is not None else evolve(found, checkpoint_every=CHECKPOINT_S)


def with_tensors(graph: ModelGraph, module: "nn.Module") -> ModelGraph:
    """A copy of a graph with the tensors of its module, as far as they are others."""
    found = dict(module.named_parameters()) | dict(module.named_buffers())
    trained = graph.copy()
    values = {name: found[name].detach().clone().cpu() for name in graph.tensors if name in found}
    trained.set_tensors(values)
    return trained

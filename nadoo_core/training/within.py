"""Training inside of a pass: with the run's data and loss, and every tensor that it changed taken over."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nadoo_core.options import option_fields
from nadoo_core.passes import Context
from nadoo_core.training.options import TrainingChoices

if TYPE_CHECKING:
    from nadoo_core.training.hooks import TrainingHook
    from nadoo_graphs.graph import ModelGraph


def train_within(
    graph: "ModelGraph", choices: TrainingChoices, context: Context, hooks: "Sequence[TrainingHook]" = (), **more: Any
) -> None:
    """Train a graph in place as a pass asks for it; `more` are options that the pass decides itself."""
    options = {item.attribute: getattr(choices, item.attribute) for item in option_fields(TrainingChoices)}
    chosen = {name: value for name, value in {**options, **more}.items() if value is not None}
    if hooks:
        chosen["hooks"] = tuple(hooks)
    trained: ModelGraph = context.train(graph, **chosen)
    for name, record in trained.tensors.items():
        if record.digest() != graph.tensors[name].digest():
            graph.set_tensor(name, record.value)

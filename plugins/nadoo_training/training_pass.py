"""What `train` and `heal` share: the options of a training, and how its result comes into the graph."""

from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from nadoo_core.options import option_fields
from nadoo_core.passes import CALIBRATED, PRUNED_WEIGHTS, TRAINED, Context, Effect, Pass, Property, Unbounded
from nadoo_core.training.options import TrainingChoices

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph


@frozen(kw_only=True)
class TrainingPass(TrainingChoices, Pass):
    """A pass that changes the values of tensors by training, and nothing else.

    The ranges of activations that were measured before are those of other weights, so they have to be measured again;
    and weights that were pruned to zero grow again.
    """

    effect: ClassVar[Effect] = Unbounded()
    establishes: ClassVar[tuple[Property, ...]] = (TRAINED,)
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED, PRUNED_WEIGHTS)

    def apply(self, graph: "ModelGraph", context: Context) -> None:
        """Train with the run's data, and take over every tensor that the training changed."""
        trained: ModelGraph = context.train(graph, **self.chosen())
        for name, record in trained.tensors.items():
            if record.digest() != graph.tensors[name].digest():
                graph.set_tensor(name, record.value)

    def chosen(self) -> dict[str, Any]:
        """The options of the training; what is left open is for the run to decide."""
        options = {item.attribute: getattr(self, item.attribute) for item in option_fields(TrainingChoices)}
        return {name: value for name, value in options.items() if value is not None}

"""What `train` and `heal` share: the options of a training, and how its result comes into the graph."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from nadoo_core.errors import OptionError, PassError
from nadoo_core.options import option_fields
from nadoo_core.passes import (
    CALIBRATED,
    PRUNED_WEIGHTS,
    TRAINED,
    Context,
    Effect,
    LayerTable,
    Pass,
    Property,
    Unbounded,
    option,
)
from nadoo_core.training.options import TrainingChoices

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph

AUTOMATIC = "auto-training"


@frozen(kw_only=True)
class TrainingPass(TrainingChoices, Pass):
    """A pass that changes the values of tensors by training, and nothing else.

    The ranges of activations that were measured before are those of other weights, so they have to be measured again;
    and weights that were pruned to zero grow again. Where weights are quantized, gradients go straight through the
    rounding, and after every epoch a clip rule gives the weights new scales, until `freeze_clip`: a scale that moves
    when the rate is low already moves every level under weights that have settled.
    """

    effect: ClassVar[Effect] = Unbounded()
    establishes: ClassVar[tuple[Property, ...]] = (TRAINED,)
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED, PRUNED_WEIGHTS)

    clip: LayerTable[str] = option(
        default=LayerTable({"*": AUTOMATIC}), help="the rule by which clips of quantized weights follow them, by layer"
    )
    clip_options: dict[str, dict[str, Any]] = option(factory=dict, help="options of clip rules, by rule")
    clip_penalty: float = option(
        default=1e-4, minimum=0, help="PACT's penalty on learned clips of activations, times their square"
    )
    freeze_clip: int | None = option(
        default=None,
        minimum=0,
        help="the epoch, from 0, from which clips stay; unset: at half of the epochs",
    )

    def apply(self, graph: "ModelGraph", context: Context) -> None:
        """Train with the run's data, and take over every tensor that the training changed."""
        trained: ModelGraph = context.train(graph, **self.hooks(graph, context), **self.chosen())
        for name, record in trained.tensors.items():
            if record.digest() != graph.tensors[name].digest():
                graph.set_tensor(name, record.value)

    def hooks(self, graph: "ModelGraph", context: Context) -> dict[str, Any]:
        """Who takes part in the training: where weights are quantized, their clips follow them."""
        from nadoo_core.quantizing import ClipHook, learned_steps, make_rule, quantized_weights

        freeze = (self.epochs + 1) // 2 if self.freeze_clip is None else self.freeze_clip
        if not (list(quantized_weights(graph)) or list(learned_steps(graph))):
            return {}
        try:
            hook = ClipHook(graph, lambda node: self.rule(node, make_rule, context), freeze, self.clip_penalty)
        except OptionError as error:
            raise PassError(error.problems, f"step {context.step!r}:") from None
        return {"hooks": (hook,)}

    def rule(self, node: str, make_rule: Callable[..., Any], context: Context) -> Any:
        """The clip rule of a layer."""
        name = self.clip.value(node) or AUTOMATIC
        return make_rule(name, self.clip_options.get(name, {}), context.services.load)

    def chosen(self) -> dict[str, Any]:
        """The options of the training; what is left open is for the run to decide."""
        options = {item.attribute: getattr(self, item.attribute) for item in option_fields(TrainingChoices)}
        return {name: value for name, value in options.items() if value is not None}

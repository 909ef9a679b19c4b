"""prune-channels: a narrower network, by removing whole channels with everything that hangs together with them."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
from attrs import frozen

from nadoo_core.calibrating.data import calibration_examples, missing_calibration
from nadoo_core.errors import CoreCode, NoChangeError, PassError, Problem
from nadoo_core.importance import CALIBRATION_EXAMPLES, Scoring
from nadoo_core.options import Bytes, Seconds, Share, option
from nadoo_core.passes import CALIBRATED, Context, Effect, Pass, Property, Selector, Unbounded
from nadoo_core.training.options import TrainingChoices
from nadoo_core.training.within import train_within
from nadoo_graphs.channels import ChannelMap, ChannelPreview, analyse_channels, remove_channels
from nadoo_graphs.graph import ModelGraph
from nadoo_pruning.channel_choice import Manner, choose_units
from nadoo_pruning.channel_scores import Normalizer, Reduction, importance_of, normalized, unit_scores
from nadoo_pruning.freedom import free_units
from nadoo_pruning.refit import NormMode, Refit, gaining_layers
from nadoo_pruning.smaller_tensors import shapes_of, tell
from nadoo_pruning.targets import ESTIMATES, KINDS, Mask, Target, measure_of

LAYERS = (
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "embedding",
    "lstm", "gru", "rnn_tanh", "rnn_relu", "quantized_linear", "quantized_conv1d", "quantized_conv2d",
    "quantized_embedding", "encoded_linear", "encoded_conv1d", "encoded_conv2d", "encoded_embedding",
)  # fmt: skip
AUTOMATIC = "auto"
USUAL_SHARE = 0.5


@frozen(kw_only=True)
class PruneChannels(Pass):
    """Remove the least important channels, each from every layer, norm and shortcut that it runs through.

    One target says how far: a share of the multiply-accumulates, parameters or channels of the model as it is, or a
    size or time on the device. It is met as closely as single channels allow and never exceeded. With calibration
    data, the layers that read the removed channels are refit to what is left by least squares and batch norms are
    matched, which wins back most of the accuracy before any training.
    """

    name: ClassVar[str] = "prune-channels"
    effect: ClassVar[Effect] = Unbounded()
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED,)

    macs: Share | None = option(
        default=None, help="share of the multiply-accumulates to keep; without any target a half"
    )
    parameters: Share | None = option(default=None, help="share of the parameters to keep")
    channels: Share | None = option(default=None, help="share of the channels to keep")
    flash: Bytes | None = option(default=None, help="largest size on the device")
    latency: Seconds | None = option(default=None, help="longest time of an inference on the device")
    where: Selector = option(default=Selector(op=LAYERS), help="which layers may lose channels that they make")
    importance: str = option(
        default=AUTOMATIC, help="how channels are judged: auto, loss, l1, l2, batch-norm-scale, taylor, "
        "geometric-median, activity, nonzero-share, random, or a plugin's; auto is loss with calibration data, else l2",
    )  # fmt: skip
    scope: Literal["global", "layer"] = option(
        default="global", help="compared over all layers, or an equal share each"
    )
    reduce: Reduction = option(default="sum", help="how the opinions on the layers of one channel become one")
    normalize: Normalizer | None = option(default=None, help="scale of scores per layer; unset: mean, for loss none")
    per_cost: bool | None = option(default=None, help="score by what a channel costs; unset: for loss only")
    multiple: int = option(default=1, minimum=1, help="channels kept are a multiple of this")
    min_channels: int = option(default=1, minimum=1, help="fewest channels that a layer keeps")
    heads: Literal["whole", "width"] = option(default="whole", help="prune attention by heads or by their width")
    rounds: int = option(default=1, minimum=1, maximum=100, help="in how many steps the target is reached")
    heal: TrainingChoices | None = option(default=None, help="training after each round")
    refit: bool | None = option(default=None, help="least squares for readers; unset: with calibration data")
    norms: NormMode | None = option(default=None, help="batch norms afterwards; unset: match with calibration data")
    examples: int = option(default=CALIBRATION_EXAMPLES, minimum=1, help="calibration examples to use at most")

    def complaints(self) -> Iterable[str]:
        """One target at most."""
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) > 1:
            yield f"has {' and '.join(given)}; give one of {', '.join(KINDS)}, such as macs = 0.5"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Prune in rounds, each towards its part of the way."""
        first = analyse_channels(graph, self.heads)
        before = ChannelPreview(first).macs(np.ones(len(first), np.bool_))
        base = measure_of(self.kind, first, context)(np.ones(len(first), np.bool_))
        self.refuse_met(base, context)
        widths = shapes_of(graph)
        for number in range(1, self.rounds + 1):
            self.prune_once(graph, context, base, number / self.rounds)
            context.progress(number, self.rounds, "rounds")
        tell(graph, context, widths)
        self.refuse_vain(graph, before, context)

    @property
    def kind(self) -> str:
        """Which target is given; without one it is work."""
        return next((kind for kind in KINDS if getattr(self, kind) is not None), "macs")

    @property
    def wanted(self) -> float:
        """How much of it is allowed."""
        given = getattr(self, self.kind)
        return USUAL_SHARE if given is None else float(given)

    def limit(self, base: float) -> float:
        """What is allowed in the end; a share is one of `base`, the cost of the graph that the step was given."""
        return self.wanted if self.kind in ESTIMATES else self.wanted * base

    def refuse_met(self, base: float, context: Context) -> None:
        """A target that the model keeps as it is would change nothing."""
        target = Target(self.kind, self.limit(base), lambda kept: base)
        if context.allow_no_change or not target.allows(base):
            return
        message = (
            f"asks for {self.kind} of at most {target.text(target.limit)}, and the model has {target.text(base)} as it "
            "is; lower the target, remove the step, or set allow_no_change = true"
        )
        raise NoChangeError(Problem(CoreCode.NO_CHANGE, f"step {context.step!r}", message))

    def prune_once(self, graph: ModelGraph, context: Context, base: float, progress: float) -> None:
        """One round: judge, choose, remove, refit, heal."""
        channels = analyse_channels(graph, self.heads)
        told = context if progress == 1 else context.silent()
        free = free_units(graph, channels, self.where, told)
        if not free.any() and not context.allow_no_change:
            raise none_free(told)
        kept = self.chosen(graph, channels, free, context, (base, progress))
        if kept.all():
            return
        original = graph.copy()
        remove_channels(graph, channels, ~kept)
        self.mend(Refit(original, graph, channels, kept, context.generator("refit")), context)
        if self.heal is not None:
            train_within(graph, self.heal, context)

    def chosen(
        self, graph: ModelGraph, channels: ChannelMap, free: Mask, context: Context, way: tuple[float, float]
    ) -> Mask:
        """The units that stay in a round."""
        base, progress = way
        data = calibration_examples(graph, context, self.examples)
        gaining = gaining_layers(graph) if data is not None and self.refit is not False else ()
        limit = base - (base - self.limit(base)) * progress
        target = Target(self.kind, limit, measure_of(self.kind, channels, context, gaining))
        name = self.importance if self.importance != AUTOMATIC else "loss" if data is not None else "l2"
        scoring = Scoring(graph, channels, context, self.examples if data is None else len(data))
        by_loss = name == "loss"
        scores = np.full(len(channels), np.nan)
        if free.any():
            scores = unit_scores(name, importance_of(name, context), scoring, self.reduce)
            if np.isnan(scores[free]).all() and not context.allow_no_change:
                raise none_judged(name, context)
        scores = normalized(scores, channels, self.normalize or ("none" if by_loss else "mean"))
        per_cost = by_loss if self.per_cost is None else self.per_cost
        per_cost = per_cost and self.scope == "global"
        manner = Manner(self.scope, self.multiple, self.min_channels, per_cost, context.notes.reasons)
        return choose_units(channels, scores, free, target, manner, f"step {context.step!r}")

    def mend(self, refit: Refit, context: Context) -> None:
        """Refit weights and norms on calibration data, where there is any."""
        data = calibration_examples(refit.before, context, self.examples)
        wanted = self.refit or self.norms not in {None, "keep"}
        if data is None and wanted:
            why = missing_calibration(refit.before, context)
            message = f"refit and norms need calibration data; {why}; or leave both out"
            raise PassError(Problem(CoreCode.CONTEXT, f"step {context.step!r}", message))
        if data is not None:
            refit.run(data.inputs, weights=self.refit is not False, norms=self.norms or "match")

    def refuse_vain(self, graph: ModelGraph, before: int, context: Context) -> None:
        """Channels that were no work are not what was asked for."""
        after = analyse_channels(graph, self.heads)
        if ChannelPreview(after).macs(np.ones(len(after), np.bool_)) < before or not context.notes.tables:
            return
        message = (
            f"removed channels, but the model has its {before:,} multiply-accumulates as before; select layers whose "
            "channels are work, or set the target in macs"
        )
        raise PassError(Problem(CoreCode.PASS, f"step {context.step!r}", message))


def none_free(context: Context) -> PassError:
    """The error of a selection of which no channel may go, with the reasons."""
    why = context.notes.reasons or "they make none"
    message = f"no channel of the selected layers may go: {why}; select other layers"
    return PassError(Problem(CoreCode.PASS, f"step {context.step!r}", message))


def none_judged(name: str, context: Context) -> PassError:
    """The error of an importance that says nothing of the channels in question."""
    message = (
        f"importance {name!r} says nothing of the channels that the selected layers make; choose another, such as 'l2'"
    )
    return PassError(Problem(CoreCode.PASS, f"step {context.step!r}", message))

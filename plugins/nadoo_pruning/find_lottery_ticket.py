"""find-lottery-ticket: a sparse network that learns from the weights that it began with."""

from typing import Any, ClassVar, Literal, cast

import numpy as np
import torch
from attrs import evolve, frozen
from torch import Tensor

from nadoo_core.formulas.sparsity import prune_count
from nadoo_core.options import Share, option
from nadoo_core.passes import PRUNED_WEIGHTS, Context, Effect, Pass, Property, Selector, Unbounded
from nadoo_core.training.options import TrainingChoices
from nadoo_core.training.within import train_within
from nadoo_graphs.graph import ModelGraph
from nadoo_pruning.healing import HoldZeros, apply_masks
from nadoo_pruning.prune_weights import LAYERS, prunable_weights, refuse_not_finite

Masks = dict[str, Tensor]


@frozen(kw_only=True)
class FindLotteryTicket(Pass):
    """Train, prune the smallest weights, go back to the weights of the beginning, and again.

    What survives is a ticket: the beginning's weights under a mask. Two controls tell whether it was the weights or
    the mask: the same mask over weights drawn anew, and a mask drawn at random.
    """

    name: ClassVar[str] = "find-lottery-ticket"
    effect: ClassVar[Effect] = Unbounded()
    establishes: ClassVar[tuple[Property, ...]] = (PRUNED_WEIGHTS,)

    rounds: int = option(default=3, minimum=1, maximum=100, help="how often is trained and pruned")
    share: Share = option(
        default=0.2, above=0, below=1, help="share of the weights that are left which each round prunes"
    )
    scope: Literal["global", "layer"] = option(default="global", help="the smallest of all layers, or of each")
    rewind_epochs: int = option(default=0, minimum=0, help="epochs after which the weights to go back to are taken")
    training: TrainingChoices = option(factory=TrainingChoices, help="the training of a round")
    finish: bool = option(default=True, help="whether the ticket is trained at the end")
    control: Literal["ticket", "random-init", "random-mask"] = option(
        default="ticket", help="the ticket, or one of the controls that it is compared with"
    )
    where: Selector = option(default=Selector(op=LAYERS), help="which layers' weights may go")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """The rounds, and then the ticket in place of the model."""
        weights = prunable_weights(graph, self.where.matches(graph), context)
        refuse_not_finite(graph, weights)
        names = [item.tensor for item in weights]
        if not names:
            return
        start = graph.copy()
        if self.rewind_epochs:
            train_within(start, evolve(self.training, epochs=self.rewind_epochs), context)
        masks: Masks = {name: torch.ones_like(start.tensor(name), dtype=torch.bool) for name in names}
        rows: list[dict[str, Any]] = []
        for number in range(1, self.rounds + 1):
            masks = self.pruned_once(start, masks, context)
            kept = sum(int(mask.sum()) for mask in masks.values())
            total = sum(mask.numel() for mask in masks.values())
            rows.append({"round": number, "weights": total, "nonzero": kept, "share": kept / total})
            context.progress(number, self.rounds, "rounds")
        context.table("tickets", rows)
        self.take_over(graph, start, masks, context)

    def pruned_once(self, start: ModelGraph, masks: Masks, context: Context) -> Masks:
        """One round: train under the masks, and take the smallest weights out of them."""
        trained = start.copy()
        apply_masks(trained, masks)
        train_within(trained, self.training, context, [HoldZeros(masks)])
        sizes = {name: trained.tensor(name).detach().abs().double() for name in masks}
        if self.scope == "layer":
            return {name: narrower(masks[name], sizes[name], self.share) for name in masks}
        flat = torch.cat([mask.reshape(-1) for mask in masks.values()])
        pooled = narrower(flat, torch.cat([size.reshape(-1) for size in sizes.values()]), self.share)
        parts = cast("tuple[Tensor, ...]", pooled.split([mask.numel() for mask in masks.values()]))
        return {name: part.reshape(mask.shape) for (name, mask), part in zip(masks.items(), parts, strict=True)}

    def take_over(self, graph: ModelGraph, start: ModelGraph, masks: Masks, context: Context) -> None:
        """Give the model the weights of the ticket or of the control, and train them where that is wanted."""
        if self.control == "random-mask":
            masks = {name: shuffled(mask, context.generator(name)) for name, mask in masks.items()}
        for name, record in start.tensors.items():
            value = record.value
            if self.control == "random-init" and name in masks:
                drawn = torch.randn(value.shape, generator=context.generator(name), dtype=torch.float64)
                value = (drawn * value.double().std(unbiased=False) + value.double().mean()).to(value.dtype)
            if record.digest() != graph.tensors[name].digest() or value is not record.value:
                graph.set_tensor(name, value)
        apply_masks(graph, masks)
        if self.finish:
            train_within(graph, self.training, context, [HoldZeros(masks)])
            apply_masks(graph, masks)


def narrower(mask: Tensor, sizes: Tensor, share: float) -> Tensor:
    """A mask without the smallest share of what it keeps; ties go by position."""
    kept = np.flatnonzero(mask.reshape(-1).numpy())
    order = np.argsort(sizes.reshape(-1).numpy()[kept], kind="stable")
    gone = kept[order[: prune_count(len(kept), share)]]
    found = mask.reshape(-1).clone()
    found[torch.from_numpy(gone)] = False
    return found.reshape(mask.shape)


def shuffled(mask: Tensor, generator: torch.Generator) -> Tensor:
    """As many weights of the layer, drawn at random."""
    return mask.reshape(-1)[torch.randperm(mask.numel(), generator=generator)].reshape(mask.shape)

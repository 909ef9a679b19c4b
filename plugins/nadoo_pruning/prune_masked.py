"""prune-masked: channels whose learned masks came out smallest are removed."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.options import option
from nadoo_core.passes import CALIBRATED, TRAINED, Context, Effect, Pass, Property, Selector, Unbounded
from nadoo_core.training.hooks import Moment, TrainingHook
from nadoo_core.training.options import TrainingChoices
from nadoo_core.training.within import train_within
from nadoo_graphs.channels import analyse_channels, remove_channels
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_pruning.remove_layers import macs
from nadoo_pruning.smaller_tensors import shapes_of, tell

LAYERS = ("linear", "conv1d", "conv2d", "conv3d")
IMAGE_AXES = {"conv1d": 1, "conv2d": 2, "conv3d": 3}


class ShrinkMasks(TrainingHook):
    """Pulls masks towards zero as the penalty λ·‖m‖₁ does: by rate · λ after every step, and never past zero."""

    def __init__(self, masks: Sequence[str], penalty: float) -> None:
        self.masks = tuple(masks)
        self.penalty = penalty

    def on_step(self, moment: Moment) -> None:
        """Shrink every mask by what the optimizer's rate makes of the penalty."""
        pull = self.penalty * float(moment.optimizer.param_groups[0]["lr"])
        held = dict(moment.model.named_parameters())
        with torch.no_grad():
            for name in self.masks:
                mask = held[name]
                mask.copy_(mask.sign() * (mask.abs() - pull).clamp_min(0))


@frozen(kw_only=True)
class PruneMasked(Pass):
    """Learn a factor for every channel of the selected values, and remove the channels whose factors are smallest.

    The factors begin at 1 and are pulled towards 0 while the model trains. Then exactly the wanted number of groups
    of channels goes, those with the smallest sum of magnitudes; the factors of the others become 1 and disappear.
    """

    name: ClassVar[str] = "prune-masked"
    effect: ClassVar[Effect] = Unbounded()
    establishes: ClassVar[tuple[Property, ...]] = (TRAINED,)
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED,)

    where: Selector = option(default=Selector(op=LAYERS), help="which values get factors, such as op = 'flatten'")
    remove: int = option(default=1, minimum=1, help="how many groups of channels go from each value")
    groups: int | None = option(default=None, minimum=2, help="groups of neighbours; unset: each channel is one")
    penalty: float = option(default=5e-4, minimum=0, help="λ of the penalty λ·‖m‖₁")
    training: TrainingChoices = option(factory=TrainingChoices, help="the training in which factors are learned")
    heal: TrainingChoices | None = option(default=None, help="training after the removal")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Insert factors, learn them, remove channels, and take the factors out."""
        before, widths = macs(graph), shapes_of(graph)
        masks = self.insert(graph, context)
        if not masks:
            return
        train_within(graph, self.training, context, [ShrinkMasks([mask for _, mask in masks], self.penalty)])
        learned = {mask: graph.tensor(mask).double().reshape(-1).abs().numpy() for _, mask in masks}
        for node, mask in masks:
            self.remove_smallest(graph, node, mask, learned[mask], context)
        if macs(graph) >= before:
            message = f"removed channels, but the model has its {before:,} multiply-accumulates as before"
            raise PassError(Problem(CoreCode.PASS, f"step {context.step!r}", f"{message}; select other values"))
        tell(graph, context, widths)
        if self.heal is not None:
            train_within(graph, self.heal, context)

    def insert(self, graph: ModelGraph, context: Context) -> list[tuple[str, str]]:
        """Factors behind every selected value whose channels may go: pairs of node and tensor."""
        channels = analyse_channels(graph)
        found: list[tuple[str, str]] = []
        for node in self.where.matches(graph):
            axis = channel_axis(graph, node)
            units = None if axis is None else channels.of_value(node.name, axis)
            if axis is None or units is None:
                context.refuse(node, "its channels cannot go: something that it feeds or comes from needs all of them")
                continue
            self.refuse_too_many(node, len(np.unique(units[units >= 0])), context)
            shape = (len(units), *(1,) * (node.type.rank - axis - 1))
            dtype = getattr(torch, node.type.dtype)
            tensor = graph.add("tensor", name=f"{node.name}.mask", tensors={"value": torch.ones(shape, dtype=dtype)})
            graph.insert_after(node, "mul", tensor, name=f"{node.name}.masked")
            found.append((node.name, graph[tensor.node].tensors["value"]))
        return found

    def refuse_too_many(self, node: Node, units: int, context: Context) -> None:
        """Something stays, and groups divide the channels."""
        groups = self.groups or units
        if units % groups or self.remove >= groups:
            message = (
                f"has {units} channels in {groups} groups, of which {self.remove} should go; give groups that divide "
                "the channels, and remove fewer than there are"
            )
            raise PassError(Problem(CoreCode.PASS, f"step {context.step!r}: node {node.name!r}", message))

    def remove_smallest(
        self, graph: ModelGraph, name: str, mask: str, learned: "NDArray[np.float64]", context: Context
    ) -> None:
        """Remove the groups with the smallest factors, then the factors themselves."""
        channels = analyse_channels(graph)
        units = channels.of_tensor(mask, 0)
        if units is not None and len(units) == len(learned):
            numbers = np.unique(units[units >= 0])
            sums = np.array([learned[units == unit].sum() for unit in numbers])
            groups = numbers.reshape(self.groups or len(numbers), -1)
            order = np.argsort(sums.reshape(groups.shape).sum(1), kind="stable")
            remove_channels(graph, channels, groups[order[: self.remove]].ravel())
        else:
            context.log(f"{name}: its channels went with those of another value")
        with graph.edit():
            graph.bypass(f"{name}.masked")
            graph.remove(f"{name}.mask")


def channel_axis(graph: ModelGraph, node: Node) -> int | None:
    """The axis of the channels: the last, but before the image in a convolution's output; None for what has none."""
    if len(node.outputs) != 1 or not node.type.is_floating or node.type.rank < 2:
        return None
    if node.op in IMAGE_AXES:
        return node.type.rank - 1 - IMAGE_AXES[node.op]
    return 1 if node.type.rank == 4 else node.type.rank - 1

"""reorder-channels: channels in an order in which the codes of their weights compress better."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from attrs import frozen

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.options import did_you_mean, option
from nadoo_core.passes import Context, Effect, Exact, Pass, Selector
from nadoo_graphs.channels import ChannelGroup, ChannelMap, TensorAxis, analyse_channels
from nadoo_graphs.formats import Format
from nadoo_graphs.graph import ModelGraph
from nadoo_reordering.compressibility import Compressibility, compressibility
from nadoo_reordering.orders import Similarity, order_rows
from nadoo_reordering.permuting import reordered, unit_features

LEAST_UNITS = 3
"""Two rows have the same neighbours either way."""
MATRIX = 2


@frozen(kw_only=True)
class ReorderChannels(Pass):
    """Put channels that have similar weights next to each other, in all layers that make, carry or read them.

    What the model computes stays as it is. An order is kept only where the weights, rounded to a format, become
    smaller with it: coded as they are or as modular differences along rows or columns, by a canonical Huffman code
    whose table is counted. Reorder before quantizing, with the format of that step and one scale a tensor.
    """

    name: ClassVar[str] = "reorder-channels"
    effect: ClassVar[Effect] = Exact()

    format: str = option(default="int4", help="the number format that the weights will have")
    similarity: Similarity = option(default="cosine", help="prefix: cosine with the mean of the rows placed so far")
    solver: Literal["greedy", "clustering"] = option(default="greedy", help="how an order is found")
    two_opt: bool = option(default=True, help="improve the order by turning parts of it around")
    readers: bool = option(default=True, help="compare also the weights that read a channel")
    where: Selector = option(default=Selector(), help="which layers' weights are to become smaller")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Group by group, keep the orders that pay, and report what each weight comes to."""
        held = self.number_format(graph, context)
        names = self.weights(graph, context)
        channels = analyse_channels(graph)
        for axis in channels.frozen:
            if axis.tensor in names:
                context.refuse(axis.node, f"its channels stay in their places: {axis.reason}")
        before = {name: self.coded(graph.tensor(name), held) for name in names}
        now = dict(before)
        for done, group in enumerate(channels.groups):
            context.progress(done, len(channels.groups), group.name)
            self.try_group(graph, channels, group, (held, now), context)
        tell(context, before, now)

    def number_format(self, graph: ModelGraph, context: Context) -> Format:
        """The format, which needs a finite list of levels."""
        formats = graph.ops.formats
        if self.format not in formats:
            message = f"is {self.format!r}, which is no number format; {did_you_mean(self.format, formats.names)}"
            raise PassError(Problem(CoreCode.UNKNOWN_NAME, f"step {context.step!r}.format", message))
        found = formats[self.format]
        if found.codec is None or found.levels() is None:
            message = f"is {self.format!r}, whose levels are no finite list; choose a format such as int4 or 4bitsym"
            raise PassError(Problem(CoreCode.PASS, f"step {context.step!r}.format", message))
        return found

    def weights(self, graph: ModelGraph, context: Context) -> list[str]:
        """The weights that are looked at; one that holds no number stops the pass."""
        found = dict.fromkeys(
            node.tensors["weight"]
            for node in self.where.matches(graph)
            if "weight" in node.tensors and graph.tensor(node.tensors["weight"]).ndim >= MATRIX
        )
        broken = [name for name in found if not bool(torch.isfinite(graph.tensor(name)).all())]
        if broken:
            message = "holds NaN or infinity; repair it, or exclude its node in where"
            raise PassError([Problem(CoreCode.PASS, f"tensor {name!r}", message) for name in broken])
        if not found and not context.allow_no_change:
            message = "finds no layer with a weight matrix among the selected nodes; select linear layers"
            raise PassError(Problem(CoreCode.SELECTOR, f"step {context.step!r}", message))
        return list(found)

    def coded(self, weight: torch.Tensor, held: Format) -> Compressibility:
        """What a weight comes to in the format."""
        rows = weight.detach().double().reshape(len(weight), -1)
        levels = torch.tensor(held.levels(), dtype=torch.float64)
        known = np.unique(held.encode(levels, allow_degenerate=True).numpy())
        clip = float(rows.abs().amax()) if rows.numel() else 0.0
        codes = held.encode(rows, float(held.scale_of(clip or 1.0)), allow_degenerate=True).numpy()
        places = np.searchsorted(known, codes).clip(0, len(known) - 1)
        return compressibility(places.astype(np.int64), len(known))

    def try_group(
        self,
        graph: ModelGraph,
        channels: ChannelMap,
        group: ChannelGroup,
        account: tuple[Format, dict[str, Compressibility]],
        context: Context,
    ) -> None:
        """Keep another order of a group where the weights that it changes become smaller in sum."""
        held, now = account
        sides = frozenset({"makes", "reads"} if self.readers else {"makes"})
        axes = [axis for axis in channels.axes if lies_in(group, axis)]
        if not any(axis.tensor in now for axis in axes):
            return
        if len(group) < LEAST_UNITS:
            context.refuse(group.name, f"it has {len(group)} channels, which are neighbours in any order")
            return
        rows = unit_features(graph, group, axes, sides)
        order = order_rows(rows, self.similarity, self.solver, exchange=self.two_opt)
        tensors = dict(reordered(graph, channels, group, order))
        changed = {name: self.coded(value, held) for name, value in tensors.items() if name in now}
        saved = sum(now[name].best.bits - part.best.bits for name, part in changed.items())
        if saved <= 0:
            context.refuse(group.name, f"its {len(group)} channels are no smaller in the order that was found")
            return
        graph.set_tensors(tensors)
        now.update(changed)
        context.log(f"{group.name}: {len(group)} channels in another order save {saved} bits")


def lies_in(group: ChannelGroup, axis: TensorAxis) -> bool:
    """Whether units of a group lie along an axis."""
    return bool(np.isin(axis.units, group.units).any())


def tell(context: Context, before: Mapping[str, Compressibility], now: Mapping[str, Compressibility]) -> None:
    """A line a weight: entropies before and after, the best coding, and its bits with the table."""
    context.table(
        "compressibility",
        [
            {"tensor": name, "numbers": part.numbers, "levels": part.levels, "coded_bits_before": part.best.bits,
             **{f"{key}_before": value for key, value in part.row().items() if key.startswith("entropy")},
             **now[name].row()}
            for name, part in before.items()
        ],
    )  # fmt: skip

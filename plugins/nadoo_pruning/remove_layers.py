"""remove-layers: a shallower network, without the blocks that matter least."""

from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any, ClassVar, Literal

import torch
from attrs import frozen
from torch import Tensor
from torch.nn import functional as F

from nadoo_core.calibrating.data import calibration_examples, missing_calibration
from nadoo_core.data.examples import Examples
from nadoo_core.errors import CoreCode, NoChangeError, PassError, Problem
from nadoo_core.importance import CALIBRATION_EXAMPLES
from nadoo_core.options import Share, option
from nadoo_core.passes import CALIBRATED, Context, Effect, Pass, Property, Selector, Unbounded
from nadoo_core.training.options import TrainingChoices
from nadoo_core.training.within import train_within
from nadoo_graphs.counting import count
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.sizes import symbols_of
from nadoo_pruning.blocks import Block, find_blocks, is_part, layers_of, remove_block

Damages = list[tuple[float, Block]]


@frozen(kw_only=True)
class RemoveLayers(Pass):
    """Leave out blocks whose input and output have one shape, one after the other, the least missed first.

    With `projected`, blocks of other shapes too: a 1×1 layer that is less work takes their place. After each removal
    all that are left are judged again, because blocks stand in for one another.
    """

    name: ClassVar[str] = "remove-layers"
    effect: ClassVar[Effect] = Unbounded()
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED,)

    count: int | None = option(default=None, minimum=1, help="how many blocks go")
    macs: Share | None = option(default=None, help="share of the multiply-accumulates to keep at most")
    max_damage: float | None = option(default=None, minimum=0, help="stop before a removal that does more damage")
    blocks: Literal["residual", "all"] = option(
        default="all", help="residual: what an addition skips; all: also plain layers with equal ends"
    )
    criterion: Literal["damage", "influence", "change"] = option(
        default="damage", help="damage: how the results move; influence: 1 - cosine of the block's ends; change: their "
        "relative distance",
    )  # fmt: skip
    projected: bool = option(
        default=False, help="also blocks with unlike ends, whose place a 1×1 layer takes that is fit to what they gave"
    )
    largest: Share = option(
        default=0.5, above=0, help="share of the layers with work that are left which a block may have; what an "
        "addition skips may have more where no smaller block of that kind lies inside",
    )  # fmt: skip
    where: Selector = option(default=Selector(), help="which layers may go; a block goes if all of its layers may")
    heal: TrainingChoices | None = option(default=None, help="training after each removal")
    examples: int = option(default=CALIBRATION_EXAMPLES, minimum=1, help="calibration examples to use at most")

    def complaints(self) -> Iterable[str]:
        """Something says when to stop."""
        if self.count is None and self.macs is None and self.max_damage is None:
            yield "has no end; give count, macs or max_damage, such as count = 1"
        if self.projected and self.criterion != "damage":
            yield f"projected compares what comes out, and criterion is {self.criterion!r}; leave one of them out"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Remove the best candidate until the end is reached."""
        data = calibration_examples(graph, context, self.examples)
        if data is None:
            message = f"needs calibration data to judge blocks; {missing_calibration(graph, context)}"
            raise PassError(Problem(CoreCode.CONTEXT, f"step {context.step!r}", message))
        whole, rows = macs(graph), list[dict[str, Any]]()
        judge = Judge(data, outputs(graph, data.inputs))
        judge.refuse_not_finite(context)
        while not self.is_done(graph, whole, rows):
            damages = self.damages(graph, judge)
            best = min(damages, key=lambda pair: pair[0], default=None)
            if best is None or (self.max_damage is not None and best[0] > self.max_damage):
                self.refuse_unmet(graph, whole, rows, best, context)
                break
            remove_block(graph, best[1], data.inputs)
            rows.append({"removed": best[1].name, self.criterion: best[0], "macs": macs(graph)})
            if self.heal is not None:
                train_within(graph, self.heal, context)
            context.progress(len(rows), self.count or len(rows) + 1, "blocks")
        context.table("removed", rows)
        refuse_vain(graph, whole, rows, context)

    def is_done(self, graph: ModelGraph, whole: int, rows: list[dict[str, Any]]) -> bool:
        """Whether the wanted number is gone, or the share is reached."""
        if self.count is not None and len(rows) >= self.count:
            return True
        return self.macs is not None and macs(graph) <= self.macs * whole

    def candidates(self, graph: ModelGraph) -> list[Block]:
        """Every block that may go: selected, of the wanted kind, and not nearly all that is left of the network."""
        most = self.largest * layers_of(graph, graph.nodes())
        allowed = {node.name for node in self.where.matches(graph)}
        blocks = find_blocks(graph, projected=self.projected)
        found = [item for item in blocks if set(item.nodes) <= allowed and is_part(item, blocks, most)]
        return [item for item in found if item.residual] if self.blocks == "residual" else found

    def damages(self, graph: ModelGraph, judge: "Judge") -> Damages:
        """Every block that may go, with what its removal does; not one that leaves results which are no numbers."""
        blocks, inputs = self.candidates(graph), judge.data.inputs
        if self.criterion == "damage":
            found = [(judge.damage(without(graph, item, inputs)), item) for item in blocks]
            return [pair for pair in found if isfinite(pair[0])]
        blocks = [item for item in blocks if item.projection is None]
        names = sorted({value.node for item in blocks for value in (item.start, item.end)})
        values: Mapping[str, Tensor] = graph.run(inputs, keep=names).values if names else {}
        measure = CRITERIA[self.criterion]
        return [(measure(values[item.start.node], values[item.end.node]), item) for item in blocks]

    def refuse_unmet(
        self,
        graph: ModelGraph,
        whole: int,
        rows: list[dict[str, Any]],
        best: "tuple[float, Block] | None",
        context: Context,
    ) -> None:
        """A number or share that cannot be reached stops with what could be; so does damage without any removal."""
        only_damage = self.count is None and self.macs is None
        if only_damage and (rows or context.allow_no_change):
            return
        reason = "no block is left that may go" if best is None else f"the next removal does damage {best[0]:.3g}"
        message = (
            f"could remove {len(rows)} blocks, down to {macs(graph) / max(whole, 1):.1%} of the multiply-accumulates; "
            f"{reason}; lower count, raise macs or max_damage, or select more layers{self.way_out(best)}"
        )
        problem = Problem(CoreCode.NO_CHANGE if only_damage else CoreCode.PASS, f"step {context.step!r}", message)
        raise NoChangeError(problem) if only_damage else PassError(problem)

    def way_out(self, best: "tuple[float, Block] | None") -> str:
        """The options that would find more blocks where none is left."""
        if best is not None:
            return ""
        wider = ['blocks = "all"'] if self.blocks == "residual" else []
        wider += ["projected = true"] if not self.projected and self.criterion == "damage" else []
        wider += [f"largest above {self.largest:g}"] if self.largest < 1 else []
        return f"; {', '.join(wider)} would look at more blocks" if wider else ""


@frozen(eq=False)
class Judge:
    """The examples, and what the network gave for them before any removal."""

    data: Examples
    original: tuple[Tensor, ...]

    def damage(self, graph: ModelGraph) -> float:
        """How far the results of a smaller network are from the original's."""
        classes = self.data.targets is None or self.data.labelled
        return damage(self.original, outputs(graph, self.data.inputs), classes=classes)

    def refuse_not_finite(self, context: Context) -> None:
        """Against results that are no numbers nothing can be judged."""
        for place, value in enumerate(self.original):
            if not bool(torch.isfinite(value).all()):
                message = f"output {place} of the model is NaN or infinite for calibration data; mend one of them"
                raise PassError(Problem(CoreCode.PASS, f"step {context.step!r}", message))


def without(graph: ModelGraph, block: Block, inputs: Tensor) -> ModelGraph:
    """A copy that lacks a block."""
    smaller = graph.copy()
    remove_block(smaller, block, inputs)
    return smaller


def outputs(graph: ModelGraph, inputs: Tensor) -> tuple[Tensor, ...]:
    """What a graph gives."""
    return graph.run(inputs).outputs


def damage(original: tuple[Tensor, ...], other: tuple[Tensor, ...], *, classes: bool = True) -> float:
    """How far results moved: for classes the divergence of the predictions, else the relative squared error."""
    pairs = zip(original, other, strict=True)
    return float(sum(divergence(one.double(), two.double(), classes=classes) for one, two in pairs))


def divergence(one: Tensor, other: Tensor, *, classes: bool = True) -> float:
    """The damage to one output."""
    if classes and one.ndim == 2 and one.shape[1] > 1:
        expected, actual = one.log_softmax(1), other.log_softmax(1)
        return float((expected.exp() * (expected - actual)).sum(1).mean())
    size = float(one.square().sum()) or 1.0
    return float((one - other).square().sum()) / size


def influence(start: Tensor, end: Tensor) -> float:
    """1 - the mean cosine of what goes in and comes out, token by token: 0 for an identity, at most 2."""
    axis = 1 if start.ndim == 4 else -1
    return float(1.0 - F.cosine_similarity(start.double(), end.double(), dim=axis).mean())


def change(start: Tensor, end: Tensor) -> float:
    """‖out - in‖ / ‖in‖."""
    size = float(start.double().square().sum()) or 1.0
    return (float((end - start).double().square().sum()) / size) ** 0.5


CRITERIA: Mapping[str, Callable[[Tensor, Tensor], float]] = {"influence": influence, "change": change}


def macs(graph: ModelGraph) -> int:
    """The multiply-accumulates of one example."""
    names = {name for node in graph.inputs for size in node.type.shape for name in symbols_of(size)}
    return count(graph).macs(dict.fromkeys(names, 1))


def refuse_vain(graph: ModelGraph, before: int, rows: list[dict[str, Any]], context: Context) -> None:
    """Blocks that were no work are not what was asked for."""
    if rows and macs(graph) >= before:
        message = f"removed blocks, but the model has its {before:,} multiply-accumulates as before; select others"
        raise PassError(Problem(CoreCode.PASS, f"step {context.step!r}", message))

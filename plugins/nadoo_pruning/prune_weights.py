"""prune-weights: zeros in place of single weights, for storage and kernels that can skip them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from attrs import frozen

from nadoo_core.calibrating.data import calibration_examples, missing_calibration
from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.formulas.gradual_pruning import CubicSparsity
from nadoo_core.formulas.storage import bitmap_bits, group_bits
from nadoo_core.importance import CALIBRATION_EXAMPLES
from nadoo_core.options import Share, option
from nadoo_core.passes import PRUNED_WEIGHTS, Context, Effect, Pass, Property, Selector, Unbounded
from nadoo_core.training.options import TrainingChoices
from nadoo_core.training.within import train_within
from nadoo_graphs.counting import count_node
from nadoo_graphs.errors import Code, NonFiniteError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.sizes import bind, symbols_of
from nadoo_pruning.healing import HoldZeros, apply_masks
from nadoo_pruning.importances.taylor import labelled, weight_products
from nadoo_pruning.weight_masks import (
    Keep,
    Pooling,
    Prunable,
    Scores,
    block_scores,
    by_layer,
    by_pattern,
    by_threshold,
    over_all,
    spread_blocks,
)

LAYERS = (
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
)  # fmt: skip
PATTERN = re.compile(r"(\d+):(\d+)")


@frozen(kw_only=True)
class PruneWeights(Pass):
    """Set the least important weights to zero; biases, norms and embeddings stay.

    What it is worth depends on who runs the model: dense kernels do the same work as before, so that dense and sparse
    cost are told apart. An N:M pattern needs hardware or kernels that know it.
    """

    name: ClassVar[str] = "prune-weights"
    effect: ClassVar[Effect] = Unbounded()
    establishes: ClassVar[tuple[Property, ...]] = (PRUNED_WEIGHTS,)

    share: Share | None = option(default=None, help="share of the weights that become zero")
    pattern: str | None = option(default=None, help="N:M: of every M neighbours the N largest stay, such as 2:4")
    threshold: Share | None = option(default=None, help="weights below this share of their layer's largest go")
    where: Selector = option(default=Selector(op=LAYERS), help="which layers' weights")
    importance: Literal["magnitude", "taylor", "random"] = option(
        default="magnitude", help="what a weight is judged by; taylor: |w · ∂L/∂w| over labelled calibration data"
    )
    scope: Literal["layer", "global"] = option(default="layer", help="the share in every layer, or of all together")
    normalize: Pooling = option(default="none", help="global only: the scale on which layers are compared")
    block: tuple[int, int] = option(default=(1, 1), minimum=1, help="outputs × inputs that go together")
    examples: int = option(default=CALIBRATION_EXAMPLES, minimum=1, help="calibration examples to use at most")
    allow_dead_layer: bool = option(
        default=False, help="whether a layer may lose its last weight; else its largest stays"
    )
    rounds: int = option(default=1, minimum=1, maximum=1000, help="steps of a cubic schedule towards the share")
    heal: TrainingChoices | None = option(default=None, help="training after each round, zeros held")

    def complaints(self) -> Iterable[str]:
        """Exactly one criterion, and options that go with it."""
        given = [name for name in ("share", "pattern", "threshold") if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) if given else "no criterion"
            yield f"has {said}; give exactly one of share, pattern and threshold, such as share = 0.5"
        if self.pattern is not None and not self.is_pattern():
            yield f"pattern is {self.pattern!r}; give N:M with 1 ≤ N < M, such as '2:4'"
        if self.block != (1, 1) and self.share is None:
            yield "block goes with share only; leave it out, or give a share"
        if self.normalize != "none" and self.scope == "layer":
            yield "normalize compares layers, which scope = 'layer' does not; choose scope = 'global'"
        if self.share == 1 and not self.allow_dead_layer:
            yield "share is 1, which leaves dead layers; give less, or allow_dead_layer = true"
        if self.rounds > 1 and self.share is None:
            yield "rounds lead towards a share; give one, or leave rounds out"

    def is_pattern(self) -> bool:
        """Whether the pattern is one."""
        found = PATTERN.fullmatch(self.pattern or "")
        return found is not None and 1 <= int(found[1]) < int(found[2])

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Mask, and heal where that is wanted, round by round."""
        weights = prunable_weights(graph, self.where.matches(graph), context)
        refuse_not_finite(graph, weights)
        before = {item.tensor: nonzero(graph, item) for item in weights}
        for number in range(1, self.rounds + 1):
            masks = self.masks(graph, weights, number, context)
            apply_masks(graph, masks)
            context.progress(number, self.rounds, "rounds")
            if self.heal is not None:
                train_within(graph, self.heal, context, [HoldZeros(masks)])
                apply_masks(graph, masks)
        self.refuse_vain(graph, weights, before, context)
        self.tell(graph, weights, before, context)

    # --- masks ---

    def masks(
        self, graph: ModelGraph, weights: list[Prunable], number: int, context: Context
    ) -> dict[str, torch.Tensor]:
        """The mask of every weight in a round."""
        products = self.products(graph, {item.tensor for item in weights}, context)
        scores = {item.tensor: self.scores(graph, item, products, context) for item in weights}
        keep = self.keep(scores, {item.tensor: item.node for item in weights}, number, context)
        return {item.tensor: item.tensor_mask(keep[item.tensor]) for item in weights if item.tensor in keep}

    def products(self, graph: ModelGraph, names: set[str], context: Context) -> dict[str, torch.Tensor]:
        """What first-order estimates say of weights, where they are asked for."""
        if self.importance != "taylor":
            return {}
        data = calibration_examples(graph, context, self.examples)
        if data is None:
            why = missing_calibration(graph, context)
            message = f"importance 'taylor' needs labelled calibration data; {why}"
            raise PassError(Problem(CoreCode.CONTEXT, f"step {context.step!r}", message))
        found = {name: torch.zeros_like(graph.tensor(name), dtype=torch.float64) for name in names}
        for products in weight_products(graph, labelled(data, context.step, "magnitude"), names):
            for name, product in products.items():
                found[name] += product.abs()
        return found

    def scores(
        self, graph: ModelGraph, item: Prunable, products: Mapping[str, torch.Tensor], context: Context
    ) -> Scores:
        """How much the weights of a layer matter; what is zero stays so."""
        if self.importance == "taylor":
            return item.matrix(products[item.tensor])
        matrix = np.abs(item.matrix(graph.tensor(item.tensor)))
        if self.importance == "magnitude":
            return matrix
        return np.where(matrix > 0, context.numbers(item.tensor).random(matrix.shape) + 1.0, 0.0)

    def keep(self, scores: dict[str, Scores], nodes: dict[str, Node], number: int, context: Context) -> dict[str, Keep]:
        """Which elements of the matrices stay."""
        if self.pattern is not None:
            return self.patterned(scores, nodes, context)
        if self.threshold is not None:
            return {name: by_threshold(item, self.threshold) for name, item in scores.items()}
        blocks = {name: block_scores(item, self.block) for name, item in scores.items()}
        for name in [name for name, item in blocks.items() if item is None]:
            context.refuse(nodes[name], f"its weight does not divide into blocks of {self.block}")
        fitting = {name: item for name, item in blocks.items() if item is not None}
        share = self.share_of(number)
        if not fitting:
            return {}
        if self.scope == "layer":
            keep = by_layer(fitting, share, dead=self.allow_dead_layer)
        else:
            keep = over_all(fitting, share, self.normalize, dead=self.allow_dead_layer)
        return {name: spread_blocks(item, self.block) for name, item in keep.items()}

    def patterned(self, scores: dict[str, Scores], nodes: dict[str, Node], context: Context) -> dict[str, Keep]:
        """N:M masks of the layers whose inputs divide into groups."""
        kept, group = map(int, (self.pattern or "").split(":"))
        found = {name: by_pattern(item, kept, group) for name, item in scores.items()}
        for name, item in found.items():
            if item is None:
                context.refuse(nodes[name], f"its {scores[name].shape[1]} inputs do not divide into groups of {group}")
        return {name: item for name, item in found.items() if item is not None}

    def share_of(self, number: int) -> float:
        """The share of a round: at once, or along a cubic curve."""
        share = float(self.share or 0.0)
        return share if self.rounds == 1 else CubicSparsity(final=share, updates=self.rounds).sparsity(number)

    # --- what it was worth ---

    def refuse_vain(self, graph: ModelGraph, weights: list[Prunable], before: dict[str, int], context: Context) -> None:
        """Weights that were zero already are not what was asked for."""
        left, was = sum(nonzero(graph, item) for item in weights), sum(before.values())
        if left < was or context.allow_no_change:
            return
        total = sum(int(np.prod(item.shape)) for item in weights)
        refused = f"; it refused {context.notes.reasons}" if context.notes.refused else ""
        message = (
            f"leaves {left:,} of {total:,} weights non-zero, as many as before{refused}; prune more, or select other "
            "layers"
        )
        raise PassError(Problem(CoreCode.PASS, f"step {context.step!r}", message))

    def tell(self, graph: ModelGraph, weights: list[Prunable], before: dict[str, int], context: Context) -> None:
        """Dense and sparse cost of every layer, apart."""
        rows: list[dict[str, Any]] = []
        for item in weights:
            record, left = graph.record(item.tensor), nonzero(graph, item)
            elements, width = record.value.numel(), 8 * record.value.element_size()
            macs = layer_macs(graph, item.node)
            density = left / elements if elements else 1.0
            rows.append({
                "node": item.node.name, "weights": elements, "nonzero_before": before[item.tensor], "nonzero": left,
                "dense_macs": macs, "sparse_macs": round(macs * density),
                "dense_bytes": record.bytes, "sparse_bytes": round(elements * self.bits(width, density) / 8),
            })  # fmt: skip
        context.table("sparsity", rows)

    def bits(self, width: int, density: float) -> float:
        """The bits a weight takes where zeros are not stored."""
        if self.pattern is None:
            return bitmap_bits(width, 1.0 - density)
        kept, group = map(int, self.pattern.split(":"))
        return group_bits(width, kept, group)


def prunable_weights(graph: ModelGraph, nodes: Iterable[Node], context: Context) -> list[Prunable]:
    """The weights of the selected layers, tied ones once."""
    found: dict[str, Prunable] = {}
    for node in nodes:
        if node.op not in LAYERS:
            context.refuse(node, f"{node.op!r} has no weight that is pruned by elements")
        elif node.tensors["weight"] not in found and graph.tensor(node.tensors["weight"]).numel():
            name = node.tensors["weight"]
            found[name] = Prunable(name, node, tuple(graph.tensor(name).shape))
    return list(found.values())


def nonzero(graph: ModelGraph, item: Prunable) -> int:
    """How many elements of a weight are not zero."""
    return int(torch.count_nonzero(graph.tensor(item.tensor)))


def layer_macs(graph: ModelGraph, node: Node) -> int:
    """The multiply-accumulates of a layer for one example."""
    macs = count_node(graph, node).macs
    return bind(macs, dict.fromkeys(symbols_of(macs), 1))


def refuse_not_finite(graph: ModelGraph, weights: list[Prunable]) -> None:
    """No weight may be NaN or infinite: it could be neither small nor large."""
    bad = {item.tensor: int((~torch.isfinite(graph.tensor(item.tensor))).sum()) for item in weights}
    problems = [
        Problem(Code.NONFINITE, f"tensor {name!r}", f"holds {number} values that are NaN or infinite; mend the model")
        for name, number in bad.items()
        if number
    ]
    if problems:
        raise NonFiniteError(problems)

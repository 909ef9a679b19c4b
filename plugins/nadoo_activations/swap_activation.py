"""swap-activation: another nonlinearity, at once, layer by layer, or little by little while the model heals."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import torch
from attrs import frozen

from nadoo_activations.blending import Blend, Blending, Course, blended
from nadoo_activations.catalogue import CURVES, ONE, op_named
from nadoo_activations.rescaling import fold_factor, least_squares_factor
from nadoo_core.calibrating.data import calibration_examples, missing_calibration
from nadoo_core.data.examples import Examples
from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.evaluation.activity import Activity, measure_activity
from nadoo_core.importance import CALIBRATION_EXAMPLES
from nadoo_core.options import Share, option
from nadoo_core.passes import CALIBRATED, Context, Effect, Pass, Property, Selector, Unbounded
from nadoo_core.training.options import TrainingChoices
from nadoo_core.training.within import train_within
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.ops import Op

LEARNED_SLOPE = 0.25

Factors = Mapping[str, float | None]
Rest = tuple[Factors, Context]


@frozen(kw_only=True)
class SwapActivation(Pass):
    """Put another activation in the place of those that the model was trained with.

    Any operator of one operand will do, those of plugins too. The share of positive outputs before and after is in
    the record, where there is calibration data; accuracy before, after and healed, where there is healing.
    """

    name: ClassVar[str] = "swap-activation"
    effect: ClassVar[Effect] = Unbounded()
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED,)

    old: str | None = option(default=None, help="the activation to replace; unset: every activation")
    new: str = option(default="relu", help="what takes its place: any operator of one operand")
    options: dict[str, Any] = option(factory=dict, help="attributes of the new activation, such as { c = 3, k = 6 }")
    where: Selector = option(default=Selector(), help="which nodes, of those that are activations")
    how: Literal["at once", "layer by layer", "blended"] = option(
        default="at once", help="layer by layer heals after each; blended goes from old to new while healing"
    )
    heal: TrainingChoices | None = option(default=None, help="training that wins back what was lost")
    course: Course = option(default="cosine", help="how a blended swap goes from old to new")
    until: Share = option(default=0.75, above=0, help="share of a blended training after which only the new one acts")
    rescale: Literal["none", "ls"] = option(
        default="none", help="ls: the new activation brought to the size of the old in the layers that read it"
    )
    examples: int = option(default=CALIBRATION_EXAMPLES, minimum=1, help="calibration examples to use at most")

    def complaints(self) -> Iterable[str]:
        """What goes along training needs training."""
        if self.how != "at once" and self.heal is None:
            yield f"how is {self.how!r}, which goes along with training; give heal = {{ epochs = 2 }} too"
        if self.how == "blended" and self.rescale != "none":
            yield "a blended swap trains from the old activation to the new and has nothing to rescale; leave it out"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Swap, heal, and say how many outputs are positive now."""
        row = self.new_row(graph, context)
        names = [node.name for node in self.chosen(graph, row, context)]
        if not names:
            return
        data = calibration_examples(graph, context, self.examples)
        before, scores = active(graph, names, data), [self.score(graph, context)]
        factors: Factors = self.factors(graph, names, row, data, context) if self.rescale == "ls" else {}
        swapped = {"at once": self.at_once, "layer by layer": self.by_layer, "blended": self.blend}[self.how]
        scores += swapped(graph, names, row, (factors, context))
        tell_activity(context, names, before, active(graph, names, data))
        tell_recovery(context, scores)

    # --- what is swapped ---

    def new_row(self, graph: ModelGraph, context: Context) -> Op:
        """The new operator, or why it cannot be one."""
        where = f"step {context.step!r}.new"
        row = op_named(self.new, graph.ops, where)
        if row.arity != ONE or (row.roles and row.name != "prelu"):
            needs = "has tensors of its own" if row.roles else "does not have one operand"
            raise PassError(Problem(CoreCode.PASS, where, f"is {self.new!r}, which {needs}; choose an activation"))
        problems = row.problems(where, row.complete(self.options))
        if problems:
            raise PassError(problems)
        return row

    def chosen(self, graph: ModelGraph, row: Op, context: Context) -> list[Node]:
        """The activations that become others."""
        old = None if self.old is None else op_named(self.old, graph.ops, f"step {context.step!r}.old").name
        kinds = CURVES if old is None else {old}
        found = [node for node in self.where.matches(graph) if node.op in kinds]
        if not found:
            present = sorted({node.op for node in graph.nodes() if node.op in CURVES})
            wanted = "activation" if old is None else repr(old)
            message = f"finds no {wanted} among the selected nodes; the graph has {', '.join(present) or 'none'}"
            if context.allow_no_change:
                return []
            raise PassError(Problem(CoreCode.SELECTOR, f"step {context.step!r}", message))
        complete = dict(row.complete(self.options))
        others = [node for node in found if (node.op, dict(node.attributes)) != (row.name, complete)]
        for node in found if not others else ():
            context.refuse(node, f"is {row.name!r} with these options already")
        return others

    def replace(self, graph: ModelGraph, name: str, row: Op) -> None:
        """Put the new activation in the place of one node."""
        node = graph[name]
        attributes: dict[str, Attribute] = dict(self.options)
        tensors: dict[str, torch.Tensor] = {}
        if row.name == "prelu":
            tensors["weight"] = torch.full((1,), LEARNED_SLOPE, dtype=getattr(torch, node.type.dtype))
        try:
            graph.replace(node, row.name, tensors=tensors, **attributes)
        except GraphError as error:
            told = [f"{item.where}: {item.message}" for item in error.problems]
            raise self.unfit(name, "; ".join(told)) from error
        if graph[name].type != node.type:
            raise self.unfit(name, f"it makes {graph[name].type} of what was {node.type}")

    def unfit(self, name: str, reason: str) -> PassError:
        """The error of an operator that is none for a place."""
        message = f"{self.new!r} cannot take the place of {name!r}: {reason}; choose an activation, or other options"
        return PassError(Problem(CoreCode.PASS, self.name, message))

    # --- the ways to swap; each gives the accuracies that it saw ---

    def at_once(self, graph: ModelGraph, names: list[str], row: Op, rest: Rest) -> list[float | None]:
        """All of them, then the healing."""
        factors, context = rest
        for name in names:
            self.replace(graph, name, row)
            scale(graph, name, factors, context)
        found = [self.score(graph, context)]
        if self.heal is None:
            return found
        train_within(graph, self.heal, context)
        return [*found, self.score(graph, context)]

    def by_layer(self, graph: ModelGraph, names: list[str], row: Op, rest: Rest) -> list[float | None]:
        """One after the other in the order of execution, each healed before the next."""
        factors, context = rest
        found: list[float | None] = []
        for done, name in enumerate(names):
            context.progress(done, len(names), name)
            self.replace(graph, name, row)
            scale(graph, name, factors, context)
            found.append(self.score(graph, context))
            if self.heal is not None:
                train_within(graph, self.heal, context, seed=context.seed_for(f"heal {name}"))
        return [*found[:1], self.score(graph, context)]

    def blend(self, graph: ModelGraph, names: list[str], row: Op, rest: Rest) -> list[float | None]:
        """Both at once, weighed by how far the training is; at the end only the new one is left."""
        _, context = rest
        if row.name == "prelu" or self.heal is None:
            message = "a learned slope cannot be blended in; swap it at once"
            raise PassError(Problem(CoreCode.PASS, f"step {context.step!r}", message))
        swapped = graph.copy()
        for name in names:
            self.replace(swapped, name, row)
        found = [self.score(swapped, context)]
        both, weight = blended(graph, [graph[name] for name in names], row.name, dict(self.options))
        train_within(both, self.heal, context, [Blending(Blend(self.course, self.until), weight)], keep="last")
        for name in graph.tensors:
            if both.tensors[name].digest() != graph.tensors[name].digest():
                graph.set_tensor(name, both.tensor(name))
        for name in names:
            self.replace(graph, name, row)
        return [*found, self.score(graph, context)]

    # --- numbers ---

    def score(self, graph: ModelGraph, context: Context) -> float | None:
        """The accuracy on validation data, where there is healing to be judged and a way to measure."""
        if self.heal is None or context.services.evaluate is None:
            return None
        found: Mapping[str, Any] = context.evaluate(graph)
        value: object = getattr(found.get("accuracy"), "value", None)
        return float(value) if isinstance(value, int | float) else None

    def factors(self, graph: ModelGraph, names: list[str], row: Op, data: Examples | None, context: Context) -> Factors:
        """γ of each activation, from what goes into it in the model as it is."""
        if data is None:
            message = f"rescale = 'ls' needs calibration data; {missing_calibration(graph, context)}; or leave it out"
            raise PassError(Problem(CoreCode.CONTEXT, f"step {context.step!r}", message))
        found: dict[str, float | None] = {}
        for name in names:
            trial = graph.copy()
            self.replace(trial, name, row)
            old, new = (item.run(data.inputs, keep=name).values[name] for item in (graph, trial))
            found[name] = least_squares_factor(old, new)
        return found


def scale(graph: ModelGraph, name: str, factors: Factors, context: Context) -> None:
    """Fold the factor of an activation into its readers, and say where that cannot be."""
    if name not in factors:
        return
    factor = factors[name]
    vain = "its outputs are zero, or opposed to the old ones"
    reason = vain if factor is None else fold_factor(graph, graph[name], factor)
    context.log(f"{name}: not rescaled, {reason}" if reason else f"{name}: rescaled by {factor:.4g}")


def active(graph: ModelGraph, names: list[str], data: Examples | None) -> Activity | None:
    """The share of positive outputs, where there is data."""
    return measure_activity(graph, data.inputs, names) if data is not None else None


def tell_activity(context: Context, names: list[str], before: Activity | None, after: Activity | None) -> None:
    """A line an activation and one for all, weighed by elements and layer by layer."""
    if before is None or after is None:
        return
    rows = [
        {
            "node": name,
            "positive_before": before.layers[name].share,
            "positive_after": after.layers[name].share,
            "zero_after": after.layers[name].zero / max(after.layers[name].total, 1),
        }
        for name in names
    ]
    whole = {"node": "all", "positive_before": before.positive_share, "positive_after": after.positive_share}
    mean = {
        "node": "mean of layers",
        "positive_before": before.mean_layer_share,
        "positive_after": after.mean_layer_share,
    }
    context.table("activity", [*rows, {**whole, "zero_after": after.zero_share}, {**mean, "zero_after": None}])


def tell_recovery(context: Context, scores: list[float | None]) -> None:
    """Accuracy before, after the swap and healed, and which share of the drop was won back."""
    known = [score for score in scores if score is not None]
    if len(known) != len(scores) or len(known) < len(("before", "swapped", "healed")):
        return
    before, swapped, healed = known[0], known[1], known[-1]
    context.table(
        "recovery",
        [{"before": before, "swapped": swapped, "healed": healed, "recovered": recovered(before, swapped, healed)}],
    )


def recovered(before: float, swapped: float, healed: float) -> float | None:
    """h = (a₂ - a₁)/(a₀ - a₁); None where nothing was lost.

    Law: 0 where healing gained nothing, 1 where it won everything back.
    """
    return (healed - swapped) / (before - swapped) if before > swapped else None

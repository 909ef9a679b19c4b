"""narrow-linear: fewer features between two linear layers, a → b → c as a → d → c."""

from collections.abc import Iterable
from math import sqrt
from typing import Any, ClassVar

import torch
from attrs import evolve, frozen
from torch import Tensor

from nadoo_core.calibrating.data import calibration_examples, missing_calibration
from nadoo_core.data.examples import Examples
from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.formulas.factor_sizes import LinearForm, linear_form
from nadoo_core.importance import CALIBRATION_EXAMPLES
from nadoo_core.options import Share, option
from nadoo_core.passes import CALIBRATED, Context, Effect, Pass, Property, Selector, Unbounded
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import NodeSpec
from nadoo_low_rank.layers import unusual
from nadoo_low_rank.methods.svd import Svd
from nadoo_low_rank.observing import centred
from nadoo_low_rank.pairs import Pair, bias_of, is_linear, numbers_of, obstacle, pairs, weight_of
from nadoo_low_rank.singular import Search
from nadoo_low_rank.target import Target
from nadoo_low_rank.unit_plans import UnitPlan, Units, beside, fewer

RULES = ("width", "energy", "error")
RIDGE = 1e-6

Rest = tuple[Examples | None, Context, list[dict[str, Any]]]


@frozen(kw_only=True)
class NarrowLinear(Pass):
    """Let two linear layers meet in fewer features.

    With nothing between them they are one matrix. If the width that is wanted is below in·out/(in + out), it becomes
    a bottleneck by its singular values; from there on one merged layer is smaller and exact. With an element-wise
    activation between them, hidden units are removed, those first that the others can stand in for, and the second
    layer is fit by least squares to calibration data. Under `energy` or `error`, units that calibration data never
    brings to a kink of their activation become a linear path beside the others, where that saves more than it costs;
    where all units are like that, one layer is left.
    """

    name: ClassVar[str] = "narrow-linear"
    effect: ClassVar[Effect] = Unbounded()
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED,)

    width: int | None = option(default=None, minimum=1, help="how many features are left between the layers")
    energy: Share | None = option(default=None, above=0, help="share of the energy of the results to keep")
    error: Share | None = option(default=None, help="largest relative error of the results")
    where: Selector = option(default=Selector(op="linear"), help="which second layers")
    examples: int = option(default=CALIBRATION_EXAMPLES, minimum=1, help="calibration examples to use at most")

    def complaints(self) -> Iterable[str]:
        """Exactly one rule."""
        given = [name for name in RULES if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) if given else "no rule"
            yield f"has {said}; give exactly one of {', '.join(RULES)}, such as width = 64"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Pair by pair, in the order of execution."""
        chosen = {node.name for node in self.where.matches(graph)}
        data = calibration_examples(graph, context, self.examples)
        self.refuse_unusual(graph, chosen)
        rows: list[dict[str, Any]] = []
        for pair in pairs(graph, chosen):
            reason = obstacle(graph, pair) or self.narrow(graph, pair, (data, context, rows))
            if reason is not None:
                context.refuse(pair.second, reason)
        fed = {name for pair in pairs(graph, chosen) for name in (pair.first, pair.second)}
        for name in sorted(chosen - fed):
            if name in graph and not rows:
                context.refuse(name, "is fed by no linear layer that it alone reads through an element-wise activation")
        if rows:
            context.table("pairs", rows)

    def refuse_unusual(self, graph: ModelGraph, chosen: set[str]) -> None:
        """Weights that are no numbers stop the pass."""
        message = "holds NaN or infinity; repair it, or exclude its node in where"
        names = [name for node in graph.nodes(op="linear") if node.name in chosen for name in unusual(graph, node)]
        if names:
            raise PassError([Problem(CoreCode.PASS, f"tensor {name!r}", message) for name in names])

    def narrow(self, graph: ModelGraph, pair: Pair, rest: Rest) -> str | None:
        """Change one pair; the reason where it stays."""
        data, context, rows = rest
        if is_linear(graph, pair):
            return self.bottleneck(graph, pair, rest)
        if data is None:
            why = missing_calibration(graph, context)
            return (
                f"an activation lies between the layers, and there is no calibration data to choose its units by; {why}"
            )
        return self.fewer_units(graph, pair, data, rows)

    @property
    def bound(self) -> float | None:
        """The relative error that is allowed; None where the width is given."""
        if self.energy is not None:
            return sqrt(max(1.0 - self.energy, 0.0))
        return self.error

    # --- nothing between ---

    def bottleneck(self, graph: ModelGraph, pair: Pair, rest: Rest) -> str | None:
        """One matrix, as itself or through fewer features, whichever is smaller."""
        data, _, rows = rest
        first, second = graph[pair.first], graph[pair.second]
        target = Target.plain(weight_of(graph, second) @ weight_of(graph, first))
        mean = torch.zeros(target.inputs, dtype=torch.float64)
        if data is not None:
            moments, mean = centred(moments_of(graph, data, graph.operand(first).node), RIDGE)
            target = evolve(target, moments=moments)
        before, width, between = numbers_of(graph, pair), self.needed(target), weight_of(graph, first).shape[0]
        form = linear_form(target.inputs, target.outputs, width)
        kept = width if form is LinearForm.BOTTLENECK else 0
        weights = kept * (target.inputs + target.outputs) or target.full
        after = weights + target.outputs * ("bias" in first.tensors or "bias" in second.tensors or data is not None)
        if after >= before:
            return f"as {form.value} it would have {after} numbers, the two layers have {before}; choose less width"
        bias = weight_of(graph, second) @ bias_of(graph, first) + bias_of(graph, second)
        error = self.put(graph, pair, target, (kept, bias, mean))
        rows.append(row(pair, form.value, (between, kept), error, (before, after)))
        return None

    def needed(self, target: Target) -> int:
        """The width that the rule asks for."""
        most = min(target.weight.shape)
        if self.width is not None:
            return min(self.width, most)
        limit = (self.bound or 0.0) ** 2 * target.energy
        errors = Svd().curve(target, [(rank,) for rank in range(1, most + 1)], Search())
        return next((rank for rank, error in enumerate(errors, 1) if error <= limit * (1 + RIDGE)), most)

    def put(self, graph: ModelGraph, pair: Pair, target: Target, made: tuple[int, Tensor, Tensor]) -> float:
        """Put the matrix in the place of the pair; the relative error that this makes."""
        width, bias, mean = made
        dtype = graph.tensor(graph[pair.second].tensors["weight"]).dtype
        for name in pair.between:
            graph.bypass(name)
        if not width:
            tensors = {"weight": target.weight.to(dtype), **bias_role(bias, dtype)}
            graph.merge([pair.first, pair.second], NodeSpec("linear", tensors=tensors))
            return 0.0
        found = Svd().decompose(target, (width,), Search())
        inner, outer = (stage.weight.to(dtype) for stage in found.stages)
        bias = bias + (target.weight - found.product) @ mean
        with graph.edit():
            graph.replace(pair.first, "linear", tensors={"weight": inner})
            graph.replace(pair.second, "linear", tensors={"weight": outer, **bias_role(bias, dtype)})
        return sqrt(target.error(found.product) / target.energy) if target.energy else 0.0

    # --- an activation between ---

    def fewer_units(self, graph: ModelGraph, pair: Pair, data: Examples, rows: list[dict[str, Any]]) -> str | None:
        """Remove hidden units and fit the second layer to what is left, with a linear path beside where that is less.

        A given width is a number of units, and a path beside would be more than was asked for.
        """
        units, before = Units.of(graph, data, pair), numbers_of(graph, pair)
        plan, form = fewer(units, self.width, self.bound or 0.0), "fewer units"
        if self.width is None and plan.weights(units) > units.path_weights:
            other = beside(units, self.bound or 0.0)
            if other.weights(units) < plan.weights(units):
                plan, form = other, "path beside" if len(other.kept) else "merged"
        if plan.weights(units) >= units.count * (units.first.shape[1] + units.second.shape[0]):
            width = units.count if self.width is None else self.width
            return f"{width} features are no fewer than the {units.count} that there are; choose a smaller width"
        self.put_units(graph, pair, units, plan)
        after = sum(graph.tensor(name).numel() for name in self.tensors_left(graph, pair))
        rows.append(row(pair, form, (units.count, len(plan.kept)), plan.error, (before, after)))
        return None

    def put_units(self, graph: ModelGraph, pair: Pair, units: Units, plan: UnitPlan) -> None:
        """Give both layers what is left, and the path its place."""
        first, second = graph[pair.first], graph[pair.second]
        dtype, read = graph.tensor(second.tensors["weight"]).dtype, graph.operand(first)
        bias = (bias_of(graph, second) + plan.shift(units)).to(dtype)
        if plan.path is not None and not len(plan.kept):
            for name in pair.between:
                graph.bypass(name)
            tensors = {"weight": plan.path.to(dtype), **bias_role(bias, dtype)}
            graph.merge([pair.first, pair.second], NodeSpec("linear", tensors=tensors))
            return
        with graph.edit():
            for tensor in first.tensors.values():
                graph.set_tensor(tensor, graph.tensor(tensor)[plan.kept].contiguous())
            graph.set_tensor(second.tensors["weight"], plan.second.to(dtype))
        graph.replace(pair.second, "linear", tensors={"weight": second.tensors["weight"], "bias": bias})
        if plan.path is not None:
            path = graph.add("linear", [read], name=beside_name(pair), tensors={"weight": plan.path.to(dtype)})
            graph.insert_after(pair.second, "add", path, name=f"{pair.second}.sum")

    def tensors_left(self, graph: ModelGraph, pair: Pair) -> set[str]:
        """The tensors of the layers that are there now."""
        names = (pair.first, pair.second, beside_name(pair))
        return {tensor for name in names if name in graph for tensor in graph[name].tensors.values()}


def beside_name(pair: Pair) -> str:
    """What the path beside the units of a pair is called."""
    return f"{pair.second}.beside"


def bias_role(bias: Tensor, dtype: torch.dtype) -> dict[str, Tensor]:
    """The bias as a layer's tensor, where it is one."""
    return {"bias": bias.to(dtype)} if bool(bias.any()) else {}


def moments_of(graph: ModelGraph, data: Examples, name: str) -> Tensor:
    """Second moments of a value's features with a one behind."""
    value = graph.run(data.inputs, keep=name).values[name].double()
    rows = value.reshape(-1, value.shape[-1])
    rows = torch.cat([rows, torch.ones(len(rows), 1, dtype=rows.dtype)], 1)
    return rows.T @ rows / len(rows)


def row(pair: Pair, form: str, widths: tuple[int, int], error: float, sizes: tuple[int, int]) -> dict[str, Any]:
    """A line for the record; a merged pair has no width any more."""
    return {
        "first": pair.first, "second": pair.second, "form": form, "width_before": widths[0], "width": widths[1],
        "relative_error": error, "parameters_before": sizes[0], "parameters": sizes[1],
    }  # fmt: skip

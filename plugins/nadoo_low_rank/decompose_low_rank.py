"""decompose-low-rank: layers as chains of smaller ones, which lose least for what they save."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import torch
from attrs import frozen
from torch import Tensor

from nadoo_core.calibrating.data import calibration_examples, missing_calibration
from nadoo_core.data.examples import Examples
from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.importance import CALIBRATION_EXAMPLES
from nadoo_core.options import Seconds, Share, option
from nadoo_core.passes import CALIBRATED, Context, Effect, Pass, Property, Selector, Unbounded
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_low_rank.candidates import Asked, Candidate, Options, method_of, methods_for, options_of
from nadoo_low_rank.choosing import relative
from nadoo_low_rank.decomposition import Decomposition
from nadoo_low_rank.layers import LAYERS, Places, obstacle, put_in_place, target_of, unusual
from nadoo_low_rank.mending import RIDGE, Mending, is_normed
from nadoo_low_rank.observing import Observed, centred, observe
from nadoo_low_rank.rules import RULES, Rule, rule_of
from nadoo_low_rank.singular import Search, Solver
from nadoo_low_rank.target import Target


@frozen(kw_only=True)
class DecomposeLowRank(Pass):
    """Write linear layers and convolutions as chains of smaller ones: through fewer channels, or axis by axis.

    One rule says how far: a share of the energy of each layer to keep, a rank, a relative error, the largest rank that
    saves anything, or a budget for the whole model in parameters, multiply-accumulates or time on the device, which is
    given out to where it gains most. With calibration data, what is lost is judged by the inputs that layers really
    get and by how the loss hangs on their outputs; layers are then decomposed one after the other for what those
    before them give, and batch norms are matched, all without training.
    """

    name: ClassVar[str] = "decompose-low-rank"
    effect: ClassVar[Effect] = Unbounded()
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED,)

    energy: Share | None = option(default=None, above=0, help="share of each layer's energy to keep")
    rank: int | None = option(default=None, minimum=1, help="the rank of every layer")
    error: Share | None = option(default=None, help="largest relative error of a layer")
    break_even: bool = option(default=False, help="the largest ranks that save anything")
    parameters: Share | None = option(default=None, above=0, help="share of the model's parameters to keep")
    macs: Share | None = option(default=None, above=0, help="share of the model's multiply-accumulates to keep")
    latency: Seconds | None = option(default=None, help="longest time of an inference on the device")
    where: Selector = option(default=Selector(op=LAYERS), help="which layers to decompose")
    method: Literal["auto", "svd", "spatial", "tucker", "cp"] = option(
        default="auto", help="the form of the chain; auto: svd, spatial or tucker, what loses least for its size"
    )
    solver: Solver = option(default="exact", help="how singular values are found; randomized is for large layers")
    align: int = option(default=1, minimum=1, help="ranks are multiples of this")
    aware: bool | None = option(default=None, help="judge by calibration data; unset: where there is some")
    refit: bool = option(default=True, help="fit weights by least squares to what the original gives")
    norms: Literal["match", "reestimate", "keep"] = option(default="match", help="batch norms afterwards")
    examples: int = option(default=CALIBRATION_EXAMPLES, minimum=1, help="calibration examples to use at most")

    def complaints(self) -> Iterable[str]:
        """Exactly one rule."""
        given = [name for name in RULES if getattr(self, name) not in {None, False}]
        if len(given) != 1:
            said = " and ".join(given) if given else "no rule"
            yield f"has {said}; give exactly one of {', '.join(RULES)}, such as energy = 0.95"
        if self.aware is False and (not self.refit or self.norms != "match"):
            yield "aware is false, so that refit and norms have no data to go by; leave them out"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Look at every layer, choose what becomes of each, and put the chains in their places."""
        nodes = self.usable(graph, context)
        if not nodes:
            return
        data = self.data(graph, context)
        seen: Mapping[str, Observed] = {} if data is None else observe(graph, nodes, data, context.generator("observe"))
        layers = [self.options(graph, node, seen.get(node.name), context) for node in nodes]
        rule = rule_of(self, graph, context)
        chosen = {name: item for name, item in rule.choose(layers).items() if item.method}
        refuse_the_rest(layers, chosen, rule, context)
        if not chosen:
            return
        found = self.decomposed(graph, chosen, seen, data, context)
        for name, part in found.items():
            put_in_place(graph, graph[name], part)
        context.table("layers", rows(layers, chosen))

    def usable(self, graph: ModelGraph, context: Context) -> list[Node]:
        """The selected layers that can be decomposed; weights that are no numbers stop the pass."""
        found: list[Node] = []
        problems: list[Problem] = []
        for node in self.where.matches(graph):
            reason = obstacle(graph, node)
            if reason is not None:
                context.refuse(node, reason)
                continue
            message = f"of {node.name!r} holds NaN or infinity; repair it, or exclude the node in where"
            problems += [Problem(CoreCode.PASS, f"tensor {name!r}", message) for name in unusual(graph, node)]
            found.append(node)
        if problems:
            raise PassError(problems)
        return found

    def data(self, graph: ModelGraph, context: Context) -> Examples | None:
        """The calibration examples, unless they are not wanted; a refusal where they are and there are none."""
        if self.aware is False:
            return None
        found = calibration_examples(graph, context, self.examples)
        if found is None and self.aware:
            message = f"aware is true without calibration data; {missing_calibration(graph, context)}; or leave it out"
            raise PassError(Problem(CoreCode.CONTEXT, f"step {context.step!r}", message))
        return found

    def search(self, context: Context) -> Search:
        """How singular values are found."""
        return Search(self.solver, context.seed_for("search"))

    def options(self, graph: ModelGraph, node: Node, seen: Observed | None, context: Context) -> Options:
        """What may become of a layer."""
        known: dict[str, Tensor] = {}
        if seen is not None:
            known = {"moments": centred(seen.moments, RIDGE)[0], "importance": (seen.squares / 2).sqrt()}
        target: Target = target_of(graph, node, **known)
        added = target.outputs if seen is not None and "bias" not in node.tensors and not is_normed(graph, node) else 0
        asked = Asked(self.rank, self.align, added)
        methods = methods_for(self.method, target)
        return options_of(node.name, target, Places.of(graph, node), methods, self.search(context), asked)

    def decomposed(
        self,
        graph: ModelGraph,
        chosen: Mapping[str, Candidate],
        seen: Mapping[str, Observed],
        data: Examples | None,
        context: Context,
    ) -> Mapping[str, Decomposition]:
        """The chains; with data the rest of the graph is mended on the way."""
        if data is None:
            return {
                name: method_of(item.method).decompose(target_of(graph, graph[name]), item.ranks, self.search(context))
                for name, item in chosen.items()
            }
        importance = {name: (seen[name].squares / 2).sqrt() for name in chosen}
        mending = Mending(
            graph.copy(), graph, chosen, importance, self.search(context), self.norms, self.refit,
            context.generator("refit"),
        )  # fmt: skip
        with torch.no_grad():
            return mending.run(data.inputs)


def refuse_the_rest(layers: list[Options], chosen: Mapping[str, Candidate], rule: Rule, context: Context) -> None:
    """Say of each layer that stays why it does."""
    for options in layers:
        if options.name not in chosen:
            context.refuse(options.name, rule.reason(options))


def rows(layers: list[Options], chosen: Mapping[str, Candidate]) -> list[dict[str, Any]]:
    """A line a layer for the record."""
    return [
        {
            "node": options.name,
            "method": item.method,
            "ranks": list(item.ranks),
            "parameters_before": options.dense.numbers,
            "parameters": item.numbers,
            "macs_before": options.dense.macs,
            "macs": item.macs,
            "relative_error": relative(item, options),
        }
        for options in layers
        if (item := chosen.get(options.name)) is not None
    ]

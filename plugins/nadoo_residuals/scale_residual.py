"""scale-residual: a scale on skip paths that are there, or new skip paths where shapes allow them."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import ClassVar, Literal

from attrs import frozen

from nadoo_core.calibrating.data import calibration_examples
from nadoo_core.data.examples import Examples
from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.importance import CALIBRATION_EXAMPLES
from nadoo_core.options import option
from nadoo_core.passes import CALIBRATED, Context, Effect, Exact, Pass, Property, Selector, Unbounded
from nadoo_core.training.hooks import TrainingHook
from nadoo_core.training.options import TrainingChoices
from nadoo_core.training.within import train_within
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value
from nadoo_residuals.noise import site_ratios
from nadoo_residuals.projections import project
from nadoo_residuals.scales import SUFFIX, Bounded, OnlyScales, is_scale, scale_value, scaled
from nadoo_residuals.sites import Addition, Branch, additions, ancestors, branches

CHANNELS = 1


@frozen(kw_only=True)
class ScaleResidual(Pass):
    """Multiply skip paths by a scale, or add new ones: y = relu(s·x + f(x)) inside, y = s·x + relu(f(x)) outside.

    A new skip path begins at 0 and an existing one at 1, so that nothing changes until the scales are trained. With a
    fixed scale of 1 a new skip path is a plain sum. Where shapes differ, `projected` lets it run through a 1×1 layer
    that begins as a copy of channels. With calibration data, the record has the signal-to-noise ratio at
    every site before and after, for everything that flows rounded to so many bits.
    """

    name: ClassVar[str] = "scale-residual"
    effect: ClassVar[Effect] = Unbounded()
    breaks: ClassVar[tuple[Property, ...]] = (CALIBRATED,)

    skips: Literal["existing", "new"] = option(default="existing", help="scale what is there, or add skip paths")
    form: Literal["inside", "outside"] = option(default="inside", help="a new sum before or behind the activation")
    scale: float | None = option(default=None, help="the first value; unset: 0 for new skip paths, 1 for existing ones")
    learned: bool = option(default=True, help="whether training changes the scale")
    granularity: Literal["scalar", "channel"] = option(default="scalar", help="one scale a site, or one a channel")
    bounds: tuple[float, float] | None = option(default=None, help="least and largest scale while training")
    projected: bool = option(default=False, help="new skip paths also where shapes differ, through a 1×1 layer")
    where: Selector = option(default=Selector(), help="which sums, or which activations that get a skip path")
    warm_up: TrainingChoices | None = option(default=None, help="training of the scales alone, before heal")
    heal: TrainingChoices | None = option(default=None, help="training of everything, afterwards")
    bits: int = option(default=8, minimum=2, maximum=16, help="the precision at which noise is measured")
    examples: int = option(default=CALIBRATION_EXAMPLES, minimum=1, help="calibration examples to use at most")

    def complaints(self) -> Iterable[str]:
        """Options that only make sense together."""
        if not self.learned and self.warm_up is not None:
            yield "warm_up trains the scales alone, and learned is false; leave one of them out"
        if self.projected and self.skips == "existing":
            yield "projected is for new skip paths, and skips is 'existing'; set skips = 'new', or leave it out"
        if not self.learned and self.first == (0.0 if self.skips == "new" else 1.0):
            yield f"a fixed scale of {self.first:g} changes nothing for {self.skips} skip paths; give another scale"
        if self.bounds is not None and not self.bounds[0] <= self.first <= self.bounds[1]:
            yield f"scale begins at {self.first:g}, outside of the bounds {list(self.bounds)}; widen them"

    @property
    def first(self) -> float:
        """The value that a scale begins with."""
        return self.scale if self.scale is not None else 0.0 if self.skips == "new" else 1.0

    def promise(self) -> Effect:
        """Nothing changes where a scale begins as if it were not there."""
        neutral = self.first == (0.0 if self.skips == "new" else 1.0)
        return Exact() if neutral and self.warm_up is None and self.heal is None else self.effect

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Find the sites, scale them, train, and say what came of it."""
        original, data = graph.copy(), calibration_examples(graph, context, self.examples)
        found = self.on_existing(graph, context) if self.skips == "existing" else self.on_new(graph)
        if not found:
            self.refuse_nothing(context)
            return
        self.train(graph, found, context)
        self.tell(original, graph, found, (data, context))

    def refuse_nothing(self, context: Context) -> None:
        """There is no site; what was refused one by one says why by itself."""
        if context.allow_no_change or context.notes.refused:
            return
        wanted, hint = {
            "existing": ("sum of a branch and a path around it", "; skips = 'new' adds paths where shapes allow them"),
            "new": (
                "layer that reads an activation and gives one of the same shape, without a path around it",
                "" if self.projected else "; projected = true adds paths where shapes differ",
            ),
        }[self.skips]
        message = f"finds no {wanted}, among the selected nodes{hint}"
        raise PassError(Problem(CoreCode.SELECTOR, f"step {context.step!r}", message))

    # --- sites: what each is called, the node of its result before and after ---

    def on_existing(self, graph: ModelGraph, context: Context) -> dict[str, tuple[str, str]]:
        """Scale the skip paths that are there."""
        chosen = {node.name for node in self.where.matches(graph)}
        found: dict[str, tuple[str, str]] = {}
        sites = {site.node: site for site in additions(graph)}
        for node in graph.nodes(op="add"):
            site = sites.get(node.name)
            if node.name not in chosen:
                continue
            reason = self.obstacle(graph, site)
            if reason is not None or site is None:
                context.refuse(node, reason or "")
                continue
            skip = graph.operand(node, site.skip)
            value = scale_value(node.type, self.first, self.axis(graph, graph.operand(node, 1 - site.skip)))
            graph.rewire(node, site.skip, scaled(graph, node.name, skip, value, learned=self.learned))
            found[node.name] = (node.name, node.name)
        return found

    def obstacle(self, graph: ModelGraph, site: Addition | None) -> str | None:
        """Why a sum gets no scale."""
        if site is None:
            return "is no sum of a branch and a path around it"
        if is_scale(graph, graph.producer(graph[site.node], site.skip)):
            return "has a scale already"
        return None

    def on_new(self, graph: ModelGraph) -> dict[str, tuple[str, str]]:
        """Add skip paths around layers."""
        chosen = {node.name for node in self.where.matches(graph)}
        sites = [site for site in branches(graph, projected=self.projected) if site.curve in chosen]
        return {site.curve: (site.curve, self.insert(graph, site)) for site in sites}

    def insert(self, graph: ModelGraph, site: Branch) -> str:
        """One skip path; the name of the node that has the result."""
        skip = site.skip
        if graph.type(skip) != graph[site.curve].type:
            skip = project(graph, site.curve, graph[site.layer], skip, learned=self.learned)
        if self.learned or self.first != 1.0:
            axis = self.axis(graph, Value(site.layer))
            value = scale_value(graph[site.curve].type, self.first, axis)
            skip = scaled(graph, site.curve, skip, value, learned=self.learned)
        if self.form == "inside":
            graph.insert_before(site.curve, "add", skip, name=f"{site.curve}.sum")
            return site.curve
        return graph.insert_after(site.curve, "add", skip, name=f"{site.curve}.sum").node

    def axis(self, graph: ModelGraph, branch: Value) -> int | None:
        """The axis of channels, which is the last behind a linear layer; None for one scale."""
        if self.granularity == "scalar":
            return None
        rank = graph.type(branch).rank
        names = ancestors(graph, branch.node)
        layers = [node.op for node in graph.nodes() if node.name in names and "weight" in node.tensors]
        return rank - 1 if rank <= CHANNELS or (layers and layers[-1] == "linear") else CHANNELS

    # --- training and telling ---

    def train(self, graph: ModelGraph, found: Mapping[str, tuple[str, str]], context: Context) -> None:
        """First the scales alone, then everything."""
        names = [f"{site}.{SUFFIX}" for site in found if f"{site}.{SUFFIX}" in graph.tensors]
        hooks: list[TrainingHook] = [Bounded(names, self.bounds)] if self.bounds is not None and self.learned else []
        if self.warm_up is not None:
            seed = context.seed_for("warm up")
            train_within(graph, self.warm_up, context, [OnlyScales(graph, names), *hooks], seed=seed)
        if self.heal is not None:
            train_within(graph, self.heal, context, hooks)

    def tell(
        self,
        original: ModelGraph,
        graph: ModelGraph,
        found: Mapping[str, tuple[str, str]],
        rest: tuple[Examples | None, Context],
    ) -> None:
        """A line a site: its scale, and the ratio of signal to noise before and after."""
        data, context = rest
        rows = [{"site": site, "scale": self.scales(graph, site)} for site in found]
        if data is not None:
            before = site_ratios(original, data.inputs, [old for old, _ in found.values()], self.bits)
            after = site_ratios(graph, data.inputs, [new for _, new in found.values()], self.bits)
            ratios = zip(rows, map(told, before), map(told, after), strict=True)
            rows = [{**row, "snr_before_db": old, "snr_after_db": new} for row, old, new in ratios]
        context.table("residuals", rows)

    def scales(self, graph: ModelGraph, site: str) -> list[float]:
        """The scale of a site as numbers."""
        name = f"{site}.{SUFFIX}"
        return [float(item) for item in graph.tensor(name).reshape(-1)] if name in graph.tensors else [self.first]


def told(ratio: float) -> float | None:
    """A ratio as JSON holds it; without noise, or without a signal, there is no number."""
    return ratio if isfinite(ratio) else None

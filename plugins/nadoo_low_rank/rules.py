"""The rules that say how far layers are decomposed, and what each says of a layer that it leaves alone."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, cast

from attrs import frozen

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.passes import Context
from nadoo_graphs.counting import count
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.sizes import symbols_of
from nadoo_low_rank.candidates import Candidate, Options, method_of
from nadoo_low_rank.choosing import Cost, largest_saving, least_error, relative, smallest_within, within_budget
from nadoo_low_rank.layers import put_in_place, target_of
from nadoo_low_rank.singular import Search

RULES = ("energy", "rank", "error", "break_even", "parameters", "macs", "latency")
HALVINGS = 12


class Rule(ABC):
    """How candidates are chosen."""

    @abstractmethod
    def choose(self, layers: Sequence[Options]) -> Mapping[str, Candidate]:
        """What becomes of the layers that change."""

    @abstractmethod
    def reason(self, options: Options) -> str:
        """Why a layer stays as it is."""


@frozen
class WithinError(Rule):
    """The smallest chain within a relative error."""

    error: float
    wish: str

    def choose(self, layers: Sequence[Options]) -> Mapping[str, Candidate]:
        """Each on its own."""
        found = {options.name: smallest_within(options, self.error) for options in layers}
        return {name: item for name, item in found.items() if item is not None}

    def reason(self, options: Options) -> str:
        """How near the largest chain that saves anything comes."""
        best = least_error(options.saving())
        if best is None:
            return nothing_saves(options)
        return (
            f"to keep {self.wish} would save nothing: {described(best)} has {best.numbers} of {options.dense.numbers} "
            f"numbers and a relative error of {relative(best, options):.3g}"
        )


@frozen
class FixedRank(Rule):
    """The same rank everywhere."""

    rank: int

    def choose(self, layers: Sequence[Options]) -> Mapping[str, Candidate]:
        """Of the methods, the one that loses least and saves something."""
        found = {options.name: least_error(options.saving()) for options in layers}
        return {name: item for name, item in found.items() if item is not None}

    def reason(self, options: Options) -> str:
        """The rank is above what the layer has, or saves nothing."""
        if not options.candidates:
            return f"rank {self.rank} is more than the layer has; choose at most the smaller side of its matrix"
        smallest = min(options.candidates, key=lambda item: item.numbers)
        return (
            f"rank {self.rank} would save nothing: {described(smallest)} has {smallest.numbers} numbers, the layer "
            f"{options.dense.numbers}; choose a smaller rank"
        )


class BreakEven(Rule):
    """The largest ranks that save anything."""

    def choose(self, layers: Sequence[Options]) -> Mapping[str, Candidate]:
        """Of the methods, the one that loses least."""
        found = {options.name: largest_saving(options) for options in layers}
        return {name: item for name, item in found.items() if item is not None}

    def reason(self, options: Options) -> str:
        """Not even the smallest rank saves anything."""
        return nothing_saves(options)


@frozen(eq=False)
class Budget(Rule):
    """A share of the parameters or multiply-accumulates of the whole model."""

    graph: ModelGraph
    cost: Cost
    share: float
    step: str

    def choose(self, layers: Sequence[Options]) -> Mapping[str, Candidate]:
        """What loses least in sum; a budget that cannot be met stops with what could be reached."""
        whole = total(self.graph, self.cost)
        fixed = whole - sum(getattr(options.dense, self.cost) for options in layers)
        found = within_budget(layers, self.share * whole - fixed, self.cost)
        if found is not None:
            return found
        every = [(*options.saving(), options.dense) for options in layers]
        least = fixed + sum(min(getattr(item, self.cost) for item in items) for items in every)
        name = "parameters" if self.cost == "numbers" else "macs"
        message = (
            f"{name} = {self.share:g} cannot be reached: with rank 1 everywhere {least:,} of {whole:,} are left, which "
            f"is a share of {least / whole:.3g}; choose a larger share or more layers"
        )
        raise PassError(Problem(CoreCode.PASS, f"step {self.step!r}", message))

    def reason(self, options: Options) -> str:
        """It is worth more as it is."""
        return "the budget is met with more gain elsewhere" if options.saving() else nothing_saves(options)


@frozen(eq=False)
class Latency(Rule):
    """A time on the device, by the estimator of the run."""

    graph: ModelGraph
    limit: float
    context: Context

    def choose(self, layers: Sequence[Options]) -> Mapping[str, Candidate]:
        """The largest share of the multiply-accumulates with which the estimate is within the limit."""
        low, high, found = 0.0, 1.0, None
        whole = total(self.graph, "macs")
        fixed = whole - sum(options.dense.macs for options in layers)
        for _ in range(HALVINGS):
            share = (low + high) / 2
            chosen = within_budget(layers, share * whole - fixed, "macs")
            if chosen is not None and self.time(chosen) <= self.limit:
                low, found = share, chosen
            elif chosen is None:
                low = share
            else:
                high = share
        if found is None:
            self.refuse(layers)
        return found or {}

    def time(self, chosen: Mapping[str, Candidate]) -> float:
        """The estimate for a choice, which depends on shapes alone."""
        trial = self.graph.copy()
        for name, item in chosen.items():
            if item.method:
                part = method_of(item.method).decompose(target_of(trial, trial[name]), item.ranks, Search())
                put_in_place(trial, trial[name], part)
        return latency_of(self.context, trial)

    def refuse(self, layers: Sequence[Options]) -> None:
        """Say what could be reached."""
        smallest = {
            options.name: min((*options.saving(), options.dense), key=lambda item: item.macs) for options in layers
        }
        message = (
            f"latency = {1000 * self.limit:g} ms cannot be reached: with the lowest ranks everywhere the estimate is "
            f"{1000 * self.time(smallest):.4g} ms; choose a longer time or more layers"
        )
        raise PassError(Problem(CoreCode.PASS, f"step {self.context.step!r}", message))

    def reason(self, options: Options) -> str:
        """It is worth more as it is."""
        return "the time is met with more gain elsewhere" if options.saving() else nothing_saves(options)


def rule_of(step: Any, graph: ModelGraph, context: Context) -> Rule:
    """The rule that the options of a step say."""
    if step.energy is not None:
        return WithinError(sqrt(max(1.0 - step.energy, 0.0)), f"{step.energy:g} of its energy")
    if step.error is not None:
        return WithinError(step.error, f"a relative error of {step.error:g}")
    if step.rank is not None:
        return FixedRank(step.rank)
    if step.break_even:
        return BreakEven()
    if step.latency is not None:
        return Latency(graph, step.latency, context)
    kind = "numbers" if step.parameters is not None else "macs"
    share = step.parameters if step.parameters is not None else step.macs
    return Budget(graph, kind, share, context.step)


def total(graph: ModelGraph, cost: Cost) -> int:
    """The parameters or multiply-accumulates of one example in a graph; every symbol counts as one."""
    counted = count(graph)
    if cost == "numbers":
        return counted.parameters
    sizes = [size for node in graph.nodes() for item in node.outputs for size in item.shape]
    symbols = {name for size in sizes for name in symbols_of(size)}
    return counted.macs(dict.fromkeys(symbols, 1))


def latency_of(context: Context, graph: ModelGraph) -> float:
    """The estimator's time; one that it does not know stops the pass."""
    cost: Any = context.estimate(graph)
    held: object = cast("Mapping[str, Any]", cost).get("latency") if isinstance(cost, Mapping) else cost.latency
    value: object = getattr(held, "value", held)
    if isinstance(value, int | float):
        return float(value)
    message = "the estimator does not know the latency of this model on the target device; choose macs or parameters"
    raise PassError(Problem(CoreCode.CONTEXT, f"step {context.step!r}", message))


def described(item: Candidate) -> str:
    """A candidate in words."""
    return f"{item.method} at rank {' × '.join(map(str, item.ranks))}"


def nothing_saves(options: Options) -> str:
    """The layer is too small."""
    return f"no chain has fewer than its {options.dense.numbers} numbers"

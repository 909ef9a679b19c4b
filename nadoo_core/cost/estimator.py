"""Estimators: whoever says what a graph costs on a device, ours and those of plugins, asked in one way.

An estimator is a function or an object that is called with a graph and a device and gives a `Cost`. Of several answers
to one question the one with the narrowest range is taken, so that a measurement wins over a guess.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from attrs import evolve

from nadoo_core.cost.cost import COSTS, NOT_ASKED, Cost, NodeCost
from nadoo_core.cost.device import Device
from nadoo_core.cost.fitting import overfull
from nadoo_core.errors import CoreCode, NadooError, PluginError, Problem

if TYPE_CHECKING:
    from nadoo_core.registry import Registry
    from nadoo_graphs.graph import ModelGraph


class Estimator(Protocol):
    """What a plugin offers in its table `estimators`: a function, an object, or a class.

    A class is made without arguments, or with the registry where its constructor has a parameter of that name. One that
    takes long sets `on_request = True`, and is then asked only by those who name it.
    """

    def __call__(self, graph: "ModelGraph", device: Device, /) -> Cost:
        """What the graph costs on the device; what the estimator does not say it leaves out of the totals."""
        ...


def estimators_of(registry: "Registry", names: Sequence[str] = ()) -> dict[str, Estimator]:
    """The estimators by name: those that were named, or all that need not be asked for by name."""
    chosen = tuple(names) or registry.names("estimators")
    offered = {name: registry.load("estimators", name) for name in chosen}
    return {
        name: made(name, one, registry)
        for name, one in offered.items()
        if names or not getattr(one, "on_request", False)
    }


def made(name: str, offered: Any, registry: "Registry") -> Estimator:
    """The estimator of an offer."""
    found = offered
    if isinstance(offered, type):
        wants = "registry" in inspect.signature(offered).parameters
        found = offered(registry=registry) if wants else offered()
    if callable(found):
        return cast("Estimator", found)
    message = f"is {type(found).__name__}; offer a function, or a class whose objects take a graph and a device"
    raise PluginError(Problem(CoreCode.PLUGIN, f"estimator {name!r}", message))


def estimate(graph: "ModelGraph", device: Device, estimators: Mapping[str, Estimator]) -> Cost:
    """The cost by all estimators together; one that fails is noted and the others still answer."""
    if not estimators:
        message = "no plugin in use offers one; do not leave nadoo_hardware out, or name a plugin file"
        raise PluginError(Problem(CoreCode.UNKNOWN_NAME, "estimators", message))
    answers: dict[str, Cost] = {}
    notes: list[str] = []
    for name, estimator in estimators.items():
        try:
            answers[name] = checked(name, estimator(graph, device))
        except NadooError as error:
            notes.append(f"{name}: {error.problems[0].message}")
        except Exception as error:  # an estimator may be anybody's
            notes.append(f"{name} raised {type(error).__name__}: {error}")
    merged = merge(device.name, answers)
    return evolve(merged, notes=(*merged.notes, *notes, *overfull(merged, device)))


def checked(name: str, answer: object) -> Cost:
    """The answer of an estimator; nothing else than a cost, and no negative number."""
    where = f"estimator {name!r}"
    if not isinstance(answer, Cost):
        raise PluginError(Problem(CoreCode.PLUGIN, where, f"gave {type(answer).__name__} instead of a Cost"))
    strange = [key for key in answer.totals if key not in COSTS]
    negative = [key for key, number in answer.totals.items() if number.value is not None and not number.value >= 0]
    problems = [
        Problem(CoreCode.PLUGIN, where, f"gives {key!r}, which is no cost; {', '.join(COSTS)}") for key in strange
    ]
    problems += [Problem(CoreCode.PLUGIN, where, f"gives a {key} below 0 or not a number") for key in negative]
    if problems:
        raise PluginError(problems)
    return answer


def merge(device: str, answers: Mapping[str, Cost]) -> Cost:
    """One cost from several: each total from the answer with the narrowest range, its nodes from the same answer."""
    best = {cost: best_answer(cost, answers) for cost in COSTS}
    totals = {cost: answers[name].totals[cost] for cost, name in best.items() if name is not None}
    timed = best["latency_s"] or best["energy_j"] or next(iter(answers), None)
    return Cost(
        device=device,
        totals=totals,
        nodes=merged_nodes(best, answers),
        coverage=answers[timed].coverage if timed is not None else Cost(device=device).coverage,
        unmodelled=answers[timed].unmodelled if timed is not None else (),
        notes=tuple(dict.fromkeys(note for answer in answers.values() for note in answer.notes)),
        estimators={cost: name for cost, name in best.items() if name is not None},
        ranges=merged_ranges(best, answers),
        worst={cost: answers[name].worst[cost] for cost, name in best.items() if name and cost in answers[name].worst},
    )


def merged_ranges(best: Mapping[str, str | None], answers: Mapping[str, Cost]) -> dict[str, str]:
    """Where the range of each known total comes from, in the words of whoever gave it, else by their name."""
    return {
        cost: answers[name].ranges.get(cost) or f"said by the estimator {name!r}"
        for cost, name in best.items()
        if name is not None and answers[name].totals[cost].known
    }


def best_answer(cost: str, answers: Mapping[str, Cost]) -> str | None:
    """Who says most precisely what a cost is; where nobody knows, whoever says why."""
    said = [name for name, answer in answers.items() if cost in answer.totals]
    return min(
        said, key=lambda name: (not answers[name].totals[cost].known, answers[name].totals[cost].width), default=None
    )


def merged_nodes(best: Mapping[str, str | None], answers: Mapping[str, Cost]) -> tuple[NodeCost, ...]:
    """The nodes with each of their costs from the estimator that gave the total."""
    order: dict[str, str] = {node.name: node.op for answer in answers.values() for node in answer.nodes}
    found: dict[str, dict[str, Any]] = {name: {} for name in order}
    worst: dict[str, dict[str, Any]] = {name: {} for name in order}
    for cost, name in best.items():
        for node in answers[name].nodes if name is not None else ():
            found[node.name][cost] = node.costs.get(cost, NOT_ASKED)
            worst[node.name].update({cost: node.worst[cost]} if cost in node.worst else {})
    return tuple(NodeCost(name, order[name], costs, worst[name]) for name, costs in found.items())

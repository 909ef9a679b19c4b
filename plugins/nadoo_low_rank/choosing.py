"""Choosing what becomes of each layer: by a rule for each on its own, or by a budget for all of them together."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Literal, TypeAlias

from nadoo_low_rank.candidates import Candidate, Options

Cost: TypeAlias = Literal["numbers", "macs"]


def smallest_within(options: Options, error: float) -> Candidate | None:
    """The candidate with the fewest numbers whose relative error is within a bound; the energy rule is ε = √(1 - τ).

    Law: the numbers are non-increasing in the error.
    """
    limit = error * error * options.energy
    fitting = [item for item in options.saving() if item.error <= limit]
    return min(fitting, key=lambda item: (item.numbers, item.error), default=None)


def least_error(candidates: Iterable[Candidate]) -> Candidate | None:
    """The candidate that loses least; of equal ones the smallest."""
    return min(candidates, key=lambda item: (item.error, item.numbers), default=None)


def largest_saving(options: Options) -> Candidate | None:
    """Of the largest candidate of each method, the one that loses least."""
    largest: dict[str, Candidate] = {}
    for item in options.saving():
        known = largest.get(item.method)
        if known is None or (item.numbers, -item.error) > (known.numbers, -known.error):
            largest[item.method] = item
    return least_error(largest.values())


def relative(item: Candidate, options: Options) -> float:
    """A candidate's error as a share of the layer."""
    return sqrt(item.error / options.energy) if options.energy else 0.0


# --- for all layers together --------------------------------------------------------------------------------------


def within_budget(layers: Sequence[Options], budget: float, cost: Cost) -> Mapping[str, Candidate] | None:
    """What loses least in sum with a cost that is at most the budget; None where nothing is small enough.

    Each layer goes down the lower convex hull of its candidates, the step first that loses least for what it saves;
    what is left of the budget at the end goes to whoever gains most from it.
    Law: never above the budget; the error is non-increasing in the budget but for the last step.
    """
    hulls = {options.name: hull(options, cost) for options in layers}
    places = dict.fromkeys(hulls, 0)
    spent = sum(getattr(line[0], cost) for line in hulls.values())
    waiting = [(slope(line, 0, cost), name) for name, line in hulls.items() if len(line) > 1]
    heapq.heapify(waiting)
    while spent > budget and waiting:
        _, name = heapq.heappop(waiting)
        line, place = hulls[name], places[name]
        spent -= getattr(line[place], cost) - getattr(line[place + 1], cost)
        places[name] = place + 1
        if place + 2 < len(line):
            heapq.heappush(waiting, (slope(line, place + 1, cost), name))
    if spent > budget:
        return None
    chosen = {name: line[places[name]] for name, line in hulls.items()}
    return filled(layers, chosen, budget - spent, cost)


def hull(options: Options, cost: Cost) -> list[Candidate]:
    """The layer as it is and then ever cheaper candidates, each step losing more for what it saves than the last."""
    line: list[Candidate] = [options.dense]
    for item in sorted(options.saving(), key=lambda item: (-getattr(item, cost), item.error)):
        while line and getattr(item, cost) < getattr(options.dense, cost):
            last = line[-1]
            saves = getattr(last, cost) - getattr(item, cost)
            worse = item.error <= last.error and len(line) > 1
            bent = len(line) > 1 and saves > 0 and rate(last, item, cost) <= slope(line, len(line) - 2, cost)
            if not (worse or bent):
                if saves > 0:
                    line.append(item)
                break
            line.pop()
    return line


def rate(one: Candidate, other: Candidate, cost: Cost) -> float:
    """What a step loses for each unit that it saves."""
    return (other.error - one.error) / (getattr(one, cost) - getattr(other, cost))


def slope(line: Sequence[Candidate], place: int, cost: Cost) -> float:
    """What the step from one place of a hull to the next loses for each unit that it saves."""
    return rate(line[place], line[place + 1], cost)


def filled(
    layers: Sequence[Options], chosen: Mapping[str, Candidate], left: float, cost: Cost
) -> Mapping[str, Candidate]:
    """The choice with what is left of the budget spent where it gains most."""
    found = dict(chosen)
    while True:
        steps = [
            (found[options.name].error - item.error, options.name, item)
            for options in layers
            for item in (*options.saving(), options.dense)
            if getattr(item, cost) - getattr(found[options.name], cost) <= left
            and item.error < found[options.name].error
        ]
        if not steps:
            return found
        _, name, best = max(steps, key=lambda step: (step[0], step[1]))
        left -= getattr(best, cost) - getattr(found[name], cost)
        found[name] = best

"""The order of execution that needs the fewest bytes at its busiest step.

The steps done so far decide what is live, so the orders are the paths through sets of done steps and the best
one is found over the sets. Where a step depends on all before it and all after depend on it, every order
passes through the same set: the graph is cut there, and each segment is solved alone.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from attrs import frozen

from nadoo_graphs.memory.program import Program
from nadoo_graphs.memory.step_costs import StepCosts, bits

STATE_LIMIT = 20_000
"""Sets of done steps looked at in one segment before the search gives up on a proof."""
BEAM_WIDTH = 16
"""Partial orders that the heuristic carries along."""


@frozen
class Schedule:
    """An order of the steps, with its peak when results overwrite only operands of their own size."""

    order: tuple[str, ...]
    peak: int
    exact: bool
    """Whether no order has a smaller peak; False means not known."""
    lower_bound: int
    """What some step needs for its operands and results alone."""


@frozen
class Prefix:
    """The beginning of an order: the steps done, what they need at most, what is live after them."""

    peak: int
    live: int
    order: tuple[int, ...]
    done: int


def smallest_peak_order(program: Program, in_place: bool = True, limit: int = STATE_LIMIT) -> Schedule:
    """The best order that is found; the given one if none is better, so that reordering never costs."""
    costs = StepCosts.of(program, in_place)
    best = start = Prefix(costs.bound, costs.inputs, (), 0)
    exact = True
    for segment in segments(costs):
        best, proven = best_segment(costs, best, segment, limit)
        exact = exact and proven
    given = follow(costs, start, range(costs.count))
    order = given.order if given.peak <= best.peak else best.order
    peak = min(given.peak, best.peak)
    names = tuple(program.steps[step].name for step in order)
    return Schedule(names, peak, exact or peak == costs.bound, costs.bound)


def segments(costs: StepCosts) -> Iterator[int]:
    """The sets of steps between the cuts, each with the cut that ends it, in order."""
    everything = (1 << costs.count) - 1
    done = 0
    for step in range(costs.count):
        comparable = costs.ancestors[step] | costs.descendants[step] | 1 << step
        if comparable == everything:
            yield (costs.ancestors[step] | 1 << step) & ~done
            done |= costs.ancestors[step] | 1 << step
    if done != everything:
        yield everything & ~done


def best_segment(costs: StepCosts, start: Prefix, segment: int, limit: int) -> tuple[Prefix, bool]:
    """The best way through one segment and whether it is known to be; the given order is tried first."""
    given = follow(costs, start, bits(segment))
    if given.peak <= start.peak:
        return given, True
    found = min(given, beam(costs, start, segment), key=lambda prefix: prefix.peak)
    if found.peak <= start.peak:
        return found, True
    return search(costs, start, segment, found, limit)


def follow(costs: StepCosts, start: Prefix, order: Sequence[int]) -> Prefix:
    """The prefix longer by some steps, in the order given."""
    prefix = start
    for step in order:
        prefix = extended(costs, prefix, step)
    return prefix


def extended(costs: StepCosts, prefix: Prefix, step: int) -> Prefix:
    """The prefix longer by one step."""
    during, after = costs.run(step, prefix.done, prefix.live)
    return Prefix(max(prefix.peak, during), after, (*prefix.order, step), prefix.done | 1 << step)


def beam(costs: StepCosts, start: Prefix, segment: int) -> Prefix:
    """The smallest peak first, then the fewest live bytes; runners-up are carried along as lookahead."""
    prefixes = [start]
    for _ in bits(segment):
        longer: dict[int, Prefix] = {}
        for prefix in prefixes:
            for step in costs.ready(prefix.done, segment):
                candidate = extended(costs, prefix, step)
                known = longer.get(candidate.done)
                if known is None or rank(candidate) < rank(known):
                    longer[candidate.done] = candidate
        prefixes = sorted(longer.values(), key=rank)[:BEAM_WIDTH]
    return prefixes[0]


def rank(prefix: Prefix) -> tuple[int, int, tuple[int, ...]]:
    """What makes one beginning better than another; the order itself decides ties, so that results repeat."""
    return prefix.peak, prefix.live, prefix.order


def search(costs: StepCosts, start: Prefix, segment: int, found: Prefix, limit: int) -> tuple[Prefix, bool]:
    """The sets of done steps by the peak that reaches them, until one is the goal or none beats `found`."""
    goal = start.done | segment
    heap = [(start.peak, 0, start.order, start)]
    seen: set[int] = set()
    while heap:
        prefix = heappop(heap)[3]
        if prefix.done == goal:
            return prefix, True
        if prefix.done in seen:
            continue
        seen.add(prefix.done)
        if len(seen) > limit:
            return found, False
        for longer in successors(costs, prefix, segment):
            if longer.peak < found.peak and longer.done not in seen:
                heappush(heap, (longer.peak, -len(longer.order), longer.order, longer))
    return found, True


def successors(costs: StepCosts, prefix: Prefix, segment: int) -> list[Prefix]:
    """The prefix with each ready step; only one where a step costs nothing.

    A step that keeps within the peak and leaves no more bytes live than before may always run at once: moved
    forward from where another order has it, it lowers what is live in between and raises nothing.
    """
    longer: list[Prefix] = []
    for step in costs.ready(prefix.done, segment):
        candidate = extended(costs, prefix, step)
        if candidate.peak == prefix.peak and candidate.live <= prefix.live:
            return [candidate]
        longer.append(candidate)
    return longer

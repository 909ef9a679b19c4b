"""Which units go: the least important first, as few as the target needs, never the last ones of a layer."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_graphs.channels import ChannelMap
from nadoo_pruning.channel_scores import Scores
from nadoo_pruning.targets import Mask, Target

CLOSE = 0.98
MOST_TRIED = 64


@frozen(eq=False)
class Portion:
    """Units of one group that go together, so that what is left is a multiple."""

    group: int
    units: NDArray[np.int64]
    key: float


@frozen
class Manner:
    """How portions are made and compared."""

    scope: str
    multiple: int
    least: int
    per_cost: bool
    stay: str = ""
    """Why some of the selected channels stay, for a message."""


def choose_units(channels: ChannelMap, scores: Scores, free: Mask, target: Target, manner: Manner, where: str) -> Mask:
    """True for every unit that stays: the target is met with as many units as that allows."""
    portions = ordered(channels, scores, free, target, manner)
    kept_all = np.ones(len(channels), np.bool_)
    whole = target.measure(kept_all)
    if target.allows(whole):
        return kept_all
    least = without(kept_all, portions)
    reached = target.measure(least)
    if not target.allows(reached):
        raise unreachable(target, whole, reached, manner, where)
    low, high = 0, len(portions)
    while low < high:
        middle = (low + high) // 2
        if target.allows(target.measure(without(kept_all, portions[:middle]))):
            high = middle
        else:
            low = middle + 1
    return filled_up(without(kept_all, portions[:low]), portions[:low], target)


def ordered(channels: ChannelMap, scores: Scores, free: Mask, target: Target, manner: Manner) -> list[Portion]:
    """All portions that may go, in the order in which they do; within a group the order is that of the scores."""
    found: list[Portion] = []
    everything = np.ones(len(channels), np.bool_)
    whole = target.measure(everything) if manner.per_cost else 0.0
    for index, group in enumerate(channels.groups):
        units = group.units[free[group.units] & ~np.isnan(scores[group.units])]
        portions = group_portions(index, units, len(group), scores, manner)
        if portions and manner.per_cost:
            saved = (whole - target.measure(without(everything, portions[:1]))) / len(portions[0].units)
            portions = [Portion(one.group, one.units, one.key / max(saved, 1e-12)) for one in portions]
        found += portions
    return sorted(found, key=lambda portion: portion.key)


def group_portions(index: int, units: NDArray[np.int64], size: int, scores: Scores, manner: Manner) -> list[Portion]:
    """The portions of one group: what is kept is a multiple and never fewer than the least."""
    order = units[np.argsort(scores[units], kind="stable")]
    least = max(manner.least, 1)
    kept = size
    found: list[Portion] = []
    start, key = 0, -np.inf
    while True:
        step = kept % manner.multiple or manner.multiple
        if kept - step < least or start + step > len(order):
            return found
        part = order[start : start + step]
        rank = (start + step) / size
        key = max(key, rank if manner.scope == "layer" else float(scores[part].mean()))
        found.append(Portion(index, part, key))
        start, kept = start + step, kept - step


def without(kept: Mask, portions: list[Portion]) -> Mask:
    """A choice from which portions are taken as well."""
    left = kept.copy()
    for portion in portions:
        left[portion.units] = False
    return left


def filled_up(kept: Mask, gone: list[Portion], target: Target) -> Mask:
    """A choice to which portions are given back, the most important first, as long as the target stays met."""
    ends: dict[int, list[Portion]] = {}
    for portion in gone:
        ends.setdefault(portion.group, []).append(portion)
    for _ in range(MOST_TRIED):
        if not any(ends.values()) or target.measure(kept) >= CLOSE * target.limit:
            return kept
        last = max((portions[-1] for portions in ends.values() if portions), key=lambda portion: portion.key)
        given = kept.copy()
        given[last.units] = True
        if target.allows(target.measure(given)):
            kept = given
            ends[last.group].pop()
        else:
            ends[last.group] = []
    return kept


def unreachable(target: Target, whole: float, reached: float, manner: Manner, where: str) -> PassError:
    """The error of a target that is out of reach, with what could be reached."""
    stay = f" ({manner.stay})" if manner.stay else ""
    options = "min_channels or multiple" if manner.multiple > 1 else "min_channels"
    message = (
        f"asks for {target.kind} of at most {target.text(target.limit)}; from {target.text(whole)} the selected layers "
        f"can come down to {target.text(reached)} with the channels that must stay{stay}; raise the target to that, "
        f"select more layers, or lower {options}"
    )
    return PassError(Problem(CoreCode.PASS, where, message))

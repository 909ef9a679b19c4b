"""Which channels a step may take: those whose makers are all selected; what is left alone is told with its reason."""

import numpy as np

from nadoo_core.passes import Context, Selector
from nadoo_graphs.channels import ChannelMap
from nadoo_graphs.graph import ModelGraph
from nadoo_pruning.targets import Mask


def free_units(graph: ModelGraph, channels: ChannelMap, where: Selector, context: Context) -> Mask:
    """True for the units that selected layers make and no other layer does."""
    selected = {node.name for node in where.matches(graph)}
    makers: list[set[str]] = [set() for _ in channels.groups]
    for axis in channels.axes:
        if axis.side == "makes":
            for group in channels.groups_in(axis):
                makers[group].add(axis.node)
    free = np.zeros(len(channels), np.bool_)
    for group, names in zip(channels.groups, makers, strict=True):
        others = sorted(names - selected)
        if names and not others:
            free[group.units] = True
        elif names & selected:
            reason = f"it shares its channels with {others[0]!r}, which is not selected"
            for name in sorted(names & selected):
                context.refuse(name, reason)
    tell_frozen(channels, selected, context)
    return free


def tell_frozen(channels: ChannelMap, selected: set[str], context: Context) -> None:
    """Selected layers whose channels all stay, and why."""
    told: set[str] = set()
    for frozen in channels.frozen:
        if frozen.node in selected and frozen.node not in told:
            told.add(frozen.node)
            context.refuse(frozen.node, f"its channels stay: {frozen.reason}")

"""Normalizations: each has an element of its tensors for every channel; some take statistics over channels."""

from collections.abc import Mapping
from typing import Any

from nadoo_graphs.channels.rule import ChannelRule, NodeAxes, Resizing
from nadoo_graphs.channels.rules.elementwise import couple_unary
from nadoo_graphs.channels.rules.layers import divided
from nadoo_graphs.ops.reading import integer, sizes

BY_CHANNEL = ("weight", "bias", "running_mean", "running_var")


def couple_by_channel(axes: NodeAxes) -> None:
    """Axis 1 is that of scale, shift and statistics."""
    couple_unary(axes)
    for role in BY_CHANNEL:
        axes.follows(role, 0, axes.output[1])


def couple_by_row(axes: NodeAxes) -> None:
    """The last axes are normalized together."""
    couple_unary(axes)
    count = len(sizes(axes.call, "normalized_shape"))
    for place, axis in enumerate(axes.output[-count:]):
        axes.blends(axis)
        for role in ("weight", "bias"):
            axes.follows(role, place, axis)


def resize_row(resizing: Resizing) -> dict[str, Any]:
    """The normalized axes as they are now."""
    wanted = resizing.attributes["normalized_shape"]
    count = len(wanted) if isinstance(wanted, tuple) else 0
    return {"normalized_shape": tuple(resizing.count(axis) for axis in resizing.axes.output[-count:])}


def couple_by_group(axes: NodeAxes) -> None:
    """Blocks of channels are normalized together."""
    couple_unary(axes)
    for role in ("weight", "bias"):
        axes.follows(role, 0, axes.output[1])
    groups, within = divided(axes, axes.operand[1], integer(axes.call, "num_groups"))
    axes.blends(within)
    axes.call_it("groups", groups)


def resize_groups(resizing: Resizing) -> dict[str, Any]:
    """As many groups as are left."""
    return {"num_groups": resizing.count(resizing.axes.named["groups"])}


RULES: Mapping[str, ChannelRule] = {
    "batch_norm": ChannelRule(couple_by_channel),
    "instance_norm": ChannelRule(couple_by_channel),
    "layer_norm": ChannelRule(couple_by_row, resize_row),
    "rms_norm": ChannelRule(couple_by_row, resize_row),
    "group_norm": ChannelRule(couple_by_group, resize_groups),
}

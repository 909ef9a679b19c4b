"""Which channels of which tensors and values go together, and how some of them are taken out everywhere at once.

`analyse_channels(graph)` gives a `ChannelMap`: units, each of which is kept or removed as a whole, in groups of like
ones. Every operator says in a `ChannelRule` how its axes belong together; what no rule describes is frozen.
"""

from nadoo_graphs.channels.analysis import analyse_channels
from nadoo_graphs.channels.channel_map import ChannelGroup, ChannelMap, FrozenAxis, TensorAxis
from nadoo_graphs.channels.preview import ChannelPreview
from nadoo_graphs.channels.removal import mask_channels, remove_channels
from nadoo_graphs.channels.rule import ChannelRule, NodeAxes, Resizing

__all__ = [
    "ChannelGroup",
    "ChannelMap",
    "ChannelPreview",
    "ChannelRule",
    "FrozenAxis",
    "NodeAxes",
    "Resizing",
    "TensorAxis",
    "analyse_channels",
    "mask_channels",
    "remove_channels",
]

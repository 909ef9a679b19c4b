"""Which rule an operator has: its row's own, else the one of this table; an operator with neither freezes."""

from collections.abc import Mapping
from types import MappingProxyType

from nadoo_graphs.channels.rule import ChannelRule
from nadoo_graphs.channels.rules import (
    attention,
    elementwise,
    joining,
    layers,
    normalization,
    quantized,
    recurrent,
    reduction,
    shaping,
)
from nadoo_graphs.ops.op import Op

STANDARD: Mapping[str, ChannelRule] = MappingProxyType(
    {
        **elementwise.RULES,
        **layers.RULES,
        **normalization.RULES,
        **reduction.RULES,
        **shaping.RULES,
        **joining.RULES,
        **attention.RULES,
        **recurrent.RULES,
        **quantized.RULES,
    }
)


def rule_of(row: Op) -> "ChannelRule | None":
    """The rule of an operator, if anybody has written one."""
    return row.channels or STANDARD.get(row.name)

"""Attention: whole heads, or the widths of queries with keys and of values with results."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

from nadoo_graphs.channels.rule import ChannelRule, NodeAxes, Resizing

HEAD = -3


def couple_attention(axes: NodeAxes) -> None:
    """Queries and keys share a width, values and results another, and all share the heads."""
    query, key, value = axes.operands[:3]
    output = axes.output
    axes.same(query[-1], key[-1])
    axes.same(value[-1], output[-1])
    axes.same(query[-2], output[-2])
    axes.same(key[-2], value[-2])
    leading = [query[:-2], key[:-2], value[:-2]]
    mask = axes.operands[3] if len(axes.operands) > 3 else None
    if axes.node.attributes["gqa"]:
        couple_shared_heads(axes)
        leading = [operand[:HEAD] for operand in (query, key, value)]
    for operand in leading:
        result = output[:HEAD] if axes.node.attributes["gqa"] else output[:-2]
        for own, shared in zip(reversed(operand), reversed(result), strict=False):
            if axes.size(own) == axes.size(shared):
                axes.same(own, shared)
    if mask is not None:
        for own, shared in zip(reversed(mask[:-2]), reversed(output[:-2]), strict=False):
            if axes.size(own) == axes.size(shared):
                axes.same(own, shared)
    if len(output) > 2:
        axes.is_head(output[HEAD])


def couple_shared_heads(axes: NodeAxes) -> None:
    """Several heads of queries read one head of keys and values."""
    query, key, value = axes.operands[:3]
    axes.same(query[HEAD], axes.output[HEAD])
    heads: Any = axes.size(query[HEAD])
    for shared in (key[HEAD], value[HEAD]):
        count: Any = axes.size(shared)
        factors = axes.split(query[HEAD], (count, heads // count))
        axes.same(factors[0], shared)
        axes.is_head(factors[0])


def resize_attention(resizing: Resizing) -> dict[str, Any]:
    """Scores keep the scale that they had when queries were wider."""
    width = resizing.axes.operand[-1]
    if not resizing.changed(width) or resizing.attributes["scale"] is not None:
        return {}
    size: Any = resizing.axes.size(width)
    return {"scale": 1 / sqrt(size)}


RULES: Mapping[str, ChannelRule] = {"sdpa": ChannelRule(couple_attention, resize_attention)}

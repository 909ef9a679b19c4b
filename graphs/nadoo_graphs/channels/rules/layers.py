"""Layers with weights: an axis of the weight is an axis of the input, another one of the output."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from nadoo_graphs.channels.rule import ChannelRule, NodeAxes, Resizing
from nadoo_graphs.ops.reading import integer


def connect(axes: NodeAxes, role: str, place: int, axis: int, side: str) -> None:
    """An axis of weight or bias, which is a tensor of the layer or, in a computed layer, an operand."""
    if role in axes.tensors:
        axes.use(role, place, axis, side)
        return
    index = {"weight": 1, "bias": 2}[role]
    if index < len(axes.operands) and "weight" not in axes.tensors:
        axes.same(axes.operands[index][place], axis)


def couple_linear(axes: NodeAxes) -> None:
    """Rows make outputs, columns read inputs; leading axes pass through."""
    axes.same_all(axes.operand[:-1], axes.output[:-1])
    connect(axes, "weight", 0, axes.output[-1], "makes")
    connect(axes, "weight", 1, axes.operand[-1], "reads")
    connect(axes, "bias", 0, axes.output[-1], "follows")


def couple_convolution(spatial: int, transposed: bool, axes: NodeAxes) -> None:
    """As a linear layer over the channel axis; groups read and make blocks of channels of their own."""
    place = -spatial - 1
    source, result = axes.operand[place], axes.output[place]
    axes.same_all(axes.operand[:place], axes.output[:place])
    groups = integer(axes.call, "groups")
    own, other = ((source, "reads"), (result, "makes")) if transposed else ((result, "makes"), (source, "reads"))
    connect(axes, "weight", 0, *own)
    connect(axes, "bias", 0, result, "follows")
    if groups == 1:
        connect(axes, "weight", 1, *other)
        return
    taken, made = divided(axes, source, groups), divided(axes, result, groups)
    axes.same(taken[0], made[0])
    axes.call_it("groups", taken[0])
    connect(axes, "weight", 1, made[1] if transposed else taken[1], other[1])
    axes.mentioned.update((source, result))


def divided(axes: NodeAxes, axis: int, groups: int) -> tuple[int, ...]:
    """An axis as groups of channels."""
    size: Any = axes.size(axis)
    return axes.split(axis, (groups, size // groups))


def resize_groups(resizing: Resizing) -> dict[str, Any]:
    """As many groups as are left."""
    named = resizing.axes.named
    return {"groups": resizing.count(named["groups"])} if "groups" in named else {}


def couple_embedding(axes: NodeAxes) -> None:
    """The table's columns are the output's last axis; its rows are named by indices and stay."""
    axes.same_all(axes.operand, axes.output[:-1])
    axes.makes("weight", 1, axes.output[-1])


def couple_matmul(axes: NodeAxes) -> None:
    """Rows of the one, columns of the other, and the axis over which is summed."""
    first, second = axes.operands[:2]
    output = axes.output
    axes.same(first[-1], second[-2] if len(second) > 1 else second[-1])
    rows = first[-2:-1]
    columns = second[-1:] if len(second) > 1 else range(0)
    axes.same_all((*rows, *columns), output[len(output) - len(rows) - len(columns) :])
    batch = output[: len(output) - len(rows) - len(columns)]
    for leading in (first[:-2], second[:-2]):
        for own, shared in zip(reversed(leading), reversed(batch), strict=False):
            if axes.size(own) == axes.size(shared):
                axes.same(own, shared)
    if batch and len(first) == len(second):
        axes.is_head(batch[-1])


def couple_addmm(axes: NodeAxes) -> None:
    """A product of two matrices, and a third one that is added."""
    added, first, second = axes.operands
    axes.same(first[1], second[0])
    axes.same_all((first[0], second[1]), axes.output)
    for own, shared in zip(reversed(added), reversed(axes.output), strict=False):
        if axes.size(own) == axes.size(shared):
            axes.same(own, shared)


def couple_tensor(axes: NodeAxes) -> None:
    """The value is the tensor."""
    for place, axis in enumerate(axes.output):
        axes.follows("value", place, axis)


def convolution_rules() -> dict[str, ChannelRule]:
    """Every convolution, with its weight as a tensor and as an operand."""
    found: dict[str, ChannelRule] = {}
    for spatial in (1, 2, 3):
        for name, transposed in ((f"conv{spatial}d", False), (f"conv_transpose{spatial}d", True)):
            rule = ChannelRule(partial(couple_convolution, spatial, transposed), resize_groups)
            found |= {name: rule, f"computed_{name}": rule}
    return found


RULES: Mapping[str, ChannelRule] = {
    **convolution_rules(),
    "linear": ChannelRule(couple_linear),
    "computed_linear": ChannelRule(couple_linear),
    "embedding": ChannelRule(couple_embedding),
    "matmul": ChannelRule(couple_matmul),
    "addmm": ChannelRule(couple_addmm),
    "tensor": ChannelRule(couple_tensor),
}

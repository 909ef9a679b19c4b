"""Operators over codes: the channels of the float operator, and scales of weights that follow what the weights make."""

from collections.abc import Callable, Mapping
from functools import partial

from nadoo_graphs.channels.rule import ChannelRule, Couple, NodeAxes
from nadoo_graphs.channels.rules.elementwise import couple_broadcast, couple_unary
from nadoo_graphs.channels.rules.joining import couple_cat
from nadoo_graphs.channels.rules.layers import (
    couple_convolution,
    couple_embedding,
    couple_linear,
    couple_matmul,
    resize_groups,
)
from nadoo_graphs.channels.rules.normalization import couple_by_row, resize_row
from nadoo_graphs.channels.rules.recurrent import couple_recurrent
from nadoo_graphs.channels.rules.reduction import couple_along, couple_reduction, couple_windows
from nadoo_graphs.ops.quantized.masters import master_roles, scale_role
from nadoo_graphs.ops.reading import integer, text
from nadoo_graphs.ops.recurrent import GRU, LSTM, RNN_RELU, RNN_TANH, Cell

WEIGHT_SCALE = "weight_scale"
WINDOWS = {f"quantized_{kind}_pool{rank}d": rank for kind in ("avg", "adaptive_avg") for rank in (1, 2)}


def couple_scaled(couple: Couple, place: Callable[[NodeAxes], int], axes: NodeAxes) -> None:
    """The float operator's axes, and a scale for each output where there is one."""
    couple(axes)
    if axes.tensors.get(WEIGHT_SCALE):
        axes.follows(WEIGHT_SCALE, 0, axes.output[place(axes)])


def named_axis(axes: NodeAxes) -> int:
    """The axis of the output along which the scales lie."""
    return integer(axes.call, "axis")


def couple_dynamic(axes: NodeAxes) -> None:
    """Codes, and beside them the largest number, which is looked for in a tensor, a sample or a token."""
    couple_unary(axes)
    for output in axes.outputs[1:]:
        for own, other in zip(output, axes.operand, strict=True):
            if axes.size(own) == axes.size(other):
                axes.same(own, other)
    if text(axes.call, "granularity") != "static":
        blend_granularity(axes)


def couple_relu_norm(axes: NodeAxes) -> None:
    """The largest number decides how far all are shifted."""
    couple_unary(axes)
    blend_granularity(axes)


def couple_recurrent_codes(cell: Cell, axes: NodeAxes) -> None:
    """The float layer's axes, and scales for the rows of its matrices."""
    couple_recurrent(cell, axes)
    for role in master_roles(axes.tensors):
        if axes.tensors.get(scale_role(role)):
            axes.follows(scale_role(role), 0, axes.tensors[role][0])


def blend_granularity(axes: NodeAxes) -> None:
    """The axes over which the largest number is looked for."""
    first = {"tensor": 0, "sample": 1}.get(text(axes.call, "granularity"), len(axes.operand) - 1)
    for axis in axes.operand[first:]:
        axes.blends(axis)


def layer_rules() -> dict[str, ChannelRule]:
    """Layers whose weights are kept as codes, with codes or numbers as operands."""
    linear = ChannelRule(partial(couple_scaled, couple_linear, lambda axes: -1))
    found = {"quantized_linear": linear, "encoded_linear": linear}
    for spatial in (1, 2):
        couple = partial(couple_convolution, spatial, False)
        rule = ChannelRule(partial(couple_scaled, couple, lambda axes, spatial=spatial: -spatial - 1), resize_groups)
        found |= {f"quantized_conv{spatial}d": rule, f"encoded_conv{spatial}d": rule}
    return found


RULES: Mapping[str, ChannelRule] = {
    **layer_rules(),
    "quantize": ChannelRule(couple_dynamic),
    "dequantize": ChannelRule(partial(couple_scaled, couple_broadcast, named_axis)),
    "requantize": ChannelRule(partial(couple_scaled, couple_unary, named_axis)),
    "relu_norm": ChannelRule(couple_relu_norm),
    "quantized_clamp": ChannelRule(couple_unary),
    "quantized_lookup": ChannelRule(couple_unary),
    "quantized_add": ChannelRule(couple_broadcast),
    "quantized_mul": ChannelRule(couple_broadcast),
    "quantized_cat": ChannelRule(couple_cat),
    "quantized_matmul": ChannelRule(couple_matmul),
    "quantized_mean": ChannelRule(couple_reduction),
    "quantized_softmax": ChannelRule(couple_along),
    **{name: ChannelRule(partial(couple_windows, spatial)) for name, spatial in WINDOWS.items()},
    "quantized_layer_norm": ChannelRule(couple_by_row, resize_row),
    "quantized_rms_norm": ChannelRule(couple_by_row, resize_row),
    "quantized_embedding": ChannelRule(couple_embedding),
    "encoded_embedding": ChannelRule(couple_embedding),
    **{
        f"quantized_{cell.name}": ChannelRule(partial(couple_recurrent_codes, cell))
        for cell in (LSTM, GRU, RNN_TANH, RNN_RELU)
    },
}

"""Operators that work element by element: an axis of the output is the same axis of every operand."""

from collections.abc import Mapping

from nadoo_graphs.channels.rule import ChannelRule, NodeAxes

BROADCAST = (
    "add", "sub", "mul", "div", "power", "remainder", "fmod", "floor_divide", "maximum", "minimum", "atan2",
    "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor",
    "bitwise_and", "bitwise_or", "bitwise_xor", "where", "masked_fill",
)  # fmt: skip
UNARY = (
    "identity", "relu", "relu6", "gelu", "leaky_relu", "hardswish", "hardsigmoid", "sigmoid", "log_sigmoid", "tanh",
    "silu", "mish", "softplus", "elu", "selu", "celu", "hardtanh", "threshold", "hardshrink", "softshrink", "relu2",
    "xrelu", "xrelu6", "shifted_relu", "rrelu", "clamp", "neg", "abs", "sign", "square", "floor", "ceil", "trunc",
    "round", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "erf", "erfc",
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "logical_not", "isnan", "isinf", "isfinite",
    "bitwise_not", "cast", "clone", "detach", "dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout",
)  # fmt: skip


def couple_unary(axes: NodeAxes) -> None:
    """The operand's axes are the output's."""
    axes.same_all(axes.operand, axes.output)


def couple_broadcast(axes: NodeAxes) -> None:
    """Axes are counted from the last; one of size 1 serves every position of the other's."""
    output = axes.output
    for operand in axes.operands:
        for own, shared in zip(reversed(operand), reversed(output), strict=False):
            if axes.size(own) == axes.size(shared):
                axes.same(own, shared)


def couple_prelu(axes: NodeAxes) -> None:
    """A slope for each channel, or one for all."""
    couple_unary(axes)
    (slope,) = axes.tensors["weight"]
    if axes.size(slope) != 1 and len(axes.operand) > 1:
        axes.follows("weight", 0, axes.operand[1])


RULES: Mapping[str, ChannelRule] = {
    **{name: ChannelRule(couple_unary) for name in UNARY},
    **{name: ChannelRule(couple_broadcast) for name in BROADCAST},
    "prelu": ChannelRule(couple_prelu),
}

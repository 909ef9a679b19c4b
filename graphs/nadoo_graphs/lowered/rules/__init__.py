"""The plain kernels: how each operator of a graph is written as loops, family by family."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nadoo_graphs.lowered.lowering import Rule


def standard() -> "dict[str, Rule]":
    """All rules by the name of the operator that they lower."""
    from nadoo_graphs.lowered.rules import (
        activation,
        arithmetic,
        attention,
        convolution,
        embedding,
        joining,
        linear,
        normalization,
        pooling,
        recurrent,
        reduction,
        shaping,
        softmax,
        structure,
        upsampling,
    )
    from nadoo_graphs.lowered.rules.quantized import arithmetic as quantized_arithmetic
    from nadoo_graphs.lowered.rules.quantized import borders, functions, layers, relu_norm
    from nadoo_graphs.lowered.rules.quantized import pooling as quantized_pooling
    from nadoo_graphs.lowered.rules.quantized import recurrent as quantized_recurrent

    families = (
        structure, linear, convolution, pooling, activation, arithmetic, shaping, joining, reduction, softmax,
        normalization, recurrent, embedding, upsampling, attention, borders, layers, relu_norm,
        quantized_arithmetic, quantized_pooling, functions, quantized_recurrent,
    )  # fmt: skip
    return {name: rule for family in families for name, rule in family.RULES.items()}

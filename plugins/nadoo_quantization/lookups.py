"""Functions of one number, which over codes are a table of as many entries as there are codes."""

import torch

from nadoo_core.quantizing import scale_and_zero_point
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.ops.quantized.tables import function_of
from nadoo_graphs.values import Value
from nadoo_quantization.grids import codes_of
from nadoo_quantization.rewriter import Handler, Rewriter

FUNCTIONS = (
    "gelu", "leaky_relu", "hardswish", "hardsigmoid", "sigmoid", "log_sigmoid", "tanh", "silu", "mish", "softplus",
    "elu", "selu", "celu", "threshold", "hardshrink", "softshrink", "relu2", "xrelu", "xrelu6", "shifted_relu",
    "neg", "abs", "square", "exp", "sqrt", "erf", "sin", "cos", "atan",
)  # fmt: skip
PARTIAL = ("sqrt", "power")
"""Functions that are no numbers everywhere."""
WITH_NUMBER = ("add", "sub", "mul", "div", "power")
"""Operators of two operands that are functions of one number where the other is a constant."""


def admits_function(rewriter: Rewriter, node: Node) -> bool:
    """One operand of floating point that gives floating point, and a number for everything that the operand can hold.

    A root of what might be negative has no table: it stays in floating point, where such values do not occur.
    """
    operands = rewriter.before.operands(node.name)
    return (
        len(operands) == 1
        and rewriter.before[node.name].type.is_floating
        and rewriter.before.type(operands[0]).is_floating
        and (node.op not in PARTIAL or is_defined(rewriter, node, operands[0]))
    )


def is_defined(rewriter: Rewriter, node: Node, value: Value) -> bool:
    """Whether a function is a number at every code of its operand's format."""
    source = rewriter.source(value)
    if source not in rewriter.ranges:
        return True
    row = rewriter.graph.formats[rewriter.step.activations_of(source.node)]
    step, zero = scale_and_zero_point(rewriter.ranges[source], codes_of(row, symmetric=rewriter.step.symmetric))
    low, high = row.code_range(with_zero_point=True)
    numbers = (torch.arange(low, high + 1, dtype=torch.float64) - zero) * step
    results = function_of(rewriter.graph.ops[node.op], node.attributes)(numbers)
    return not bool(results.isnan().any())


def rewrite_lookup(rewriter: Rewriter, node: Node) -> None:
    """The table of the function, from one grid to another."""
    source = rewriter.read_codes(node)
    settings: Attribute = tuple((name, value) for name, value in node.attributes.items())
    rewriter.become(
        node, "quantized_lookup", rewriter.output_grid(node), source.roles("input"), op=node.op, settings=settings
    )


HANDLERS = dict.fromkeys((*FUNCTIONS, *WITH_NUMBER), Handler(admits_function, rewrite_lookup, "quantized_lookup"))

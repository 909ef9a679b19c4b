"""Functions of one number, which over codes are a table of as many entries as there are codes."""

from nadoo_graphs.node import Attribute, Node
from nadoo_quantization.rewriter import Handler, Rewriter

FUNCTIONS = (
    "gelu", "leaky_relu", "hardswish", "hardsigmoid", "sigmoid", "log_sigmoid", "tanh", "silu", "mish", "softplus",
    "elu", "selu", "celu", "threshold", "hardshrink", "softshrink", "relu2", "xrelu", "xrelu6", "shifted_relu",
    "neg", "abs", "square", "exp", "sqrt", "erf", "sin", "cos", "atan",
)  # fmt: skip
WITH_NUMBER = ("add", "sub", "mul", "div", "power")
"""Operators of two operands that are functions of one number where the other is a constant."""


def admits_function(rewriter: Rewriter, node: Node) -> bool:
    """One operand of floating point that gives floating point."""
    operands = rewriter.before.operands(node.name)
    return (
        len(operands) == 1
        and rewriter.before[node.name].type.is_floating
        and rewriter.before.type(operands[0]).is_floating
    )


def rewrite_lookup(rewriter: Rewriter, node: Node) -> None:
    """The table of the function, from one grid to another."""
    source = rewriter.read_codes(node)
    settings: Attribute = tuple((name, value) for name, value in node.attributes.items())
    rewriter.become(
        node, "quantized_lookup", rewriter.output_grid(node), source.roles("input"), op=node.op, settings=settings
    )


HANDLERS = dict.fromkeys((*FUNCTIONS, *WITH_NUMBER), Handler(admits_function, rewrite_lookup, "quantized_lookup"))

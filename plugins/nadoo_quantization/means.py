"""Averages over windows and axes."""

from nadoo_graphs.node import Node
from nadoo_quantization.clamps import finish, output_of
from nadoo_quantization.rewriter import Handler, Rewriter

ROWS = ("avg_pool1d", "avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "mean")


def admits_mean(rewriter: Rewriter, node: Node) -> bool:
    """A mean that changes no dtype."""
    return node.attributes.get("dtype") is None and rewriter.before[node.name].type.is_floating


def rewrite_mean(rewriter: Rewriter, node: Node) -> None:
    """The sum of codes, divided as it is requantized."""
    source = rewriter.read_codes(node)
    grid, bounds, clamp = output_of(rewriter, node)
    made = rewriter.become(node, f"quantized_{node.op}", grid, source.roles("input"), **bounds)
    finish(rewriter, made, clamp)


HANDLERS = dict.fromkeys(ROWS, Handler(admits_mean, rewrite_mean))

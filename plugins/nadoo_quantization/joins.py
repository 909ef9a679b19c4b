"""Operators over two or more values of codes: sums, products, concatenation, matrix products."""

from nadoo_graphs.node import Node
from nadoo_graphs.values import Value
from nadoo_quantization.clamps import finish, output_of
from nadoo_quantization.rewriter import Handler, Rewriter

TWO = 2


def has_two_values(rewriter: Rewriter, node: Node) -> bool:
    """Whether both operands are values of the graph, of floating point."""
    operands = rewriter.before.operands(node.name)
    return len(operands) == TWO and all(rewriter.before.type(value).is_floating for value in operands)


def admits_add(rewriter: Rewriter, node: Node) -> bool:
    """Sums and differences without a factor."""
    factor = node.attributes.get("alpha", 1)
    return has_two_values(rewriter, node) and factor == 1 and not node.attributes.get("reversed", False)


def admits_matmul(rewriter: Rewriter, node: Node) -> bool:
    """Batched products of matrices."""
    return has_two_values(rewriter, node) and all(
        rewriter.before.type(value).rank >= TWO for value in rewriter.before.operands(node.name)
    )


def rewrite_add(rewriter: Rewriter, node: Node) -> None:
    """A sum of codes of two scales, with a clamp behind it if there is one."""
    first, second = (rewriter.read_codes(node, index) for index in range(TWO))
    grid, bounds, clamp = output_of(rewriter, node)
    tensors = {**first.roles("input"), **second.roles("other")}
    made = rewriter.become(node, "quantized_add", grid, tensors, subtract=node.op == "sub", **bounds)
    finish(rewriter, made, clamp)


def rewrite_product(rewriter: Rewriter, node: Node) -> None:
    """A product, element by element or of matrices."""
    first, second = (rewriter.read_codes(node, index) for index in range(TWO))
    grid, bounds, clamp = output_of(rewriter, node)
    tensors = {**first.roles("input"), **second.roles("other")}
    made = rewriter.become(node, f"quantized_{node.op}", grid, tensors, **bounds)
    finish(rewriter, made, clamp)


def rewrite_cat(rewriter: Rewriter, node: Node) -> None:
    """Codes of several scales beside each other on one grid that covers them all."""
    count = len(rewriter.graph.operands(node))
    grids = [rewriter.read_codes(node, index) for index in range(count)]
    tensors = {role: name for index, grid in enumerate(grids) for role, name in grid.numbered("input", index).items()}
    grid = rewriter.output_grid(node, cat_source(rewriter, node))
    rewriter.become(node, "quantized_cat", grid, tensors, count=count)


def cat_source(rewriter: Rewriter, node: Node) -> Value | None:
    """Where the range of a concatenation is known under its own name."""
    value = Value(node.name)
    if value not in rewriter.ranges:
        spans = [rewriter.span(rewriter.source(item)) for item in rewriter.before.operands(node.name)]
        low, high = min(span.low for span in spans), max(span.high for span in spans)
        rewriter.ranges = {**rewriter.ranges, value: type(spans[0])(low, high)}
    return value


def admits_cat(rewriter: Rewriter, node: Node) -> bool:
    """Values of floating point only."""
    return all(rewriter.before.type(value).is_floating for value in rewriter.before.operands(node.name))


HANDLERS = {
    "add": Handler(admits_add, rewrite_add),
    "sub": Handler(admits_add, rewrite_add, "quantized_add"),
    "mul": Handler(has_two_values, rewrite_product),
    "matmul": Handler(admits_matmul, rewrite_product),
    "cat": Handler(admits_cat, rewrite_cat),
}

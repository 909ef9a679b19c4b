"""Rectifiers that only clamp: fused into the row before them, or a clamp of codes."""

from nadoo_graphs.node import Node
from nadoo_graphs.values import Value
from nadoo_quantization.grids import Grid
from nadoo_quantization.rewriter import Handler, Rewriter

RELU6 = 6.0


def bounds_of(node: Node) -> tuple[float | None, float | None] | None:
    """The numbers that a node clamps to; None for what is no clamp."""
    if node.op == "relu":
        return 0.0, None
    if node.op == "relu6":
        return 0.0, RELU6
    names = {"hardtanh": ("min_val", "max_val"), "clamp": ("min", "max")}.get(node.op)
    if names is None:
        return None
    low, high = (node.attributes.get(name) for name in names)
    return (
        float(low) if isinstance(low, int | float) else None,
        float(high) if isinstance(high, int | float) else None,
    )


def code_bounds(node: Node, grid: Grid) -> dict[str, int | None]:
    """The codes that a clamp bounds to on a grid; a bound that the format has anyway is left out."""
    bounds = bounds_of(node)
    if bounds is None:
        return {}
    low, high = (None if bound is None else grid.code(bound) for bound in bounds)
    return {"minimum": low, "maximum": high}


def fused_clamp(rewriter: Rewriter, node: Node) -> Node | None:
    """The clamp that alone reads a node, which the node can do itself."""
    readers = rewriter.graph.consumers(node)
    if len(readers) != 1 or len(node.outputs) > 1:
        return None
    reader = readers[0][0]
    return reader if bounds_of(reader) is not None else None


def output_of(rewriter: Rewriter, node: Node) -> tuple[Grid, dict[str, int | None], Node | None]:
    """The output grid of a node that may do the work of a clamp behind it, with the bounds of its codes."""
    clamp = fused_clamp(rewriter, node)
    if clamp is None:
        return rewriter.output_grid(node), {}, None
    grid = rewriter.output_grid(node, Value(clamp.name))
    return grid, code_bounds(clamp, grid), clamp


def finish(rewriter: Rewriter, node: Node, clamp: Node | None) -> None:
    """Take out a clamp whose work a node does."""
    if clamp is not None:
        rewriter.absorb(node, clamp)


def rewrite_clamp(rewriter: Rewriter, node: Node) -> None:
    """A clamp of codes, on the grid that they have."""
    grid = rewriter.read_codes(node)
    bounds = code_bounds(node, grid)
    made = rewriter.graph.replace(
        node,
        "quantized_clamp",
        minimum=grid.codes.low if bounds["minimum"] is None else bounds["minimum"],
        maximum=grid.codes.high if bounds["maximum"] is None else bounds["maximum"],
    )
    rewriter.grids[Value(made.name)] = grid


CLAMP = Handler(lambda rewriter, node: bounds_of(node) is not None, rewrite_clamp, "quantized_clamp")
HANDLERS = dict.fromkeys(("relu", "relu6", "hardtanh", "clamp"), CLAMP)

"""What is moved in a graph before it is lowered, because it changes no bit and costs less elsewhere."""

from typing import Any

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.sizes import bind

POOLS = ("max_pool1d", "max_pool2d")


def prepared(graph: ModelGraph) -> ModelGraph:
    """The graph with relu-norms after the pools that read them: fewer numbers are shifted, and fewer are held."""
    pools = [node for node in graph.nodes(op=POOLS) if may_come_first(graph, node)]
    if not pools:
        return graph
    moved = graph.copy()
    for pool in pools:
        put_first(moved, moved[pool.name])
    return moved


def may_come_first(graph: ModelGraph, pool: Node) -> bool:
    """Whether a pool is all that reads a relu-norm, and the shift is fixed, or the largest number stays the largest."""
    norm = graph.producer(pool)
    if norm.op != "relu_norm" or len(graph.consumers(norm)) != 1 or norm.attributes["granularity"] == "token":
        return False
    return norm.attributes["shift"] is not None or sees_everything(pool, norm)


def sees_everything(pool: Node, norm: Node) -> bool:
    """Whether the windows of a pool leave no element out."""
    sizes: list[tuple[int, ...]] = [numbers(pool, name) for name in ("kernel_size", "stride", "padding", "dilation")]
    kernel, stride = sizes[0], sizes[1] or sizes[0]
    axes = len(kernel)
    given = [bind(size, {"N": 1}) for size in norm.type.shape[-axes:]]
    taken = [bind(size, {"N": 1}) for size in pool.type.shape[-axes:]]
    rows = zip(given, taken, kernel, stride, sizes[2], sizes[3], strict=True)
    return all(
        dilation == 1 and step <= width and (count - 1) * step + width - margin >= size
        for size, count, width, step, margin, dilation in rows
    )


def numbers(node: Node, name: str) -> tuple[int, ...]:
    """An attribute that is a list of numbers."""
    value: Any = node.attributes[name]
    return tuple(int(item) for item in value)


def put_first(graph: ModelGraph, pool: Node) -> None:
    """Exchange a pool and the relu-norm that it reads; both keep their names."""
    norm = graph.producer(pool)
    source, readers = graph.operand(norm), graph.consumers(pool)
    names = norm.name, pool.name
    pooling: dict[str, Any] = dict(pool.attributes)
    shifting: dict[str, Any] = dict(norm.attributes)
    with graph.edit():
        graph.rename(norm, f"{norm.name}.before")
        graph.rename(pool, f"{pool.name}.before")
        first = graph.add(pool.op, [source], name=names[1], origin=pool.origin, **pooling)
        second = graph.add(norm.op, [first], name=names[0], origin=norm.origin, **shifting)
        for reader, operand in readers:
            graph.rewire(reader.name, operand, second)
        graph.remove(f"{names[1]}.before")
        graph.remove(f"{names[0]}.before")

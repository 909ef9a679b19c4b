"""Blocks that could be left out: parts of a graph through which everything goes, with one type at both ends.

Where types differ, a projection can take the place of a block that is more work.
"""

from collections.abc import Iterable, Iterator, Sequence

import networkx as nx
from attrs import frozen
from torch import Tensor

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, OUTPUT, Node
from nadoo_graphs.sizes import Size, bind, size_product, symbols_of
from nadoo_graphs.values import Value
from nadoo_pruning.projections import Projection


@frozen
class Block:
    """What lies between two values of one type: readers of the second could read the first instead.

    `nodes` have weights, and `layers` of them have work.
    """

    start: Value
    end: Value
    nodes: tuple[str, ...]
    layers: int
    weights: frozenset[str]
    residual: bool
    projection: Projection | None = None

    @property
    def name(self) -> str:
        """The nodes with weights, from the first to the last."""
        return self.nodes[0] if len(self.nodes) == 1 else f"{self.nodes[0]} … {self.nodes[-1]}"


def find_blocks(graph: ModelGraph, *, projected: bool = False) -> tuple[Block, ...]:
    """Every block with weights and work, the smallest ones, each set of weights once, preferably with its addition.

    A norm alone is no block: without it the network has as much work as before.
    """
    flow = data_flow(graph)
    above = dominators(graph, flow)
    found: dict[frozenset[str], Block] = {}
    for node in graph.nodes():
        starts = chain(above, node.name) if node.name in above else iter(())
        block = nearest_block(graph, flow, starts, node, projected=projected)
        if block is not None and (block.residual or block.weights not in found):
            found[block.weights] = block
    return tuple(found.values())


def is_part(block: Block, blocks: Sequence[Block], most: float) -> bool:
    """Whether a block is a part of the network and not nearly all of it: it has at most so many layers.

    What an addition skips may have more, where no other block that an addition skips lies inside of it.
    """
    if block.layers <= most:
        return True
    return block.residual and not any(item.residual and set(item.nodes) < set(block.nodes) for item in blocks)


def layers_of(graph: ModelGraph, nodes: Iterable[Node]) -> int:
    """How many of some nodes have weights and work."""
    return sum(has_weights(graph, node) and work_of(graph, [node]) > 0 for node in nodes)


def data_flow(graph: ModelGraph) -> "nx.DiGraph[str]":
    """The nodes that the inputs reach; constants and tensors beside them are no way in."""
    names: set[str] = set()
    for node in graph.inputs:
        names |= {node.name, *nx.descendants(graph.nx, node.name)}
    return nx.DiGraph(graph.nx.subgraph(names))


def dominators(graph: ModelGraph, flow: "nx.DiGraph[str]") -> dict[str, str]:
    """For every node the last one before it that all ways from the inputs go through."""
    root = ""
    rooted = flow.copy()
    rooted.add_edges_from((root, node.name) for node in graph.inputs)
    found = nx.immediate_dominators(rooted, root)
    return {name: parent for name, parent in found.items() if name != root and parent not in {root, name}}


def nearest_block(
    graph: ModelGraph, flow: "nx.DiGraph[str]", starts: Iterator[str], node: Node, *, projected: bool
) -> Block | None:
    """The smallest block with weights and work that ends at a node; not of codes, which have a scale at each end."""
    if node.op in {INPUT, OUTPUT} or len(node.outputs) != 1 or node.type.format is not None:
        return None
    for start in starts:
        source = graph[start]
        if len(source.outputs) != 1 or (source.outputs != node.outputs and not projected):
            continue
        between = nx.ancestors(flow, node.name) & nx.descendants(flow, start) | {node.name}
        inner = [item for item in graph.nodes() if item.name in between]
        working = tuple(item.name for item in inner if has_weights(graph, item))
        work = work_of(graph, inner)
        if not working or not work or not is_closed(graph, between, node):
            continue
        projection = None
        if source.outputs != node.outputs:
            projection = Projection.between(source.type, node.type, graph[working[-1]])
            if projection is None or projection.work(source.type, elements(node)) >= work:
                continue
        weights = frozenset(name for item in inner for name in item.tensors.values())
        skipped = projection is not None or start in {value.node for value in graph.operands(node)}
        residual, layers = node.op == "add" and skipped, layers_of(graph, inner)
        return Block(Value(start), Value(node.name), working, layers, weights, residual, projection)
    return None


def chain(above: dict[str, str], name: str) -> Iterator[str]:
    """The dominators of a node, the nearest first."""
    while name in above:
        name = above[name]
        yield name


def has_weights(graph: ModelGraph, node: Node) -> bool:
    """Whether a node has parameters."""
    return any(graph.tensors[name].role == "parameter" for name in node.tensors.values())


def is_closed(graph: ModelGraph, between: set[str], end: Node) -> bool:
    """Whether nobody outside reads anything of a block but its end, so that all of it goes."""
    others = between - {end.name}
    return all(reader.name in between for name in others for reader, _ in graph.consumers(name))


def work_of(graph: ModelGraph, nodes: Iterable[Node]) -> int:
    """The multiply-accumulates of some nodes for one example."""
    counts = [graph.ops[node.op].macs(graph.call(node), node.outputs) for node in nodes]
    return sum(for_one(size) for size in counts)


def elements(node: Node) -> int:
    """The numbers that a node gives for one example."""
    return for_one(size_product(node.type.shape))


def for_one(size: Size) -> int:
    """A size where every symbol is 1."""
    return bind(size, dict.fromkeys(symbols_of(size), 1))


def remove_block(graph: ModelGraph, block: Block, inputs: Tensor) -> None:
    """Let the readers of a block read what it reads, or a projection of that; remove what nobody needs any more."""
    with graph.edit():
        source, projection = block.start, block.projection
        if projection is not None:
            source = projection.put(graph, source, block.end, f"{block.nodes[0]}.projection", inputs)
        for reader, operand in graph.consumers(block.end):
            graph.rewire(reader, operand, source)
        graph.remove_dead()

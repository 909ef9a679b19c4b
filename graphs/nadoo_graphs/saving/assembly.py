"""From the values of a document to a graph, and the rules that only a graph from elsewhere can break.

Nodes are put in as they are declared, without inference, so that whatever is wrong with them is found by the same
verification as for any graph, and reported with everything else.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, Attribute, Node
from nadoo_graphs.ops import OpTable
from nadoo_graphs.ops.structure import OPAQUE
from nadoo_graphs.saving.document import GraphDocument
from nadoo_graphs.saving.opaque import opaque_problems
from nadoo_graphs.sizes import Symbolic, symbols_of
from nadoo_graphs.store import where

if TYPE_CHECKING:
    from nadoo_graphs.tensors import TensorRecord


def name_problems(document: GraphDocument) -> list[Problem]:
    """Names that are defined twice or never: a graph cannot even be put together with them."""
    nodes = Counter(node.name for node, _ in document.nodes)
    found = [
        Problem(Code.NAME, f"node {name!r}", f"is defined {count} times; rename all but one")
        for name, count in nodes.items()
        if count > 1
    ]
    for node, operands in document.nodes:
        undefined = sorted({value.node for value in operands if value.node not in nodes})
        found.extend(Problem(Code.NAME, where(node), f"reads {name!r}, which no node is called") for name in undefined)
    return [*found, *state_problems(document)]


def state_problems(document: GraphDocument) -> list[Problem]:
    """A state dict has every tensor and every tied name once, the tied name after its tensor."""
    tensors = {entry.stored.name for entry in document.tensors}
    if tensors & set(document.aliases):
        twice = ", ".join(map(repr, sorted(tensors & set(document.aliases))))
        return [Problem(Code.NAME, "aliases", f"{twice} are tensors and tied names; only one of them is allowed")]
    if Counter(document.state_order) != Counter([*tensors, *document.aliases]):
        return [Problem(Code.NAME, "state_order", "must list every tensor and every tied name exactly once")]
    positions = {name: index for index, name in enumerate(document.state_order)}
    return [
        Problem(Code.NAME, f"tensor {alias!r}", f"is tied to {holder!r}, which must be a tensor that is listed before")
        for alias, holder in document.aliases.items()
        if holder not in tensors or positions[holder] > positions[alias]
    ]


def assemble(document: GraphDocument, records: "Mapping[str, TensorRecord]", ops: OpTable) -> ModelGraph:
    """The graph that a document without name problems describes, not verified yet."""
    graph = ModelGraph(document.name, ops)
    graph.contract = document.contract
    tensors = {name: records.get(name, document.aliases.get(name, name)) for name in document.state_order}
    graph.assemble(tensors, [(in_row_order(node, ops), operands) for node, operands in document.nodes])
    return graph


def in_row_order(node: Node, ops: OpTable) -> Node:
    """The node with attributes and tensors in the order of its row, which a canonical document does not keep."""
    if node.op not in ops or ops[node.op].problems(node.name, node.attributes):
        return node
    row = ops[node.op]
    roles = {role.name: node.tensors[role.name] for role in row.roles_of(node.attributes) if role.name in node.tensors}
    return evolve(node, attributes=row.complete(node.attributes), tensors={**roles, **node.tensors})


def graph_problems(graph: ModelGraph, document: GraphDocument, operators: Collection[str]) -> list[Problem]:
    """Everything that is wrong with an assembled graph, by verification and by the rules of this module."""
    checks: tuple[Callable[[], Iterable[Problem]], ...] = (
        graph.violations,
        lambda: order_problems(graph, document),
        lambda: opaque_problems(graph, operators),
        lambda: border_problems(graph),
    )
    return [problem for check in checks for problem in guarded(check)]


def guarded(check: Callable[[], Iterable[Problem]]) -> list[Problem]:
    """The findings of a check; a row that stumbles over values that no sane graph has makes a problem, not a crash."""
    try:
        return list(check())
    except GraphError as error:
        return list(error.problems)
    except Exception as error:  # rows come from plugins: whatever they raise, the graph is refused
        message = f"cannot be checked ({type(error).__name__}: {error}); save it again, or repair the row it names"
        return [Problem(Code.SCHEMA, "graph", message)]


def order_problems(graph: ModelGraph, document: GraphDocument) -> Iterator[Problem]:
    """Nodes stand in order of execution, so that the same graph is always the same bytes."""
    listed = [node.name for node, _ in document.nodes]
    positions = {name: index for index, name in enumerate(listed)}
    late = [
        Problem(Code.SCHEMA, where(node), f"stands before {value.node!r}, which it reads; list it after that node")
        for node, operands in document.nodes
        for value in operands
        if positions[value.node] > positions[node.name]
    ]
    if late and not has_cycle(graph):
        yield from late
    elif not late and graph.order() != tuple(listed):
        yield Problem(Code.SCHEMA, "graph", "the output node must be the last of the list; move it there")


def has_cycle(graph: ModelGraph) -> bool:
    """Whether the nodes cannot be ordered at all."""
    try:
        graph.order()
    except GraphError:
        return True
    return False


def border_problems(graph: ModelGraph) -> Iterator[Problem]:
    """Symbols that nothing introduces, and structures that do not hold as many tensors as the graph has."""
    known = {name for node in graph.nodes() if node.op in {INPUT, OPAQUE} for name in node_symbols(node)}
    for node in graph.nodes():
        for name in sorted(node_symbols(node) - known):
            message = f"symbol {name!r} comes from no input and no opaque operator; bind it or add it to an input"
            yield Problem(Code.SYMBOL, where(node), message)
    yield from structure_problems(graph)


def structure_problems(graph: ModelGraph) -> Iterator[Problem]:
    """The structure of the results says how many values come out."""
    results = graph.contract.results
    if results is not None and results.leaves() != len(graph.outputs):
        message = f"results hold {results.leaves()} tensors, but the graph returns {len(graph.outputs)}"
        yield Problem(Code.OUTPUT, "contract", f"{message}; they must be equal")


def node_symbols(node: Node) -> set[str]:
    """The symbols in a node's types and attributes."""
    sizes = [size for item in node.outputs for size in item.shape]
    return {name for size in [*sizes, *attribute_sizes(node)] for name in symbols_of(size)}


def attribute_sizes(node: Node) -> Iterator[Symbolic]:
    """The symbolic sizes in a node's attributes, however deep."""
    pending: list[Attribute] = list(node.attributes.values())
    while pending:
        value = pending.pop()
        if isinstance(value, tuple):
            pending.extend(value)
        elif isinstance(value, Symbolic):
            yield value


__all__ = ["assemble", "graph_problems", "has_cycle", "name_problems"]

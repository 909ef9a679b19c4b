"""Every planted violation is caught by `verify`, alone and together with all others."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import networkx as nx
import pytest
import torch
from attrs import evolve
from hypothesis import given

from nadoo_graphs.contract import Contract, InputContract, sequence
from nadoo_graphs.errors import Code, InvalidGraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.ops import Call, Op
from nadoo_graphs.values import Value, ValueType, value_type
from tests.graphs.random_graphs import graphs, weight
from tests.graphs.small_ops import small_ops
from tests.graphs.test_graph import fastest

Plant = Callable[[ModelGraph], None]


def strange(call: Call) -> tuple[ValueType, ...]:
    return (evolve(call.operand, dtype="float31"),)


def sound() -> ModelGraph:
    """x → fc → relu → add(relu, x) → output, and a chunk beside them."""
    table = small_ops().with_rows([Op(name="strange", summary="Gives a dtype that is none.", infer=strange)])
    graph = ModelGraph("sound", table)
    x = graph.add_input("x", ("N", 4))
    hidden = graph.add("linear", [x], name="fc", tensors={"weight": weight(1, 4, 4)})
    total = graph.add("add", [graph.add("relu", [hidden]), x])
    graph.add("chunk", [total])
    graph.set_outputs([total, Value("chunk", 1)])
    graph.tie_tensor("tied", "fc.weight")
    return graph


def put(graph: ModelGraph, node: Node) -> None:
    """Put a node into the wiring behind the graph's back."""
    nx.MultiDiGraph.add_node(graph.nx, node.name, node=node)


def connect(graph: ModelGraph, source: str, reader: str, operand: int, output: int = 0, key: Any = None) -> None:
    """Add an edge behind the graph's back."""
    place = operand if key is None else key
    nx.MultiDiGraph.add_edge(graph.nx, source, reader, key=place, output=output, operand=operand)


def disconnect(graph: ModelGraph, source: str, reader: str, operand: int) -> None:
    nx.MultiDiGraph.remove_edge(graph.nx, source, reader, key=operand)


def cycle(graph: ModelGraph) -> None:
    disconnect(graph, "x", "add", 1)
    connect(graph, "chunk", "add", 1)


def cycle_of_one(graph: ModelGraph) -> None:
    disconnect(graph, "fc", "relu", 0)
    connect(graph, "relu", "relu", 0)


def changed(name: str, **fields: Any) -> Plant:
    return lambda graph: put(graph, evolve(graph[name], **fields))


def typed(shape: tuple[int | str, ...], dtype: str = "float32") -> tuple[ValueType, ...]:
    return (value_type(shape, dtype),)


def contracted(*inputs: InputContract, **fields: Any) -> Plant:
    return lambda graph: setattr(graph, "contract", Contract(inputs, **fields))


def tensorless(graph: ModelGraph) -> None:
    graph._tensors._records.clear()


def second_output(graph: ModelGraph) -> None:
    put(graph, Node("other output", "output"))
    connect(graph, "fc", "other output", 0)


def nothing_returned(graph: ModelGraph) -> None:
    disconnect(graph, "add", "output", 0)
    disconnect(graph, "chunk", "output", 1)


X = InputContract("x", value_type(("N", 4)))

PLANTS: Mapping[str, tuple[Plant, Code, str]] = {
    "cycle": (cycle, Code.CYCLE, r"graph: add → chunk → add depends on itself"),
    "cycle of one node": (cycle_of_one, Code.CYCLE, r"graph: relu → relu depends on itself"),
    "dangling edge from nowhere": (
        lambda g: connect(g, "nowhere", "relu", 1),
        Code.NAME,
        "node 'nowhere': an edge leads here, but no node was added",
    ),
    "dangling edge to nowhere": (
        lambda g: connect(g, "relu", "nowhere", 0),
        Code.NAME,
        "node 'nowhere': an edge leads here, but no node was added",
    ),
    "node under another name": (
        lambda g: nx.MultiDiGraph.add_node(g.nx, "alias", node=g["fc"]),
        Code.NAME,
        "node 'alias': holds a node called 'fc'",
    ),
    "duplicate operand": (
        lambda g: connect(g, "fc", "add", 1),
        Code.NAME,
        r"node 'add' \(add\): operand 1 is given 2 times",
    ),
    "duplicate operand from the same node": (
        lambda g: connect(g, "x", "add", 1, key=7),
        Code.NAME,
        "operand 1 is given 2 times",
    ),
    "gap in the operands": (
        lambda g: connect(g, "fc", "output", 5),
        Code.SCHEMA,
        "operand 2 is missing, operand 5 is there",
    ),
    "edge under another key": (
        lambda g: connect(g, "fc", "output", 2, key="third"),
        Code.SCHEMA,
        "edge 'fc' → 'output': has key 'third' for operand 2",
    ),
    "edge without data": (
        lambda g: nx.MultiDiGraph.add_edge(g.nx, "fc", "output", key=2),
        Code.SCHEMA,
        "edge 'fc' → 'output': has data",
    ),
    "wrong output index": (
        lambda g: connect(g, "fc", "output", 2, output=3),
        Code.NAME,
        "reads output 3 of 'fc', which has 1",
    ),
    "negative output index": (lambda g: connect(g, "fc", "output", 2, -1), Code.NAME, "reads output -1 of 'fc'"),
    "wrong shape": (changed("fc", outputs=typed(("N", 9))), Code.SHAPE, "is declared float32.N, 9."),
    "wrong dtype": (changed("fc", outputs=typed(("N", 4), "float16")), Code.DTYPE, "is declared float16"),
    "unknown dtype": (changed("x", outputs=typed(("N", 4), "float7")), Code.DTYPE, "dtype 'float7' is unknown"),
    "operands that do not fit": (
        changed("x", outputs=typed(("N", 5))),
        Code.SHAPE,
        r"node 'fc' \(linear\): takes 4 features, its operand has 5",
    ),
    "missing tensor": (
        changed("fc", tensors={"weight": "lost"}),
        Code.NAME,
        r"tensor 'lost' \(weight\) is not in the graph",
    ),
    "tensors that are gone": (tensorless, Code.NAME, r"tensor 'fc.weight' \(weight\) is not in the graph"),
    "tensor that is not given": (changed("fc", tensors={}), Code.SCHEMA, "tensor 'weight' is missing"),
    "unknown tensor role": (
        changed("fc", tensors={"weight": "fc.weight", "wieght": "fc.weight"}),
        Code.UNKNOWN,
        "has no tensor 'wieght'; allowed: weight, bias",
    ),
    "too few operands": (
        lambda g: disconnect(g, "x", "add", 1),
        Code.SCHEMA,
        r"node 'add' \(add\): has 1 operands; allowed: 2",
    ),
    "too many operands": (lambda g: connect(g, "x", "relu", 1), Code.SCHEMA, "has 2 operands; allowed: 1"),
    "unknown operator": (changed("relu", op="rleu"), Code.UNKNOWN, "operator 'rleu' has no row"),
    "unknown attribute": (changed("relu", attributes={"slope": 1}), Code.UNKNOWN, "unknown attribute 'slope'"),
    "missing attribute": (changed("chunk", attributes={}), Code.SCHEMA, "attribute 'parts' is missing"),
    "attribute of a wrong kind": (changed("chunk", attributes={"parts": True}), Code.SCHEMA, "'parts' is True"),
    "too many outputs": (
        lambda g: put(g, evolve(g["chunk"], outputs=g["chunk"].outputs * 2)),
        Code.OUTPUT,
        "declares 4 outputs, but 2 follow",
    ),
    "no output": (lambda g: nx.MultiDiGraph.remove_node(g.nx, "output"), Code.OUTPUT, "has 0 output nodes"),
    "two outputs": (second_output, Code.OUTPUT, "has 2 output nodes"),
    "output of nothing": (
        nothing_returned,
        Code.OUTPUT,
        "nothing is returned",
    ),
    "input of no type": (changed("x", outputs=()), Code.SHAPE, "declares 0 types"),
    "contract with other names": (contracted(evolve(X, name="y")), Code.NAME, r"names inputs \['y'\]"),
    "contract with another type": (
        contracted(evolve(X, type=value_type(("N", 9)))),
        Code.SHAPE,
        r"the contract says float32\[N, 9\], the node float32\[N, 4\]",
    ),
    "contract with too many arguments": (
        contracted(X, arguments=sequence(2)),
        Code.NAME,
        "its arguments hold 2 tensors, the graph has 1 inputs",
    ),
    "alias to nothing": (
        lambda g: g._tensors._aliases.update(tied="lost"),
        Code.NAME,
        "tensor 'tied': is tied to 'lost', which is not in the graph",
    ),
    "name without a place in the state dict": (
        lambda g: g._tensors._order.remove("tied"),
        Code.NAME,
        "state order: does not list every tensor name exactly once",
    ),
}  # fmt: skip


def test_a_sound_graph_has_no_violations() -> None:
    sound().verify()
    assert sound().violations() == ()


@pytest.mark.parametrize("case", PLANTS)
def test_a_planted_violation_is_caught(case: str) -> None:
    plant, code, message = PLANTS[case]
    graph = sound()
    graph.order()
    plant(graph)
    with pytest.raises(InvalidGraphError, match=message) as caught:
        graph.verify()
    assert any(problem.code is code for problem in caught.value.problems)
    assert caught.value.problems == graph.violations()


def test_a_graph_with_a_cycle_has_no_order() -> None:
    graph = sound()
    cycle_of_one(graph)
    with pytest.raises(InvalidGraphError, match="relu → relu depends on itself"):
        graph.order()


def test_two_cycles_are_two_problems() -> None:
    graph = sound()
    cycle(graph)
    cycle_of_one(graph)
    found = [problem for problem in graph.violations() if problem.code is Code.CYCLE]
    assert len(found) == 2


def test_a_dtype_that_no_table_knows_is_caught_where_it_comes_from_a_row() -> None:
    graph = sound()
    graph.insert_after("relu", "tanh", name="odd")
    changed("odd", op="strange", outputs=typed(("N", 4), "float31"))(graph)
    assert "dtype 'float31' is unknown" in "\n".join(map(str, graph.violations()))


def test_all_violations_are_found_at_once() -> None:
    """Plants that do not hide one another: each one's message is in the same report."""
    graph = sound()
    together = [
        "dangling edge from nowhere", "node under another name", "edge under another key", "wrong output index",
        "wrong dtype", "missing attribute", "alias to nothing", "contract with other names",
        "contract with too many arguments",
    ]  # fmt: skip
    for case in together[:-2]:
        PLANTS[case][0](graph)
    contracted(evolve(X, name="y"), arguments=sequence(2))(graph)
    report = "\n".join(map(str, graph.violations()))
    assert [case for case in together if not re.search(PLANTS[case][2], report)] == []


@given(graphs)
def test_the_report_is_the_same_each_time(graph: ModelGraph) -> None:
    """Violations come sorted, so equal graphs give equal reports, whatever order they were built in."""
    for node in graph.nodes(op=("relu", "linear")):
        put(graph, evolve(node, attributes={"odd": 1}, outputs=()))
    report = graph.violations()
    assert report == graph.copy().violations()
    assert bool(report) == bool(graph.nodes(op=("relu", "linear")))


def test_a_graph_of_two_hundred_nodes_is_verified_at_once() -> None:
    graph = ModelGraph(ops=small_ops())
    value = graph.add_input("x", ("N", 4))
    for _ in range(66):
        hidden = graph.add("relu", [graph.add("linear", [value], tensors={"weight": torch.ones(4, 4)})])
        value = graph.add("add", [hidden, value])
    graph.set_outputs([value])
    assert len(graph) == 200
    assert fastest(graph.verify) < 0.05

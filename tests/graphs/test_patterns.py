"""Patterns: what fits is found, what escapes is refused with a reason, and nothing else is ever matched."""

from collections.abc import Iterator, Mapping
from itertools import permutations, product

import networkx as nx
import pytest
import torch
from hypothesis import given, strategies

from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.matching import Match, NodePart, Part, ValuePart
from nadoo_graphs.node import Node
from nadoo_graphs.patterns import Pattern
from nadoo_graphs.values import Value
from tests.graphs.random_graphs import build, positions, steps
from tests.graphs.small_ops import small_ops


def started() -> tuple[ModelGraph, Value]:
    graph = ModelGraph(ops=small_ops())
    return graph, graph.add_input("x", ("N", 4))


def layer(graph: ModelGraph, value: Value, name: str, scale: float = 1.0) -> Value:
    return graph.add("linear", [value], name=name, tensors={"weight": torch.eye(4) * scale})


def linear_then_relu(**options: bool) -> Pattern:
    pattern = Pattern()
    linear = pattern.node("linear", op="linear", operands=[pattern.any("x")], **options)
    pattern.node("active", op=("relu", "tanh"), operands=[linear])
    return pattern


def names(match: Match) -> dict[str, str]:
    return {part: node.name for part, node in match.nodes.items()} | {
        part: str(value) for part, value in match.values.items()
    }


def test_a_chain_is_found_wherever_it_stands_in_order_of_execution() -> None:
    graph, x = started()
    first = graph.add("relu", [layer(graph, x, "a")], name="b")
    graph.set_outputs([graph.add("tanh", [layer(graph, first, "c")], name="d")])
    found = linear_then_relu().matches(graph)
    assert [names(match) for match in found] == [
        {"x": "x", "linear": "a", "active": "b"},
        {"x": "b", "linear": "c", "active": "d"},
    ]


def test_a_match_gives_nodes_and_values_by_the_names_of_the_pattern() -> None:
    graph, x = started()
    graph.set_outputs([graph.add("relu", [layer(graph, x, "a")])])
    (match,) = linear_then_relu().matches(graph)
    assert match["linear"] is graph["a"] is match.node("linear")
    assert match["x"] == Value("x") == match.value("x")
    assert match.value("active") == Value("relu")
    with pytest.raises(GraphError, match=r"part 'lienar': the pattern has no such part; it has linear, active"):
        match.node("lienar")
    with pytest.raises(GraphError, match="it has linear, active, x"):
        _ = match["y"]


@pytest.mark.parametrize("reader", ["another node", "the graph"])
def test_a_value_that_is_also_read_outside_is_refused_unless_it_may_escape(reader: str) -> None:
    graph, x = started()
    hidden = layer(graph, x, "a")
    active = graph.add("relu", [hidden])
    more = graph.add("scale", [hidden]) if reader == "another node" else hidden
    graph.set_outputs([active, more])
    assert linear_then_relu().matches(graph) == ()
    (reason,) = linear_then_relu().explain(graph, "relu")
    outside = "also read by 'scale'" if reader == "another node" else "also returned by the graph"
    assert reason == f"'linear': node 'a' is {outside}"
    assert len(linear_then_relu(escapes=True).matches(graph)) == 1
    assert linear_then_relu(escapes=True).explain(graph, "relu") == ()


def test_the_last_node_may_be_read_by_anyone() -> None:
    graph, x = started()
    active = graph.add("relu", [layer(graph, x, "a")])
    graph.set_outputs([active, graph.add("add", [active, active])])
    assert len(linear_then_relu().matches(graph)) == 1


def commuting(op: str) -> Pattern:
    pattern = Pattern()
    x = pattern.any("x")
    left = pattern.node("left", op="relu", operands=[x])
    pattern.node("sum", op=op, operands=[left, x])
    return pattern


@pytest.mark.parametrize(("op", "turned", "count"), [("add", 1, 1), ("add", 0, 1), ("sub", 1, 0), ("sub", 0, 1)])
def test_only_commutative_operators_match_in_either_order(op: str, turned: int, count: int) -> None:
    graph, x = started()
    active = graph.add("relu", [x])
    graph.set_outputs([graph.add(op, [x, active] if turned else [active, x])])
    assert len(commuting(op).matches(graph)) == count


def test_a_value_met_twice_must_be_the_same() -> None:
    graph, x = started()
    y = graph.add_input("y", ("N", 4))
    graph.set_outputs([graph.add("add", [graph.add("relu", [x]), y], name="sum")])
    assert commuting("add").matches(graph) == ()
    assert "'x' is 'x' already, here it would be 'y'" in commuting("add").explain(graph, "sum")


def test_a_node_squared_is_found_and_a_product_of_two_is_not() -> None:
    pattern = Pattern()
    base = pattern.node("base", op="tanh")
    pattern.node("square", op="mul", operands=[base, base])
    graph, x = started()
    one, two = graph.add("tanh", [x], name="one"), graph.add("tanh", [x], name="two")
    squared = graph.add("mul", [one, one], name="squared")
    third = graph.add("tanh", [two], name="third")
    graph.set_outputs([squared, graph.add("mul", [two, third], name="mixed")])
    assert [names(match) for match in pattern.matches(graph)] == [{"base": "one", "square": "squared"}]


def test_a_diamond_is_found() -> None:
    pattern = Pattern()
    top = pattern.node("top", op="linear")
    left = pattern.node("left", op="relu", operands=[top])
    right = pattern.node("right", op="tanh", operands=[top])
    pattern.node("bottom", op="add", operands=[left, right])
    graph, x = started()
    hidden = layer(graph, x, "a")
    graph.set_outputs([graph.add("add", [graph.add("tanh", [hidden]), graph.add("relu", [hidden])])])
    (match,) = pattern.matches(graph)
    assert names(match) == {"top": "a", "left": "relu", "right": "tanh", "bottom": "add"}


def test_two_parts_are_two_nodes() -> None:
    pattern = Pattern()
    x = pattern.any("x")
    one, two = pattern.node("one", op="relu", operands=[x]), pattern.node("two", op="relu", operands=[x])
    pattern.node("sum", op="add", operands=[one, two])
    graph, y = started()
    active = graph.add("relu", [y])
    graph.set_outputs([graph.add("add", [active, active])])
    assert pattern.matches(graph) == ()
    assert "'two': node 'relu' is 'one' already" in pattern.explain(graph, "add")


def test_outputs_of_one_node_are_told_apart() -> None:
    pattern = Pattern()
    parts = pattern.node("parts", op="chunk")
    left = pattern.node("left", op="relu", operands=[parts])
    pattern.node("gate", op="sub", operands=[left, Value("parts", 1)])
    for outputs, count in [((0, 1), 1), ((1, 0), 0), ((0, 0), 0)]:
        graph, x = started()
        graph.add("chunk", [x])
        active = graph.add("relu", [Value("chunk", outputs[0])])
        graph.set_outputs([graph.add("sub", [active, Value("chunk", outputs[1])])])
        assert len(pattern.matches(graph)) == count


def test_several_ends_are_found_together() -> None:
    pattern = Pattern()
    x = pattern.any("x")
    pattern.node("query", op="linear", operands=[x])
    pattern.node("key", op="linear", operands=[x])
    pattern.node("value", op="tanh", operands=[x])
    graph, x = started()
    outputs = [layer(graph, x, "q"), layer(graph, x, "k"), graph.add("tanh", [x], name="v")]
    graph.set_outputs(outputs)
    (match,) = pattern.matches(graph)
    assert names(match) == {"x": "x", "query": "q", "key": "k", "value": "v"}
    assert len(pattern.matches(graph, overlapping=True)) == 2
    graph.set_outputs(outputs[:2])
    graph.remove_dead()
    assert pattern.explain(graph, "q") == (
        "'key': node 'q' is 'query' already",
        "'value': node 'q' is linear; allowed: tanh",
        "'value': node 'k' is linear; allowed: tanh",
    )


def test_tests_look_at_nodes_types_and_tensors() -> None:
    pattern = Pattern()
    wide = pattern.any("x", where=lambda found: found.shape[-1] == 4)
    zero = pattern.node("zero", op="linear", operands=[wide], tensors={"weight": lambda weight: not weight.any()})
    pattern.node("scaled", op="scale", operands=[zero], where=lambda node: node.attributes["factor"] == 2)
    graph, x = started()
    outputs = [
        graph.add("scale", [layer(graph, x, f"fc{index}", weight)], name=f"s{index}", factor=factor)
        for index, (weight, factor) in enumerate([(0.0, 2.0), (1.0, 2.0), (0.0, 3.0)])
    ]
    graph.set_outputs(outputs)
    assert [match.node("scaled").name for match in pattern.matches(graph)] == ["s0"]
    assert pattern.explain(graph, "s1") == ("'zero': tensor 'fc1.weight' (weight) of 'fc1' is refused by its test",)
    assert pattern.explain(graph, "s2") == ("'scaled': node 's2' is refused by its test",)


def test_a_type_that_does_not_fit_is_explained() -> None:
    pattern = Pattern()
    pattern.node("active", op="relu", operands=[pattern.any("x", where=lambda found: found.rank == 4)])
    graph, x = started()
    graph.set_outputs([graph.add("relu", [x])])
    assert pattern.explain(graph, "relu") == ("'x': value 'x' is float32[N, 4], refused by its test",)


def test_other_near_matches_are_explained() -> None:
    pattern = Pattern()
    biased = pattern.node("biased", op="linear", operands=[pattern.any("x")], tensors={"bias": lambda bias: True})
    pattern.node("end", op=("relu", "cat"), operands=[biased])
    graph, x = started()
    hidden = layer(graph, x, "fc")
    graph.set_outputs([graph.add("relu", [hidden]), graph.add("cat", [hidden, x]), graph.add("tanh", [x])])
    assert pattern.explain(graph, "relu") == ("'biased': node 'fc' has no tensor 'bias'",)
    assert pattern.explain(graph, "cat") == ("'end': node 'cat' has 2 operands; allowed: 1",)
    assert pattern.explain(graph, graph["tanh"]) == ("'end': node 'tanh' is tanh; allowed: relu or cat",)


def test_a_value_from_outside_is_not_made_inside() -> None:
    """Else a rewrite would feed the new node with what it has just taken out."""
    pattern = Pattern()
    one = pattern.node("one", op="relu")
    pattern.node("sum", op="add", operands=[one, pattern.any("other")])
    graph, x = started()
    active = graph.add("relu", [x])
    graph.set_outputs([graph.add("add", [active, active])])
    assert pattern.matches(graph) == ()
    assert pattern.explain(graph, "add") == ("'other': value 'relu' is made inside of the match",)


def test_matches_share_no_node_unless_they_may() -> None:
    pattern = Pattern()
    first = pattern.node("first", op="relu", operands=[pattern.any("x")])
    pattern.node("second", op="relu", operands=[first])
    graph, x = started()
    for index in range(4):
        x = graph.add("relu", [x], name=f"r{index}")
    graph.set_outputs([x])
    assert [match.node("second").name for match in pattern.matches(graph)] == ["r1", "r3"]
    every = pattern.matches(graph, overlapping=True)
    assert [match.node("second").name for match in every] == ["r1", "r2", "r3"]


def test_a_node_that_escapes_may_serve_two_matches() -> None:
    graph, x = started()
    hidden = layer(graph, x, "a")
    graph.set_outputs([graph.add("relu", [hidden]), graph.add("tanh", [hidden])])
    found = linear_then_relu(escapes=True).matches(graph)
    assert [match.node("active").name for match in found] == ["relu", "tanh"]


def test_an_output_can_be_part_of_a_pattern() -> None:
    pattern = Pattern()
    last = pattern.node("last", op="relu")
    pattern.node("output", op="output", operands=[last])
    graph, x = started()
    graph.set_outputs([graph.add("relu", [x])])
    assert [match.node("last").name for match in pattern.matches(graph)] == ["relu"]


def test_a_pattern_is_a_networkx_graph() -> None:
    pattern = commuting("add")
    assert nx.dag_longest_path(pattern.nx) == ["x", "left", "sum"]
    assert pattern.nx.edges["x", "sum", 1] == {"output": 0, "operand": 1}
    assert nx.is_frozen(pattern.nx)
    assert [part.name for part in pattern.parts] == ["x", "left", "sum"]


def test_a_pattern_with_mistakes_is_refused() -> None:
    pattern = Pattern()
    pattern.any("x")
    graph, x = started()
    graph.set_outputs([x])
    with pytest.raises(GraphError, match="has no node to look for"):
        pattern.matches(graph)
    with pytest.raises(GraphError, match="part 'x': the pattern has a part of this name"):
        pattern.node("x", op="relu")
    with pytest.raises(GraphError, match="part 'y': the pattern has no such part; it has x"):
        pattern.node("end", op="relu", operands=[Value("y")])
    pattern.node("end", op="rleu", operands=[Value("x")])
    with pytest.raises(GraphError, match="did you mean 'relu'"):
        pattern.matches(graph)


# --- any pattern in any graph -----------------------------------------------------------------------------


def cut(graph: ModelGraph, chosen: list[int], escapes: bool) -> tuple[Pattern, dict[str, str]]:
    """A pattern of some nodes of a graph, and where each part of it came from."""
    inner = [node for node in graph if node.op not in {"input", "output"}]
    kept = {inner[position % len(inner)].name for position in chosen}
    pattern, origin = Pattern(), dict[str, str]()
    for node in inner:
        if node.name not in kept:
            continue
        operands = [outside(pattern, value, origin) for value in graph.operands(node)]
        pattern.node(f"p.{node.name}", op=node.op, operands=operands, escapes=escapes)
        origin[f"p.{node.name}"] = node.name
    return pattern, origin


def outside(pattern: Pattern, value: Value, origin: dict[str, str]) -> Value:
    if f"p.{value.node}" in origin:
        return Value(f"p.{value.node}", value.output)
    if f"v.{value}" not in origin:
        pattern.any(f"v.{value}")
        origin[f"v.{value}"] = str(value)
    return Value(f"v.{value}")


some = strategies.lists(positions, min_size=1, max_size=3)
grown = strategies.builds(build, steps.filter(bool), some)
short = strategies.builds(build, steps.filter(bool).map(lambda drawn: drawn[:6]), some)


@given(grown, some)
def test_a_pattern_cut_from_a_graph_is_found_there(graph: ModelGraph, chosen: list[int]) -> None:
    """The place that a pattern was cut from is among its matches."""
    pattern, origin = cut(graph, chosen, escapes=True)
    assert origin in [names(match) for match in pattern.matches(graph, overlapping=True)]


@given(short, short, some, strategies.booleans())
def test_matches_are_exactly_those_of_brute_force(
    source: ModelGraph, graph: ModelGraph, chosen: list[int], escapes: bool
) -> None:
    """Trying every assignment of nodes and every order of operands finds the same matches."""
    pattern, _ = cut(source, chosen, escapes)
    found = pattern.matches(graph, overlapping=True)
    assert sorted(map(sortable, found)) == sorted(set(map(sortable, by_brute_force(pattern, graph))))


@given(grown, some, strategies.booleans())
def test_matches_do_not_overlap_and_are_the_same_each_time(graph: ModelGraph, chosen: list[int], escapes: bool) -> None:
    """Without `overlapping`, no node that may be taken out is in two matches; each match is one of all."""
    pattern, _ = cut(graph, chosen, escapes)
    found = pattern.matches(graph)
    every = pattern.matches(graph, overlapping=True)
    assert all(match in every for match in found)
    assert bool(found) == bool(every)
    assert found == pattern.matches(graph.copy())
    if not escapes:
        taken = [node.name for match in found for node in match.nodes.values()]
        assert len(taken) == len(set(taken))


def sortable(match: Match) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(names(match).items()))


def by_brute_force(pattern: Pattern, graph: ModelGraph) -> Iterator[Match]:
    """Every assignment of distinct nodes to parts, every order of operands, kept where all agrees."""
    parts = [part for part in pattern.parts if isinstance(part, NodePart)]
    for nodes in permutations(graph.nodes(), len(parts)):
        if any(part.ops is not None and node.op not in part.ops for part, node in zip(parts, nodes, strict=True)):
            continue
        assigned = {part.name: node for part, node in zip(parts, nodes, strict=True)}
        for operands in product(*(orders(graph, node) for node in nodes)):
            values = agreed(pattern, parts, assigned, operands)
            if values is not None and closed(graph, parts, assigned, values):
                yield Match(assigned, values)


def orders(graph: ModelGraph, node: Node) -> list[tuple[Value, ...]]:
    operands = graph.operands(node)
    return list(permutations(operands)) if graph.ops[node.op].commutative else [operands]


def agreed(
    pattern: Pattern, parts: list[NodePart], assigned: Mapping[str, Node], operands: tuple[tuple[Value, ...], ...]
) -> dict[str, Value] | None:
    """The values from outside if every operand is what its part says, else None."""
    kinds: dict[str, Part] = {part.name: part for part in pattern.parts}
    values: dict[str, Value] = {}
    for part, found in zip(parts, operands, strict=True):
        if len(part.operands or ()) != len(found):
            return None
        for wanted, value in zip(part.operands or (), found, strict=True):
            if isinstance(kinds[wanted.node], ValuePart):
                expected = values.setdefault(wanted.node, value)
            else:
                expected = Value(assigned[wanted.node].name, wanted.output)
            if expected != value:
                return None
    return values


def closed(graph: ModelGraph, parts: list[NodePart], assigned: Mapping[str, Node], values: Mapping[str, Value]) -> bool:
    read = {value.node for part in parts for value in part.operands or ()}
    gone = {assigned[part.name].name for part in parts if part.name in read and not part.escapes}
    inside = {node.name for node in assigned.values()}
    leaving = {reader.name for name in gone for reader, _ in graph.consumers(name)} - inside
    return not leaving and not {value.node for value in values.values()} & gone

"""Blocks: the largest modules with one way in and one way out, and what stands between them."""

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Origin
from nadoo_graphs.plan.partition import entries, exits, partition
from nadoo_graphs.values import Value
from tests.graphs.captured import captured

MODULES = ("", "a", "a.b", "a.c", "d", "d.e.f")

steps = strategies.lists(
    strategies.tuples(strategies.sampled_from(MODULES), strategies.integers(0, 9), strategies.integers(0, 9)),
    min_size=1,
    max_size=12,
)


def in_modules(*paths: str) -> ModelGraph:
    """A chain of nodes, each in a module."""
    graph = ModelGraph("net")
    value = graph.add_input("x", ("N", 4))
    for path in paths:
        value = graph.add("relu", [value], origin=Origin(module=path))
    graph.set_outputs([value])
    return graph


def names(graph: ModelGraph) -> list[str]:
    return [group.name for group in partition(graph)]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["a.b", "a.c", "d"], ["a", "d"]),
        (["", "", ""], ["net"]),
        (["a", "", "", "b"], ["a", "forward", "b"]),
        (["a", "", "b", "", "c"], ["a", "forward", "b", "forward", "c"]),
        (["a", "b", "a"], ["a", "b", "a"]),
        (["", "a", ""], ["forward", "a", "forward"]),
        (["a"], ["a"]),
        (["a", "ab"], ["a", "ab"]),
    ],
)
def test_a_chain_is_cut_at_modules(paths: Sequence[str], expected: Sequence[str]) -> None:
    assert names(in_modules(*paths)) == expected


def test_a_module_with_two_ways_in_gives_way_to_its_children() -> None:
    graph = ModelGraph("net")
    x, y = graph.add_input("x", (4,)), graph.add_input("y", (4,))
    first = graph.add("relu", [x], origin=Origin(module="m.left"))
    second = graph.add("relu", [y], origin=Origin(module="m.right"))
    graph.set_outputs([graph.add("add", [first, second], origin=Origin(module="m"))])
    assert names(graph) == ["m.left", "m.right", "m.forward"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("residual", ["norm", "up", "forward", "down", "forward"]),
        ("shared_block", ["block", "block", "block", "head"]),
        ("encoder", ["layers", "norm"]),
        ("tied", ["embedding", "first", "forward", "second", "projection"]),
    ],
)
def test_models_of_the_bank_are_cut_where_their_authors_drew_lines(name: str, expected: Sequence[str]) -> None:
    assert names(captured(name).graph) == expected


def test_a_circle_of_modules_is_one_block() -> None:
    """Each of the two has one way in and one out, but neither can run before the other."""
    graph = ModelGraph("net")
    graph.add_input("x", (4,))
    one, other = Origin(module="a"), Origin(module="b")
    start = graph.add("full", shape=(4,), value=1.0, origin=one)
    middle = graph.add("relu", [start], origin=other)
    graph.add("add", [start, middle], name="unread", origin=one)
    graph.set_outputs([graph.add("tanh", [middle])])
    assert names(graph) == ["net"]


def test_outputs_that_are_inputs_need_one_block() -> None:
    graph = in_modules("a", "b")
    graph.set_outputs([*graph.outputs, Value("x")])
    assert names(graph) == ["net"]


@given(drawn=steps)
def test_groups_are_a_partition_in_an_order_of_execution(drawn: list[tuple[str, int, int]]) -> None:
    """Law: every node is in one group, a group reads only earlier ones, and modules have one way in and one out."""
    graph = ModelGraph("net")
    values = [graph.add_input("x", (4,))]
    for module, left, right in drawn:
        operands = [values[left % len(values)], values[right % len(values)]]
        values.append(graph.add("add", operands, origin=Origin(module=module)))
    graph.set_outputs([values[-1]])
    groups = partition(graph)
    listed = [node.name for group in groups for node in group.nodes]
    assert sorted(listed) == sorted(value.node for value in values[1:])
    seen = {"x"}
    for group in groups:
        assert all(value.node in seen for value in entries(graph, group.nodes))
        seen |= {node.name for node in group.nodes}
        if not group.loose and len(groups) > 1:
            assert len(entries(graph, group.nodes)) <= 1
            assert len(exits(graph, group.nodes)) == 1

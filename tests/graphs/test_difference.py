"""The difference of two graphs names every node, part and tensor that differs, and nothing else."""

import torch
from attrs import evolve
from hypothesis import given

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value
from tests.graphs.random_graphs import graphs
from tests.graphs.small_ops import small_ops
from tests.graphs.test_edits import chain, choices, edit_each


def test_equal_graphs_have_no_difference() -> None:
    found = chain().diff(chain())
    assert not found
    assert str(found) == "no difference"
    assert found.lines() == ()


def test_each_difference_is_one_line() -> None:
    graph, other = chain(), chain()
    other.replace("relu", "scale", factor=0.5)
    other.insert_before("output", "tanh", name="squash")
    other.set_tensor("fc.weight", torch.zeros(4, 4))
    other.add_tensor("new", torch.zeros(1))
    lines = graph.diff(other).lines()
    assert lines[0] == "+ squash"
    assert "~ relu: op: relu → scale\n~ relu: attribute factor: none → 0.5" in lines[1]
    assert "~ output: operands: add → squash" in lines
    assert "+ tensor new" in lines
    assert [line for line in lines if line.startswith("~ tensor fc.weight: content: ")]


def test_the_difference_backwards_takes_away_what_was_added() -> None:
    graph, other = chain(), chain()
    other.insert_after("fc", "tanh", name="squash")
    other.remove_tensor(other.add_tensor("gone", torch.zeros(1)))
    there, back = graph.diff(other), other.diff(graph)
    assert (there.added, there.removed) == (("squash",), ())
    assert (back.added, back.removed) == ((), ("squash",))
    changes = [(part, after, before) for item in there.changed for part, before, after in item.changes]
    assert changes == [change for item in back.changed for change in item.changes]


def test_a_text_is_told_from_what_prints_alike() -> None:
    graph, other = chain(), chain()
    graph.replace("relu", "scale", label=None)
    other.replace("relu", "scale", label="None")
    assert str(graph.diff(other)) == "~ relu: attribute label: None → 'None'"


def test_a_node_called_like_an_output_is_told_from_it() -> None:
    graph = ModelGraph(ops=small_ops())
    x = graph.add_input("x", (4,))
    graph.add("chunk", [x], name="a")
    graph.add("chunk", [x], name="a:1")
    graph.set_outputs([Value("a", 1)])
    other = graph.copy()
    other.set_outputs([Value("a:1", 0)])
    assert str(graph.diff(other)) == "~ output: operands: a:1 → 'a:1':0"


def test_a_dtype_that_a_format_hides_is_told() -> None:
    graph, other = chain(), chain()
    for item, dtype in ((graph, "float32"), (other, "float16")):
        types = (evolve(item["x"].type, dtype=dtype, format="int4"),)
        item._replace_node(evolve(item["x"], outputs=types))
    assert "int4[N, 4] held as float32 → int4[N, 4] held as float16" in str(graph.diff(other))


@given(graphs, choices)
def test_graphs_differ_exactly_when_their_fingerprints_do(graph: ModelGraph, drawn: list[tuple[str, int, int]]) -> None:
    """bool(a.diff(b)) = (a.fingerprint() ≠ b.fingerprint()), in both directions."""
    other = graph.copy()
    edit_each(other, drawn)
    different = graph.fingerprint() != other.fingerprint()
    assert bool(graph.diff(other)) == bool(other.diff(graph)) == different


@given(graphs, choices)
def test_a_difference_counts_nodes(graph: ModelGraph, drawn: list[tuple[str, int, int]]) -> None:
    """len(a) − removed + added = len(b)."""
    other = graph.copy()
    edit_each(other, drawn)
    found = graph.diff(other)
    assert len(graph) - len(found.removed) + len(found.added) == len(other)
    assert not set(found.added) & set(found.removed)

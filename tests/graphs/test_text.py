"""The text of a graph: a table that a person reads and that equal graphs share."""

import torch
from attrs import evolve
from hypothesis import given

from nadoo_graphs.contract import CaptureReport, Contract
from nadoo_graphs.graph import ModelGraph
from tests.graphs.random_graphs import graphs
from tests.graphs.small_ops import small_ops


def tiny() -> ModelGraph:
    graph = ModelGraph("tiny", small_ops())
    x = graph.add_input("x", ("N", 4))
    hidden = graph.add("linear", [x], name="fc", tensors={"weight": torch.ones(4, 4), "bias": torch.zeros(4)})
    parts = graph.add("chunk", [graph.add("scale", [hidden], factor=2.0)])
    graph.set_outputs([parts, graph.add("add", [hidden, x])])
    return graph


def test_the_text_is_a_table_of_nodes() -> None:
    assert tiny().text() == "\n".join([
        "tiny: 6 nodes, 20 parameters in 2 tensors",
        "node    op      operands    output                        attributes and tensors",
        "x       input               float32[N, 4]",
        "fc      linear  x           float32[N, 4]                 weight[4, 4], bias[4]",
        "scale   scale   fc          float32[N, 4]                 factor=2.0",
        "chunk   chunk   scale       float32[N, 2], float32[N, 2]",
        "add     add     fc, x       float32[N, 4]",
        "output  output  chunk, add",
    ])  # fmt: skip


def test_remarks_stand_below_the_table() -> None:
    graph = tiny()
    graph.tie_tensor("head", "fc.weight")
    graph.contract = Contract(report=CaptureReport(train_only=("dropout is off",), opaque=("aten.sort",)))
    assert graph.text().splitlines()[-3:] == [
        "tied: head is fc.weight",
        "note: dropout is off",
        "note: opaque operators, kept as they are: aten.sort",
    ]


def test_one_parameter_is_not_written_in_the_plural() -> None:
    graph = ModelGraph("one", small_ops())
    graph.add_tensor("p", torch.ones(1))
    graph.add_tensor("b", torch.ones(9), "buffer")
    assert graph.text().startswith("one: 0 nodes, 1 parameter in 2 tensors")


def test_a_broken_graph_still_shows_what_is_missing() -> None:
    graph = tiny()
    graph._replace_node(evolve(graph["fc"], op="strange", tensors={"weight": "lost"}))
    assert "weight=lost (missing)" in graph.text()


@given(graphs)
def test_every_node_has_its_line_in_order(graph: ModelGraph) -> None:
    """Line i + 2 starts with the name of the node that runs as number i."""
    lines = graph.text().splitlines()[2 : 2 + len(graph)]
    assert [line.split("  ")[0] for line in lines] == list(graph.order())
    assert not any(line.endswith(" ") for line in lines)

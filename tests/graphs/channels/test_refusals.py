"""What freezes, and says so; what is refused; and rules of other people's operators."""

import numpy as np
import pytest
import torch

from nadoo_graphs.channels import ChannelRule, NodeAxes, analyse_channels, remove_channels
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.ops import Op, standard_ops


def network(op: str = "relu", row: Op | None = None) -> ModelGraph:
    """Two layers with an operator between them."""
    graph = ModelGraph("network", standard_ops().with_rows([row] if row else []))
    h = graph.add_input("x", ("N", 3))
    h = graph.add("linear", [h], name="first", tensors={"weight": torch.randn(4, 3)})
    h = graph.add(op, [h], name="between")
    graph.set_outputs([graph.add("linear", [h], name="second", tensors={"weight": torch.randn(2, 4)})])
    return graph


def row(rule: ChannelRule | None) -> Op:
    return Op(
        name="twist", summary="A plugin's.", infer=lambda call: (call.operand,), execute=lambda run: run.operand * 2,
        channels=rule,
    )  # fmt: skip


def test_an_operator_without_a_rule_freezes_what_it_touches_and_the_map_says_which() -> None:
    channels = analyse_channels(network("twist", row(None)))
    assert len(channels) == 0
    reasons = {item.node: item.reason for item in channels.frozen}
    assert reasons["first"] == "'between' (twist) has no channel rule"
    assert reasons["second"] == "'output' (output) is what the network returns"


def test_a_rule_in_the_row_of_a_plugins_operator_is_used() -> None:
    def couple(axes: NodeAxes) -> None:
        axes.same_all(axes.operand, axes.output)

    graph = network("twist", row(ChannelRule(couple)))
    channels = analyse_channels(graph)
    assert [(group.name, len(group)) for group in channels.groups] == [("first", 4)]
    remove_channels(graph, channels, [1, 3])
    assert graph.tensor("second.weight").shape == (2, 2)


def test_a_rule_that_joins_axes_of_unlike_sizes_is_named() -> None:
    def couple(axes: NodeAxes) -> None:
        axes.same(axes.operand[1], axes.space.of_tensor("first.weight")[1])

    with pytest.raises(GraphError, match=r"'between'.*its channel rule joins axes of 4 and 3 positions"):
        analyse_channels(network("twist", row(ChannelRule(couple))))


def test_a_statistic_over_channels_freezes_them() -> None:
    graph = ModelGraph("means")
    h = graph.add_input("x", ("N", 3))
    h = graph.add("linear", [h], name="first", tensors={"weight": torch.randn(4, 3)})
    graph.set_outputs([graph.add("mean", [h], name="mean", dim=(1,))])
    (frozen,) = analyse_channels(graph).frozen
    assert frozen.reason == "'mean' (mean) works along this axis"


def test_the_last_channel_of_a_layer_stays() -> None:
    graph = network()
    before = graph.fingerprint()
    with pytest.raises(GraphError, match=r"'first'.*would lose its last channel; keep at least one"):
        remove_channels(graph, analyse_channels(graph), [0, 1, 2, 3])
    assert graph.fingerprint() == before


def test_units_that_are_not_there_and_an_analysis_of_another_graph_are_refused() -> None:
    graph = network()
    channels = analyse_channels(graph)
    with pytest.raises(GraphError, match=r"names unit 4; there are 4"):
        remove_channels(graph, channels, [4])
    remove_channels(graph, channels, np.array([True, False, False, False]))
    with pytest.raises(GraphError, match=r"first.weight.*not as it was when channels were analysed"):
        remove_channels(graph, channels, [0])


def test_an_opaque_node_freezes_what_it_reads() -> None:
    graph = ModelGraph("opaque")
    h = graph.add_input("x", ("N", 3))
    h = graph.add("linear", [h], name="first", tensors={"weight": torch.randn(4, 3)})
    call = {"target": "aten.erfc.default", "arguments": (("operand", 0),), "keywords": ()}
    opaque = Node("erfc", "opaque", {**call, "signature": ("float32[N, 4]",)}, {}, (graph.type(h),))
    graph.assemble({}, [(opaque, [h])])
    graph.set_outputs([graph.add("linear", ["erfc"], name="second", tensors={"weight": torch.randn(2, 4)})])
    channels = analyse_channels(graph)
    assert len(channels) == 0
    assert channels.frozen[0].reason == "'erfc' (opaque) is opaque: nobody knows what it does with channels"

"""Conditional nodes of a stranger's row: expected costs, the worst case beside them, and budgets between the two."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_core.cost import Budget, Device, estimate
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import AttributeRow, Op, standard_ops
from nadoo_hardware.estimators.analytic import analytic
from nadoo_hardware.scoring import Scorer

WIDTH = 16
KNOWN = Device.from_mapping(
    {"mac_per_second": {"float32": 1e6}, "bandwidth": {"sram": 1e9}, "active_w": 2.0}, name="known"
)


def skipped_linear() -> Op:
    """A linear layer that is left out in a share of executions."""
    linear = standard_ops()["linear"]
    return Op(
        name="skipped_linear", summary="A linear layer that may be skipped.", infer=linear.infer,
        execute=linear.execute, roles=linear.roles, macs=linear.macs, attributes=(AttributeRow("skip", "float", 0.0),),
        share=lambda attributes: 1.0 - float(attributes["skip"]),  # type: ignore[arg-type]
    )  # fmt: skip


def routed(skip: float) -> ModelGraph:
    graph = ModelGraph("routed", ops=standard_ops().with_rows([skipped_linear()]))
    value: Any = graph.add_input("x", ("N", WIDTH))
    value = graph.add("linear", [value], name="always", tensors={"weight": torch.zeros(WIDTH, WIDTH)})
    value = graph.add("skipped_linear", [value], name="maybe", tensors={"weight": torch.zeros(WIDTH, WIDTH)}, skip=skip)
    graph.set_outputs([value])
    return graph


@settings(max_examples=15, deadline=None)
@given(st.one_of(st.just(0.0), st.floats(0.01, 1)))
def test_expected_costs_are_shares_of_the_worst_ones(skip: float) -> None:
    cost = analytic(routed(skip), KNOWN)
    assert cost.macs.value == pytest.approx(WIDTH * WIDTH * (2 - skip))
    always, maybe = (next(node for node in cost.nodes if node.name == name) for name in ("always", "maybe"))
    for name in ("macs", "latency_s", "energy_j"):
        whole, part = always.costs[name].value or 0.0, maybe.costs[name].value
        assert part == pytest.approx(whole * (1 - skip))
        assert cost.number(name).value == pytest.approx(whole * (2 - skip))
        if skip > 0:
            assert maybe.worst[name].value == pytest.approx(whole)
            assert cost.worst[name].value == pytest.approx(2 * whole)
    assert always.worst == {}


def test_without_conditional_nodes_there_is_no_worst_case() -> None:
    cost = analytic(routed(0.0), KNOWN)
    assert cost.worst == {}
    assert cost.document()["worst"] is None


def test_the_worst_case_goes_through_merging_documents_and_scores() -> None:
    graph = routed(0.75)
    merged = estimate(graph, KNOWN, {"analytic": analytic})
    assert merged.worst["macs"].value == 2 * WIDTH * WIDTH
    document = merged.document()
    assert document["worst"]["macs"] == 2 * WIDTH * WIDTH
    assert document["macs"] == 1.25 * WIDTH * WIDTH
    (node,) = (item for item in document["nodes"] if item["name"] == "maybe")
    assert node["worst"]["macs"] == 4 * node["macs"] == WIDTH * WIDTH
    assert Scorer(graph, KNOWN).score({}).latency == analytic(graph, KNOWN).latency


def test_a_budget_between_the_expected_and_the_worst_case_is_doubtful() -> None:
    cost = analytic(routed(0.5), KNOWN)
    (between,) = Budget(macs=int(1.75 * WIDTH * WIDTH)).judge(cost)
    assert not between.exceeded
    assert between.doubtful
    assert between.document()["worst"] == 2 * WIDTH * WIDTH
    (beyond,) = Budget(macs=2 * WIDTH * WIDTH).judge(cost)
    assert not beyond.doubtful


@pytest.mark.parametrize("skip", [-0.5, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(skip: float) -> None:
    with pytest.raises(GraphError, match="share is from 0 to 1"):
        analytic(routed(skip), KNOWN)

"""Budgets: what is bounded is judged, what is unknown is told, and texts are read with their units."""

import pytest

from nadoo_core.cost import Budget, Cost, CostNumber, NodeCost
from nadoo_core.cost.judging import budget_of
from nadoo_core.errors import OptionError


def cost(**totals: CostNumber) -> Cost:
    nodes = tuple(
        NodeCost(name, "linear", {"flash_bytes": CostNumber.exact(size)})
        for name, size in (("a", 5), ("b", 50), ("c", 0), ("d", 30), ("e", 20))
    )
    return Cost(device="d", totals=totals, nodes=nodes)


def test_the_three_nodes_that_take_most_are_named() -> None:
    (verdict,) = Budget(flash=64).judge(cost(flash_bytes=CostNumber.exact(105)))
    assert verdict.exceeded
    assert verdict.excess == 41
    assert verdict.nodes == ("b", "d", "e")


def test_an_unknown_cost_neither_keeps_nor_exceeds_a_budget() -> None:
    (verdict,) = Budget(latency=1.0).judge(cost(latency_s=CostNumber.unknown("clock_hz is not known")))
    assert not verdict.exceeded
    assert verdict.excess is None
    assert verdict.document()["unknown"] == ["clock_hz is not known"]


def test_a_budget_inside_the_range_is_doubtful() -> None:
    judged = Budget(latency=1.0).judge(cost(latency_s=CostNumber.within(0.9, 0.5, 2)))
    assert judged[0].doubtful
    assert not judged[0].exceeded


def test_an_accuracy_is_a_lowest_value() -> None:
    budget = Budget(accuracy=0.9)
    assert budget.judge(cost(), accuracy=0.8)[0].exceeded
    assert budget.judge(cost(), accuracy=0.8)[0].excess == pytest.approx(0.1)
    assert not budget.judge(cost(), accuracy=0.95)[0].exceeded
    assert not budget.judge(cost())[0].estimate.known


def test_texts_are_read_with_their_units() -> None:
    budget = budget_of(["flash=64 KiB", "latency=2 ms", "energy=0.001", "macs=1000"])
    assert (budget.flash, budget.latency, budget.energy, budget.macs) == (65536, 0.002, 0.001, 1000)
    assert budget_of([]).empty


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["flash"], "give NAME=VALUE"),
        (["flash=64 KB"], "KB could be a thousand or 1024"),
        (["flsh=64"], "did you mean 'flash'"),
        (["ram=-3", "latency=fast"], "ram"),
    ],
)
def test_wrong_texts_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        budget_of(texts)

"""prune-masked: exactly the wanted groups go, those with the smallest learned factors."""

from typing import Any

import pytest
import torch

from nadoo_core.errors import NadooError, PassError
from nadoo_core.passes import Selector
from nadoo_graphs.graph import ModelGraph
from nadoo_pruning.prune_masked import PruneMasked, ShrinkMasks
from tests.plugins.nadoo_pruning.small import context_with, residual_network

FLATTEN = Selector(op="flatten")


def perceptron(width: int = 6) -> ModelGraph:
    """A convolution, flattened, and a layer over all channels and places."""
    torch.manual_seed(0)
    graph = ModelGraph("perceptron")
    x = graph.add_input("x", ("N", 3, 2, 2))
    h = graph.add("conv2d", [x], name="conv", tensors={"weight": torch.randn(width, 3, 1, 1)})
    h = graph.add("flatten", [graph.add("relu", [h], name="relu")], name="flatten")
    graph.set_outputs([graph.add("linear", [h], name="head", tensors={"weight": torch.randn(3, 4 * width)})])
    return graph


def learner(factors: list[float]) -> Any:
    """A training that leaves the masks with these factors, one for each channel."""

    def train(graph: ModelGraph, *, hooks: tuple[Any, ...] = (), **options: Any) -> ModelGraph:
        trained = graph.copy()
        for name in [name for name in graph.tensors if ".mask" in name]:
            mask = graph.tensor(name)
            assert bool((mask == 1).all())
            values = torch.tensor(factors).repeat_interleave(mask.numel() // len(factors))
            trained.set_tensor(name, values.reshape(mask.shape))
        return trained

    return train


def pruned(graph: ModelGraph, factors: list[float], where: Any = FLATTEN, **options: Any) -> ModelGraph:
    return PruneMasked(where=where, **options).run(graph, context_with({}, train=learner(factors))).graph


def test_the_record_has_a_line_for_every_weight_that_became_smaller() -> None:
    graph = perceptron()
    step = PruneMasked(where=FLATTEN, remove=2)
    rows = step.run(graph, context_with({}, train=learner([0.9, 0.1, 0.8, 0.05, 0.7, 0.6]))).record.tables["channels"]
    assert {row["tensor"]: (row["before"][0], row["after"][0]) for row in rows}["conv.weight"] == (6, 4)


def test_the_smallest_go_whatever_their_sign_and_the_factors_disappear() -> None:
    graph = perceptron()
    result = pruned(graph, [-0.9, 0.1, 0.8, -0.05, 0.7, 0.6], remove=2)
    kept = [0, 2, 4, 5]
    assert torch.equal(result.tensor("conv.weight"), graph.tensor("conv.weight")[kept])
    columns = graph.tensor("head.weight").reshape(3, 6, 4)[:, kept].reshape(3, -1)
    assert torch.equal(result.tensor("head.weight"), columns)
    assert [node.op for node in result.nodes()] == [node.op for node in graph.nodes()]
    assert not [name for name in result.tensors if "mask" in name]


def test_with_ties_no_more_go_than_were_asked_for() -> None:
    graph = perceptron()
    result = pruned(graph, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0], remove=2)
    assert torch.equal(result.tensor("conv.weight"), graph.tensor("conv.weight")[2:])


def test_groups_of_neighbours_are_judged_together() -> None:
    graph = perceptron()
    result = pruned(graph, [0.1, 0.9, 0.3, 0.3, 0.9, 0.9], remove=1, groups=3)
    assert torch.equal(result.tensor("conv.weight"), graph.tensor("conv.weight")[[0, 1, 4, 5]])


def test_convolutions_get_a_factor_for_each_channel() -> None:
    graph = residual_network(8, 12)
    factors = [float(index % 5 + 1) for index in range(12)]
    result = pruned(graph, factors, remove=3, where="wide")
    assert result.tensor("wide.weight").shape[0] == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [({"remove": 6}, "has 6 channels in 6 groups, of which 6 should go"), ({"groups": 4}, "6 channels in 4 groups")],
)
def test_something_stays_and_groups_divide_the_channels(options: dict[str, Any], message: str) -> None:
    with pytest.raises(PassError, match=message):
        pruned(perceptron(), [1.0] * 6, **options)


def test_values_whose_channels_cannot_go_are_told() -> None:
    with pytest.raises(NadooError, match="head: its channels cannot go"):
        pruned(perceptron(), [1.0] * 6, where="head")


def test_the_penalty_pulls_every_factor_towards_zero_and_not_past_it() -> None:
    model = torch.nn.Module()
    model.register_parameter("mask", torch.nn.Parameter(torch.tensor([1.0, -0.5, 0.0005])))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    moment: Any = type("Moment", (), {"model": model, "optimizer": optimizer})()
    ShrinkMasks(["mask"], 0.01).on_step(moment)
    torch.testing.assert_close(model.get_parameter("mask").detach(), torch.tensor([0.999, -0.499, 0.0]))

"""decompose-low-rank on graphs: what it makes, keeps, refuses and says."""

from typing import Any

import pytest
import torch

from nadoo_core.data import Examples
from nadoo_core.errors import ContextError, NoChangeError, OptionError, PassError
from nadoo_core.options import structure
from nadoo_core.passes import Context, Selector, Services
from nadoo_graphs.counting import count
from nadoo_graphs.graph import ModelGraph
from nadoo_low_rank.decompose_low_rank import DecomposeLowRank
from nadoo_low_rank.singular import LINALG


def low_rank(rows: int, columns: int, rank: int, seed: int, noise: float = 0.02) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    left, right = torch.randn(rows, rank, generator=generator), torch.randn(rank, columns, generator=generator)
    return (left @ right + noise * torch.randn(rows, columns, generator=generator)) / columns**0.5


def network() -> ModelGraph:
    """Two convolutions with a norm, and two linear layers, each near to a low rank."""
    graph = ModelGraph("network")
    h = graph.add_input("x", ("N", 4, 6, 6))
    weight = low_rank(12, 36, 3, 0).reshape(12, 4, 3, 3)
    h = graph.add("conv2d", [h], name="conv1", tensors={"weight": weight}, padding=(1, 1))
    norm = {"running_mean": torch.full((12,), 0.1), "running_var": torch.full((12,), 0.8)}
    h = graph.add("relu", [graph.add("batch_norm", [h], name="norm", tensors=norm)], name="relu1")
    weight = low_rank(12, 108, 4, 1).reshape(12, 12, 3, 3)
    h = graph.add("relu", [graph.add("conv2d", [h], name="conv2", tensors={"weight": weight})], name="relu2")
    h = graph.add("mean", [h], name="mean", dim=(2, 3))
    h = graph.add("linear", [h], name="hidden", tensors={"weight": low_rank(20, 12, 3, 2), "bias": torch.ones(20)})
    h = graph.add("relu", [h], name="relu3")
    graph.set_outputs([graph.add("linear", [h], name="head", tensors={"weight": low_rank(5, 20, 2, 3)})])
    return graph


def images(count: int = 48, seed: int = 1) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(4, 4, generator=generator) @ torch.diag(torch.tensor([3.0, 1.0, 0.3, 0.1]))
    inputs = torch.einsum("ncij,cd->ndij", torch.randn(count, 4, 6, 6, generator=generator), mixed)
    return Examples(inputs, torch.randint(0, 5, (count,), generator=generator))


def context(**services: Any) -> Context:
    return Context(step="low-rank", services=Services(data={"calibration": images()}, **services))


def distance(graph: ModelGraph, other: ModelGraph) -> float:
    x = images(seed=9).inputs
    wanted = graph.run(x).result
    return float((other.run(x).result - wanted).norm() / wanted.norm())


# --- results ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auto", "svd", "spatial", "tucker"])
def test_a_network_of_low_rank_loses_little(method: str) -> None:
    graph = network()
    result = structure(DecomposeLowRank, {"energy": 0.995, "method": method}, "step").run(graph, context())
    assert count(result.graph).parameters < count(graph).parameters
    assert distance(graph, result.graph) < 0.1
    assert result.record.tables["layers"]


def test_calibration_data_makes_it_better() -> None:
    graph = network()
    plain = DecomposeLowRank(rank=2, method="svd", aware=False).run(graph, context()).graph
    aware = DecomposeLowRank(rank=2, method="svd").run(graph, context()).graph
    assert distance(graph, aware) < distance(graph, plain)


@pytest.mark.parametrize("share", [0.7, 0.5, 0.3])
def test_a_budget_of_parameters_is_met_and_never_exceeded(share: float) -> None:
    graph = network()
    result = DecomposeLowRank(parameters=share).run(graph, context())
    assert share - 0.04 <= count(result.graph).parameters / count(graph).parameters <= share


def test_a_budget_of_work_is_met_and_never_exceeded() -> None:
    graph = network()
    result = DecomposeLowRank(macs=0.5, aware=False).run(graph, context())
    share = count(result.graph).macs({"N": 1}) / count(graph).macs({"N": 1})
    assert 0.45 <= share <= 0.5


def test_a_time_on_the_device_is_kept() -> None:
    def estimate(graph: ModelGraph, device: str | None = None) -> dict[str, float]:
        return {"latency": count(graph).macs({"N": 1}) * 1e-6}

    graph = network()
    limit = 0.6 * count(graph).macs({"N": 1}) * 1e-6
    result = DecomposeLowRank(latency=limit, aware=False).run(graph, context(estimate=estimate))
    assert 0.85 * limit <= estimate(result.graph)["latency"] <= limit
    with pytest.raises(PassError, match="cannot be reached"):
        DecomposeLowRank(latency=1e-6, aware=False).run(graph, context(estimate=estimate))


def test_chains_keep_the_names_of_their_layer_and_its_bias() -> None:
    result = DecomposeLowRank(rank=2, where=Selector(name=("hidden",)), aware=False).run(network(), context())
    assert [node.name for node in result.graph.nodes(name="hidden*")] == ["hidden.0", "hidden.1"]
    assert "bias" in result.graph["hidden.1"].tensors
    assert "bias" not in result.graph["hidden.0"].tensors


def test_a_layer_that_has_no_bias_gets_one_where_that_corrects_the_mean() -> None:
    choice = Selector(name=("conv2",))
    with_data = DecomposeLowRank(rank=2, method="svd", where=choice).run(network(), context())
    assert "bias" in with_data.graph["conv2.1"].tensors
    normed = DecomposeLowRank(rank=2, method="svd", where=Selector(name=("conv1",))).run(network(), context())
    assert "bias" not in normed.graph["conv1.1"].tensors


def test_a_randomized_search_gives_nearly_the_same() -> None:
    graph = network()
    options = {"rank": 2, "aware": False, "method": "svd"}
    exact, random = (
        structure(DecomposeLowRank, {**options, "solver": solver}, "step").run(graph, context()).graph
        for solver in ("exact", "randomized")
    )
    assert distance(exact, random) < 0.02


def test_cp_can_be_asked_for() -> None:
    result = DecomposeLowRank(rank=4, method="cp", aware=False).run(network(), context())
    assert [node.op for node in result.graph.nodes(name="conv2.*")] == ["conv2d"] * 4


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_one_rule_is_needed_and_one_only() -> None:
    with pytest.raises(OptionError, match="no rule; give exactly one of energy, rank"):
        DecomposeLowRank()
    with pytest.raises(OptionError, match="energy and macs"):
        DecomposeLowRank(energy=0.9, macs=0.5)


def test_a_rank_above_the_layer_is_refused() -> None:
    with pytest.raises(NoChangeError, match="rank 6 is more than the layer has"):
        DecomposeLowRank(rank=6, where=Selector(name=("head",))).run(network(), context())


def test_a_rank_that_saves_nothing_is_refused_with_the_sizes() -> None:
    with pytest.raises(NoChangeError, match=r"rank 5 would save nothing: svd at rank 5 has 125 numbers, the layer 100"):
        DecomposeLowRank(rank=5, where=Selector(name=("head",)), aware=False).run(network(), context())


def test_an_energy_that_needs_too_much_is_refused_with_what_could_be_had() -> None:
    graph = network()
    graph.set_tensor("head.weight", LINALG.qr(torch.randn(20, 5)).Q.T.contiguous())
    with pytest.raises(NoChangeError, match=r"to keep 0.99 of its energy would save nothing: svd at rank 3"):
        DecomposeLowRank(energy=0.99, where=Selector(name=("head",)), aware=False).run(graph, context())


def test_a_budget_out_of_reach_says_what_could_be_reached() -> None:
    with pytest.raises(
        PassError, match=r"parameters = 0.01 cannot be reached: with rank 1 everywhere [\d,]+ of [\d,]+ are left, which"
    ):
        DecomposeLowRank(parameters=0.01, aware=False).run(network(), context())


def test_weights_that_are_no_numbers_are_named() -> None:
    graph = network()
    broken = graph.tensor("hidden.weight").clone()
    broken[0, 0] = float("nan")
    graph.set_tensor("hidden.weight", broken)
    with pytest.raises(PassError, match=r"tensor 'hidden.weight': of 'hidden' holds NaN"):
        DecomposeLowRank(rank=2).run(graph, context())


def test_data_that_is_asked_for_has_to_be_there() -> None:
    with pytest.raises((PassError, ContextError), match="aware is true without calibration data; give `calibration`"):
        DecomposeLowRank(rank=2, aware=True).run(network())

"""prune-weights: exact counts, nested masks, patterns, blocks, and what is refused (P1, P2)."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies

from nadoo_core.data import Examples
from nadoo_core.errors import NadooError, PassError
from nadoo_core.formulas.sparsity import prune_count
from nadoo_core.passes import PRUNED_WEIGHTS, Context, Selector
from nadoo_core.training.options import TrainingChoices
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value
from nadoo_pruning.healing import HoldZeros
from nadoo_pruning.prune_weights import PruneWeights
from tests.plugins.nadoo_pruning.small import context_with, images, residual_network

REFERENCE = [0.3, -0.1, 0.2, -0.5, 0.1, 0.4, -0.2, 0.6]


def layer(weights: list[list[float]]) -> ModelGraph:
    """One linear layer and another one behind it."""
    graph = ModelGraph("layer")
    weight = torch.tensor(weights)
    h = graph.add("linear", [graph.add_input("x", ("N", weight.shape[1]))], name="fc", tensors={"weight": weight})
    graph.set_outputs([graph.add("relu", [h])])
    return graph


def pruned(graph: ModelGraph, **options: Any) -> ModelGraph:
    return PruneWeights(**options).run(graph, Context(allow_no_change=True)).graph


def zeros(graph: ModelGraph, name: str = "fc.weight") -> int:
    return int((graph.tensor(name) == 0).sum())


def test_the_reference_weights_become_what_the_specification_says() -> None:
    for options in ({"share": 0.5}, {"pattern": "2:4"}):
        found = pruned(layer([REFERENCE]), **options).tensor("fc.weight")
        torch.testing.assert_close(found, torch.tensor([[0.3, 0, 0, -0.5, 0, 0.4, 0, 0.6]]))


def test_by_taylor_the_weights_go_that_the_loss_feels_least() -> None:
    graph = residual_network()
    weight = graph.tensor("head.weight")
    step = PruneWeights(share=0.1, importance="taylor", where=Selector(name=("head",)))
    found = step.run(graph, context_with()).graph
    data, module = images(), graph.to_module().eval()
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name == "head.weight")
    torch.nn.functional.cross_entropy(module(data.inputs), data.targets).backward()
    products = (dict(module.named_parameters())["head.weight"].grad * weight).abs()
    gone = found.tensor("head.weight") == 0
    assert int(gone.sum()) == prune_count(gone.numel(), 0.1)
    assert float(products[gone].max()) <= float(products[~gone].min())


def test_taylor_needs_labelled_calibration_data() -> None:
    step = PruneWeights(share=0.5, importance="taylor")
    with pytest.raises(PassError, match="'taylor' needs labelled calibration data; give `calibration`"):
        step.run(residual_network(), context_with({}))
    with pytest.raises(PassError, match=r"'taylor' needs labelled calibration data; .* such as 'magnitude'"):
        step.run(residual_network(), context_with({"calibration": Examples(images().inputs)}))


@settings(max_examples=25, deadline=None)
@given(share=strategies.floats(0, 0.95), more=strategies.floats(0, 0.04), seed=strategies.integers(0, 99))
def test_exactly_the_share_goes_the_smallest_first_and_more_goes_on_from_less(
    share: float, more: float, seed: int
) -> None:
    weights = torch.randn(5, 8, generator=torch.Generator().manual_seed(seed))
    graph = layer(weights.tolist())
    one, other = (pruned(graph, share=item).tensor("fc.weight") for item in (share, share + more))
    assert int((one == 0).sum()) == prune_count(40, share)
    kept, gone = weights[one != 0].abs(), weights[one == 0].abs()
    assert not len(gone) or kept.min() >= gone.max()
    assert bool(((other == 0) | (one != 0)).all())
    assert torch.equal(one[one != 0], weights[one != 0])
    again = pruned(pruned(graph, share=share), share=share).tensor("fc.weight")
    assert torch.equal(again, one)
    scaled = layer((weights * 4).tolist())
    assert torch.equal(pruned(scaled, share=share).tensor("fc.weight") == 0, one == 0)
    energy = float(one.square().sum() / weights.square().sum())
    assert energy >= 1 - prune_count(40, share) / 40 - 1e-6


@settings(max_examples=20, deadline=None)
@given(kept=strategies.integers(1, 3), seed=strategies.integers(0, 99))
def test_every_group_keeps_as_many_as_the_pattern_says_along_the_input_channels(kept: int, seed: int) -> None:
    graph = residual_network(8, 12, seed)
    result = pruned(graph, pattern=f"{kept}:4", where="narrow").tensor("narrow.weight")
    groups = result.permute(0, 2, 3, 1).reshape(-1, 4)
    assert bool(((groups != 0).sum(1) == kept).all())
    free = pruned(graph, share=1 - kept / 4, where="narrow").tensor("narrow.weight")
    assert free.square().sum() >= result.square().sum()


def test_a_pattern_that_does_not_divide_the_inputs_leaves_the_layer_alone_and_says_so() -> None:
    result = PruneWeights(pattern="2:4").run(residual_network(8, 12), Context.standalone())
    reasons = {item.node: item.reason for item in result.record.refused}
    assert reasons == {"stem": "its 27 inputs do not divide into groups of 4"}


def test_blocks_go_together() -> None:
    result = pruned(residual_network(8, 12), share=0.5, block=(2, 4), where="wide").tensor("wide.weight")
    matrix = (result.permute(0, 2, 3, 1).reshape(12, -1) != 0).reshape(6, 2, -1, 4)
    filled = matrix.sum((1, 3))
    assert set(filled.unique().tolist()) == {0, 8}
    assert int((filled == 0).sum()) == prune_count(filled.numel(), 0.5)


@pytest.mark.parametrize("normalize", ["none", "max", "mean", "lamp"])
def test_the_share_of_all_weights_goes_and_no_layer_dies(normalize: Any) -> None:
    graph = residual_network(8, 12)
    graph.set_tensor("stem.weight", graph.tensor("stem.weight") * 1e-6)
    result = pruned(graph, share=0.9, scope="global", normalize=normalize)
    names = ("stem.weight", "wide.weight", "narrow.weight", "head.weight")
    total = sum(graph.tensor(name).numel() for name in names)
    assert sum(zeros(result, name) for name in names) == prune_count(total, 0.9)
    assert all(bool(result.tensor(name).any()) for name in names)


@pytest.mark.parametrize(
    "options", [{"share": 0.98}, {"share": 0.999, "scope": "global"}, {"share": 0.9, "block": (2, 2)}]
)
def test_a_layer_keeps_its_largest_weight_where_the_share_leaves_less_than_one(options: dict[str, Any]) -> None:
    graph = layer([[0.1, 0.2], [0.4, 0.3]])
    graph.set_outputs([graph.add("linear", [Value("relu")], name="head", tensors={"weight": torch.ones(60, 2)})])
    result = pruned(graph, **options)
    assert float(result.tensor("fc.weight").max()) == pytest.approx(0.4)
    assert zeros(result) == (3 if "block" not in options else 0)
    dead = pruned(graph, allow_dead_layer=True, **options)
    assert zeros(dead) == 4


def test_a_threshold_is_a_share_of_the_layers_largest() -> None:
    assert pruned(layer([REFERENCE]), threshold=0.5).tensor("fc.weight").count_nonzero() == 4


def test_random_pruning_is_a_control_that_follows_the_seed() -> None:
    graph = layer(torch.randn(6, 8).tolist())
    one, other = (
        PruneWeights(share=0.5, importance="random").run(graph, Context(seed=seed)).graph.tensor("fc.weight")
        for seed in (1, 2)
    )
    assert int((one == 0).sum()) == int((other == 0).sum()) == 24
    assert not torch.equal(one == 0, other == 0)


def test_dense_and_sparse_cost_are_told_apart() -> None:
    result = PruneWeights(share=0.75).run(layer(torch.randn(4, 8).tolist()), Context.standalone())
    (row,) = result.record.tables["sparsity"]
    assert (row["dense_macs"], row["sparse_macs"]) == (32, 8)
    assert (row["dense_bytes"], row["sparse_bytes"]) == (128, 36)
    assert (row["nonzero_before"], row["nonzero"]) == (32, 8)
    assert PRUNED_WEIGHTS.name in result.properties


def test_tied_weights_are_pruned_once() -> None:
    graph = layer(torch.randn(4, 4).tolist())
    graph.set_outputs([graph.add("linear", [graph.outputs[0]], name="again", tensors={"weight": "fc.weight"})])
    result = PruneWeights(share=0.5).run(graph, Context.standalone())
    assert zeros(result.graph) == 8
    assert len(result.record.tables["sparsity"]) == 1


def test_zeros_are_held_while_healing() -> None:
    seen: list[int] = []

    def train(graph: ModelGraph, **options: Any) -> ModelGraph:
        (hook,) = options["hooks"]
        assert isinstance(hook, HoldZeros)
        module = graph.to_module()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(1.0)
        hook.on_step(type("Moment", (), {"model": module})())
        trained = graph.copy()
        trained.set_tensors({name: value.data for name, value in module.named_parameters()})
        seen.append(zeros(trained))
        return trained

    graph = layer(torch.randn(4, 8).tolist())
    step = PruneWeights(share=0.5, rounds=3, heal=TrainingChoices())
    result = step.run(graph, context_with({}, train=train)).graph
    assert seen == [prune_count(32, 0.5 * (1 - (1 - item / 3) ** 3)) for item in (1, 2, 3)]
    assert zeros(result) == 16


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no criterion; give exactly one of share, pattern and threshold"),
        ({"share": 0.5, "pattern": "2:4"}, "has share and pattern"),
        ({"pattern": "4:2"}, "pattern is '4:2'; give N:M with 1 ≤ N < M"),
        ({"threshold": 0.1, "block": (2, 2)}, "block goes with share only"),
        ({"share": 1.0}, "which leaves dead layers"),
        ({"share": 0.5, "normalize": "lamp"}, "normalize compares layers"),
        ({"pattern": "2:4", "rounds": 2}, "rounds lead towards a share"),
    ],
)
def test_options_that_do_not_fit_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(NadooError, match=message):
        PruneWeights(**options)


def test_weights_that_were_zero_already_are_not_what_was_asked_for() -> None:
    graph = pruned(layer(torch.randn(4, 8).tolist()), share=0.5)
    with pytest.raises(PassError, match="leaves 16 of 32 weights non-zero, as many as before"):
        PruneWeights(share=0.4).run(graph, Context.standalone())


def test_where_nothing_was_pruned_the_reasons_are_told() -> None:
    with pytest.raises(
        PassError, match=r"as before; it refused fc: its 2 inputs do not divide into groups of 3; prune"
    ):
        PruneWeights(pattern="1:3").run(layer([[1.0, 2.0]]), Context())


@pytest.mark.parametrize("labels", [torch.full((32,), 7), torch.full((32,), -1)])
def test_labels_that_are_no_classes_of_the_model_are_told(labels: torch.Tensor) -> None:
    context = context_with({"calibration": Examples(images().inputs, labels)})
    with pytest.raises(
        PassError, match=r"calibration examples: have labels from -?\d to -?\d, and the model gives \[32, 4\]"
    ):
        PruneWeights(share=0.5, importance="taylor").run(residual_network(), context)


def test_nan_is_named() -> None:
    graph = layer([[1.0, float("nan")], [2.0, float("inf")]])
    with pytest.raises(PassError, match=r"tensor 'fc.weight'.*holds 2 values that are NaN"):
        PruneWeights(share=0.5).run(graph, Context.standalone())


def test_all_equal_and_all_zero_weights_lose_the_first_ones() -> None:
    found = pruned(layer([[1.0, 1.0, 1.0, 1.0]]), share=0.5).tensor("fc.weight")
    np.testing.assert_array_equal(found.numpy(), [[0, 0, 1, 1]])
    with pytest.raises(PassError, match="non-zero, as many as before"):
        PruneWeights(share=0.5).run(layer([[0.0, 0.0]]), Context.standalone())

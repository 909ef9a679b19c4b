"""Channels of graphs over codes: removed is what masked is, and prune-channels works on them as on others."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import nadoo_core as nadoo
from nadoo_cleanup.fold_batch_norm import FoldBatchNorm
from nadoo_core.data import Examples
from nadoo_core.errors import PassError
from nadoo_core.importance import Scoring
from nadoo_core.passes import Context, Services
from nadoo_graphs.channels import analyse_channels, mask_channels, remove_channels
from nadoo_graphs.counting import count
from nadoo_graphs.graph import ModelGraph
from nadoo_pruning.channel_scores import OWN, unit_scores
from nadoo_pruning.prune_channels import PruneChannels
from nadoo_pruning.remove_layers import RemoveLayers
from nadoo_quantization.quantize import Quantize
from tests.graphs.channels.networks import NETWORKS
from tests.plugins.nadoo_quantization.networks import Residual, images, seeded

MODES: dict[str, dict[str, Any]] = {
    "codes": {},
    "weights-alone": {"activations": "none"},
    "by-token": {"activation_scale": "token"},
}
CASES = (
    ("residual", "codes"), ("padded-shortcut", "codes"), ("squeeze-excite", "codes"), ("branches", "codes"),
    ("shuffle", "codes"), ("depthwise", "codes"), ("manual-attention", "codes"), ("module-attention", "codes"),
    ("residual", "weights-alone"), ("depthwise", "weights-alone"), ("tied", "weights-alone"), ("tied", "by-token"),
)  # fmt: skip


def context(inputs: torch.Tensor) -> Context:
    """A context with calibration data."""
    return Context(step="s", services=Services(data={"calibration": Examples(inputs)}))


@cache
def quantized(name: str, mode: str) -> tuple[ModelGraph, torch.Tensor]:
    """A network over codes, and an input."""
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    inputs = torch.randn(16, *shape[1:])
    graph = nadoo.capture(build().eval(), inputs[:4])
    graph = FoldBatchNorm().run(graph, Context(step="fold", allow_no_change=True)).graph
    return Quantize(rounding="nearest", **MODES[mode]).run(graph, context(inputs)).graph, inputs


def halved(graph: ModelGraph) -> tuple[Any, np.ndarray[Any, np.dtype[np.bool_]]]:
    """The channels of a graph, and half of every group to be removed."""
    channels, draws = analyse_channels(graph), np.random.default_rng(0)
    removed = np.zeros(len(channels), np.bool_)
    for group in channels.groups:
        removed[draws.permutation(group.units)[: len(group) // 2]] = True
    return channels, removed


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_removing_channels_of_codes_gives_what_masking_them_gives(name: str, mode: str) -> None:
    graph, inputs = quantized(name, mode)
    channels, removed = halved(graph)
    assert removed.any()
    masked, smaller = graph.copy(), graph.copy()
    mask_channels(masked, channels, removed)
    remove_channels(smaller, channels, removed)
    smaller.verify()
    assert count(smaller).macs({"N": 1}) < count(graph).macs({"N": 1})
    expected, actual = masked.run(inputs).result, smaller.run(inputs).result
    if not (channels.blended & removed).any():
        torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5)


def test_a_shift_by_the_largest_number_is_a_statistic_over_channels() -> None:
    layers = [torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)]
    inputs = torch.rand(16, 6)
    graph = seeded(torch.nn.Sequential(*layers), inputs)
    given = context(inputs)
    chosen: dict[str, Any] = {"weights": "4bitsym", "activations": "relu-norm", "input_range": (0.0, 1.0)}
    graph = Quantize(**chosen).run(graph, given).graph
    channels, removed = halved(graph)
    assert removed.sum() == 8
    assert channels.blended.all()
    smaller = graph.copy()
    remove_channels(smaller, channels, removed)
    assert smaller.run(inputs).result.shape == (16, 3)


@pytest.mark.parametrize("importance", ["auto", "l2", "taylor"])
def test_a_quantized_network_is_pruned_to_its_target(importance: str) -> None:
    inputs = images()
    labels = torch.arange(len(inputs)) % 5
    graph = Quantize().run(seeded(Residual(), inputs), context(inputs)).graph
    given = Context(step="p", services=Services(data={"calibration": Examples(inputs, labels)}))
    pruned = PruneChannels(macs=0.6, importance=importance).run(graph, given).graph
    assert 0.4 < count(pruned).macs({"N": 1}) / count(graph).macs({"N": 1}) <= 0.6
    assert pruned.tensor("first.weight_scale").shape == pruned.tensor("first.weight").shape[:1]


@pytest.mark.parametrize("projected", [False, True])
def test_a_block_of_codes_stays_because_its_ends_have_other_scales(projected: bool) -> None:
    inputs = images()
    graph = Quantize().run(seeded(Residual(), inputs), context(inputs)).graph
    with pytest.raises(PassError, match="could remove 0 blocks"):
        RemoveLayers(count=1, projected=projected).run(graph, context(inputs))


def test_what_a_channel_costs_is_counted_from_the_code_of_zero() -> None:
    inputs = images()
    graph = Quantize().run(seeded(Residual(), inputs), context(inputs)).graph
    channels = analyse_channels(graph)
    (group,) = [group for group in channels.groups if group.name == "first"]
    dead = group.units[[1, 4]]
    mask_channels(graph, channels, dead)
    scoring = Scoring(graph, channels, context(inputs))
    scores = unit_scores("loss", OWN["loss"], scoring, "sum")
    assert scores[dead].max() == 0
    assert scores[np.setdiff1d(group.units, dead)].min() > 0

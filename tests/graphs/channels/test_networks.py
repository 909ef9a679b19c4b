"""Units of channels of well-known constructions: masked is removed, counts follow, everything else stays."""

from functools import cache
from typing import Literal

import numpy as np
import pytest
import torch

import nadoo_core as nadoo
from nadoo_graphs.channels import ChannelPreview, analyse_channels, mask_channels, remove_channels
from nadoo_graphs.counting import count
from nadoo_graphs.graph import ModelGraph
from tests.graphs.channels.networks import EXPECTED_GROUPS, NETWORKS

WIDEST_ERROR = 1e-12


@cache
def network(name: str) -> tuple[ModelGraph, torch.Tensor]:
    """A network in float64 with an input for it; statistics are not as they begin."""
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    model = build().double().eval()
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.is_floating_point():
            tensor.data.add_(torch.rand_like(tensor) * 0.3)
    example = torch.randn(shape, dtype=torch.float64)
    return nadoo.capture(model, example), example


def result(graph: ModelGraph, example: torch.Tensor) -> torch.Tensor:
    """What the network gives."""
    found: torch.Tensor = graph.run(example).result
    return found


@pytest.mark.parametrize("heads", ["whole", "width"])
@pytest.mark.parametrize("name", NETWORKS)
def test_removing_units_gives_what_masking_them_gives(name: str, heads: Literal["whole", "width"]) -> None:
    graph, example = network(name)
    channels = analyse_channels(graph, heads)
    before = result(graph, example)
    draws = np.random.default_rng(0)
    for share in (0.2, 0.5, 0.8):
        removed = np.zeros(len(channels), np.bool_)
        for group in channels.groups:
            gone = draws.permutation(group.units)[: min(int(len(group) * share), len(group) - 1)]
            removed[gone] = True
        masked, smaller = graph.copy(), graph.copy()
        mask_channels(masked, channels, removed)
        remove_channels(smaller, channels, removed)
        smaller.verify()
        expected, actual = result(masked, example), result(smaller, example)
        assert actual.shape == before.shape
        if not (channels.blended & removed).any():
            assert (actual - expected).abs().max() <= WIDEST_ERROR * max(1.0, float(expected.abs().max()))
        preview = ChannelPreview(channels, {"N": 3})
        assert preview.macs(~removed) == count(smaller).macs(dict.fromkeys(preview.symbols, 3))
        assert preview.parameters(~removed) == count(smaller).parameters
    assert torch.equal(result(graph, example), before)


@pytest.mark.parametrize("name", EXPECTED_GROUPS)
def test_groups_have_the_units_that_the_construction_allows(name: str) -> None:
    graph, _ = network(name)
    found: dict[str, int] = {}
    for group in analyse_channels(graph).groups:
        found[group.name] = found.get(group.name, 0) + len(group)
    assert found == dict(EXPECTED_GROUPS[name])


def test_widths_of_heads_go_alike_and_scores_keep_their_scale() -> None:
    graph, example = network("fused-attention")
    channels = analyse_channels(graph, "width")
    (group,) = [group for group in channels.groups if group.name == "qkv"]
    assert len(group) == 4
    smaller = graph.copy()
    remove_channels(smaller, channels, group.units[:1])
    (attention,) = smaller.nodes(op="sdpa")
    assert attention.attributes["scale"] == pytest.approx(0.5)
    assert smaller.type(smaller.operand(attention, 0)).shape[-1] == 3
    assert result(smaller, example).shape == result(graph, example).shape


@pytest.mark.parametrize("name", NETWORKS)
def test_removing_nothing_changes_nothing(name: str) -> None:
    graph, _ = network(name)
    same = graph.copy()
    remove_channels(same, analyse_channels(graph), [])
    assert same.fingerprint() == graph.fingerprint()

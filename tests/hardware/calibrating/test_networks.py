"""Networks to calibrate with: valid, different, the same for a seed, and of values that stay in range."""

import pytest
import torch

from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.calibrating.networks import FAMILIES, MOST_BYTES, MOST_MACS, drawn_networks
from nadoo_hardware.calibrating.probes import LINK_OF, probes
from nadoo_hardware.estimators.host import made_inputs
from nadoo_hardware.estimators.terms import BY_KIND, latency_terms
from nadoo_hardware.estimators.work import graph_work


@pytest.fixture(scope="module")
def networks() -> tuple[ModelGraph, ...]:
    return tuple(drawn_networks(2 * len(FAMILIES), 3))


def test_every_family_is_drawn_in_turn_and_no_network_twice(networks: tuple[ModelGraph, ...]) -> None:
    names = [graph.name for graph in networks]
    assert names == [f"{name}-{turn}" for turn in (1, 2) for name in FAMILIES]
    assert len({graph_work(graph).macs for graph in networks}) == len(networks)


def test_networks_are_valid_and_not_too_large(networks: tuple[ModelGraph, ...]) -> None:
    for graph in networks:
        graph.verify()
        work = graph_work(graph)
        assert 0 < work.macs <= MOST_MACS
        assert sum(work.flash.values()) <= MOST_BYTES


def test_values_stay_in_range(networks: tuple[ModelGraph, ...]) -> None:
    for graph in networks:
        with torch.no_grad():
            size = graph.to_module().eval()(*made_inputs(graph)).abs().mean()
        assert 1e-3 < float(size) < 1e3, graph.name


def test_a_seed_draws_the_same_and_another_seed_others() -> None:
    one, same, other = ([graph_work(graph).macs for graph in drawn_networks(7, seed)] for seed in (1, 1, 2))
    assert one == same != other


def test_a_precision_is_that_of_weights_and_values() -> None:
    for graph in drawn_networks(len(FAMILIES), 0, "bfloat16"):
        kinds = {name.partition(".")[2] for name in latency_terms(graph_work(graph), ())}
        assert kinds == {"bfloat16"}


def test_networks_and_probes_have_all_work_that_is_fitted(networks: tuple[ModelGraph, ...]) -> None:
    found = {name for graph in networks for name in latency_terms(graph_work(graph), BY_KIND)}
    assert set(BY_KIND) <= found
    chains = list(probes(0))
    assert len(chains) == 2 * len(LINK_OF)
    for graph in chains:
        with torch.no_grad():
            assert graph.to_module().eval()(*made_inputs(graph)).isfinite().all()
    assert latency_terms(graph_work(chains[0]), BY_KIND).keys() == {"views"}

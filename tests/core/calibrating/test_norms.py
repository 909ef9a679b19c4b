"""Batch norms after their input changed: results keep their mean and spread, or statistics are those of the input."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from nadoo_core.calibrating.data import calibration_examples
from nadoo_core.calibrating.norms import matched_statistics, own_statistics
from nadoo_core.data import Examples
from nadoo_core.passes import Context, Services
from nadoo_graphs.graph import ModelGraph

EPS = 1e-5


def statistics(channels: int, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "weight": torch.rand(channels, generator=generator) + 0.5,
        "bias": torch.randn(channels, generator=generator),
        "running_mean": torch.randn(channels, generator=generator),
        "running_var": torch.rand(channels, generator=generator) + 0.5,
    }


def normed(value: torch.Tensor, held: dict[str, torch.Tensor]) -> torch.Tensor:
    return F.batch_norm(value, held["running_mean"], held["running_var"], held["weight"], held["bias"], eps=EPS)


@given(st.integers(0, 50), st.floats(0.3, 3), st.floats(-2, 2))
def test_matched_results_have_the_mean_and_spread_that_they_had(seed: int, factor: float, shift: float) -> None:
    given_, held = torch.randn(64, 3, 2, generator=torch.Generator().manual_seed(seed)), statistics(3, seed)
    wanted = normed(given_, held)
    changed = factor * given_ + shift
    found = normed(changed, {**held, **matched_statistics(changed, wanted, held, EPS)})
    assert found.mean((0, 2)).numpy() == pytest.approx(wanted.mean((0, 2)).numpy(), abs=1e-4)
    assert found.std((0, 2)).numpy() == pytest.approx(wanted.std((0, 2)).numpy(), rel=1e-3)


def test_a_channel_that_is_constant_keeps_what_it_had() -> None:
    held = statistics(2, 0)
    value = torch.randn(20, 2)
    value[:, 0] = 3.0
    found = matched_statistics(value, normed(value, held), held, EPS)
    assert found["running_mean"][0] == held["running_mean"][0]
    assert found["running_var"][0] == held["running_var"][0]


def test_own_statistics_are_those_of_the_input() -> None:
    value = torch.randn(40, 3)
    found = own_statistics(value, statistics(3, 0))
    assert found["running_mean"].numpy() == pytest.approx(value.mean(0).numpy(), abs=1e-5)
    assert found["running_var"].numpy() == pytest.approx(value.var(0, unbiased=False).numpy(), rel=1e-4)


def test_examples_come_in_the_precision_of_the_graph() -> None:
    graph = ModelGraph("wide")
    graph.set_outputs([graph.add("relu", [graph.add_input("x", ("N", 3), "float64")])])
    context = Context(services=Services(data={"calibration": Examples(torch.randn(30, 3))}))
    found = calibration_examples(graph, context, 10)
    assert found is not None
    assert len(found) == 10
    assert found.inputs.dtype == torch.float64
    assert calibration_examples(graph, Context(), 10) is None

"""Fidelity: noise in dB, agreement of the top class, per output and per node."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import nadoo_core as nadoo
from nadoo_core.errors import DataError
from nadoo_core.evaluation import Evaluator, measure_fidelity
from nadoo_core.evaluation.fidelity import Comparison, signal_to_noise
from nadoo_graphs.errors import NonFiniteError


class Scaled(nn.Module):
    """Gives its inputs times a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * self.factor


@pytest.fixture
def graph() -> nadoo.ModelGraph:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    return nadoo.capture(model, torch.randn(2, 4))


def nudged(graph: nadoo.ModelGraph, tensor: str) -> nadoo.ModelGraph:
    other = graph.copy()
    other.set_tensor(tensor, graph.tensor(tensor) * 1.01)
    return other


def test_one_percent_of_noise_is_40_db() -> None:
    agreement = measure_fidelity(Scaled(1.0), Scaled(0.99), torch.randn(50, 3)).outputs["output"]
    assert agreement.snr_db.value == pytest.approx(40.0, abs=1e-3) and agreement.snr_db.count == 50
    assert agreement.top_class is not None and agreement.top_class.value == 1.0


def test_equal_models_have_no_noise(graph: nadoo.ModelGraph) -> None:
    found = measure_fidelity(graph, graph.copy(), torch.randn(9, 4), "*")
    assert {agreement.snr_db.value for agreement in (*found.outputs.values(), *found.nodes.values())} == {math.inf}
    assert found.unmatched == {} and set(found.nodes) == {"0", "1", "2"}


@given(st.integers(1, 60))
def test_batches_change_nothing(batch: int) -> None:
    """The result is that of one batch, to the last bit for this model."""
    inputs = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    whole = measure_fidelity(Scaled(1.0), Scaled(1.125), inputs)
    assert measure_fidelity(Scaled(1.0), Scaled(1.125), inputs, batch=batch) == whole


def test_a_nudge_is_seen_from_its_node_on(graph: nadoo.ModelGraph) -> None:
    found = Evaluator().fidelity(graph, nudged(graph, "2.weight"), torch.randn(30, 4), ["*"])
    assert found.nodes["0"].snr_db.value == found.nodes["1"].snr_db.value == math.inf
    assert 20 < found.nodes["2"].snr_db.value < 60 and found.worst(1) == ("2",)
    assert found.nodes["2"].largest_error == found.outputs["output"].largest_error > 0


def test_globs_choose_the_nodes(graph: nadoo.ModelGraph) -> None:
    assert set(measure_fidelity(graph, graph, torch.randn(3, 4), "[01]").nodes) == {"0", "1"}
    with pytest.raises(DataError, match=r"no node is named lstm.*; there are 0, 1, 2"):
        measure_fidelity(graph, graph, torch.randn(3, 4), "lstm*")


def test_nodes_without_a_counterpart_are_named_with_the_reason(graph: nadoo.ModelGraph) -> None:
    wider = nadoo.capture(nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).eval(), torch.randn(2, 4))
    longer = nadoo.capture(
        nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.Identity(), nn.Tanh()).eval(), torch.randn(2, 4)
    )
    assert measure_fidelity(graph, wider, torch.randn(5, 4), "*").unmatched["0"] == "shape [5, 8] became [5, 6]"
    assert "only in the model" in measure_fidelity(graph, longer, torch.randn(5, 4), "*").unmatched.values()


def test_nodes_need_graphs(graph: nadoo.ModelGraph) -> None:
    with pytest.raises(DataError, match="nodes are compared between two graphs"):
        measure_fidelity(graph, graph.to_module(), torch.randn(3, 4), "*")


def test_outputs_of_other_shapes_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="only equal shapes can be compared"):
        measure_fidelity(Scaled(1.0), nn.Linear(3, 2), torch.randn(4, 3))


def test_an_output_that_is_no_number_is_refused() -> None:
    with pytest.raises(NonFiniteError):
        measure_fidelity(Scaled(1.0), Scaled(math.nan), torch.randn(4, 3))


def test_noise_on_silence_is_minus_infinity() -> None:
    assert signal_to_noise([0.0, 0.0], [1.0, 0.0]).value == -math.inf
    assert signal_to_noise([0.0], [0.0]).value == math.inf


def test_equal_infinities_are_no_noise() -> None:
    comparison = Comparison()
    comparison.add(torch.tensor([[-math.inf, 3.0]]), torch.tensor([[-math.inf, 2.0]]))
    assert comparison.agreement().snr_db.value == pytest.approx(10 * math.log10(9))


def test_the_error_shrinks_with_the_root_of_the_examples() -> None:
    torch.manual_seed(1)
    noise = nn.Linear(16, 16)
    errors = [measure_fidelity(Scaled(1.0), noise, torch.randn(count, 16)).outputs["output"] for count in (100, 10_000)]
    first, second = (agreement.snr_db.standard_error for agreement in errors)
    assert first is not None and second is not None and 5 < first / second < 20

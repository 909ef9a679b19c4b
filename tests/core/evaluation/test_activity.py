"""The positive-activation share: bounded, additive, the same for any batches, and the same however a model runs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import nadoo_core as nadoo
from nadoo_core.errors import DataError
from nadoo_core.evaluation import Activity, measure_activity
from nadoo_graphs.errors import EmptyTensorError, NonFiniteError


class Mixed(nn.Module):
    """An activation as a module, one as a function, one in place, and one that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.act = nn.ReLU()
        self.second = nn.Linear(6, 5)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.act(self.act(self.first(inputs)) - 0.1)
        return torch.sigmoid(F.gelu(self.second(hidden)).clone().relu_() - 0.1)


def model() -> Mixed:
    torch.manual_seed(0)
    return Mixed().eval()


INPUTS = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))


def test_modules_and_functions_are_counted_by_name() -> None:
    layers = measure_activity(model(), INPUTS).layers
    assert {name: count.total for name, count in layers.items()} == {"act": 480, "gelu": 200, "relu": 200}
    hidden = model().first(INPUTS).relu()
    assert layers["act"].positive == int((hidden > 0).sum()) + int((hidden > 0.1).sum())


def test_a_graph_and_its_module_count_the_same() -> None:
    graph = nadoo.capture(model(), INPUTS[:2])
    counted, generated = measure_activity(graph, INPUTS), measure_activity(graph.to_module(), INPUTS)
    assert counted == generated
    assert counted.total == measure_activity(model(), INPUTS).total


def test_named_nodes_are_counted_whatever_they_are() -> None:
    graph = nadoo.capture(model(), INPUTS[:2])
    for form in (graph, graph.to_module()):
        layers = measure_activity(form, INPUTS, names=["first"]).layers
        assert list(layers) == ["first"] and layers["first"].positive == int((model().first(INPUTS) > 0).sum())
    with pytest.raises(DataError, match="nowhere did not run"):
        measure_activity(graph, INPUTS, names=["nowhere"])
    with pytest.raises(DataError, match="nowhere did not run; there are act"):
        measure_activity(model(), INPUTS, names=["nowhere"])


@given(st.integers(1, 50), st.permutations(range(40)))
def test_neither_batches_nor_order_change_the_counts(batch: int, order: list[int]) -> None:
    """A9: counts are integers, so the share is the same to the last bit."""
    assert measure_activity(model(), INPUTS[order], batch=batch) == measure_activity(model(), INPUTS)


@given(st.integers(1, 39))
def test_counts_of_disjoint_sets_add_up(cut: int) -> None:
    """A9: activity(a ∪ b) = activity(a) + activity(b), and every share lies in [0, 1]."""
    parts = measure_activity(model(), INPUTS[:cut]) + measure_activity(model(), INPUTS[cut:])
    assert parts == measure_activity(model(), INPUTS)
    assert 0 <= parts.positive_share <= 1 and 0 <= parts.zero_share <= 1 and 0 <= parts.mean_layer_share <= 1


@given(st.floats(0.01, 100))
def test_a_positive_factor_changes_nothing(factor: float) -> None:
    relu = nn.Sequential(nn.ReLU())
    assert measure_activity(relu, INPUTS * factor) == measure_activity(relu, INPUTS)


def test_activations_with_the_same_positive_set_have_the_same_share() -> None:
    kinds = [nn.ReLU(), nn.GELU(), nn.LeakyReLU(0.125), nn.Hardswish(), nn.SiLU(), nn.ELU(), nn.PReLU(), nn.ReLU6()]
    shares = {measure_activity(nn.Sequential(kind), INPUTS).positive_share for kind in kinds}
    assert shares == {float((INPUTS > 0).double().mean())}


def test_only_a_relu_makes_zeros_of_the_rest() -> None:
    relu, leaky = measure_activity(nn.Sequential(nn.ReLU()), INPUTS), measure_activity(nn.LeakyReLU(), INPUTS)
    assert relu.zero_share == pytest.approx(1 - relu.positive_share) and leaky.zero_share == 0


def test_a_wide_layer_counts_more() -> None:
    net = nn.Sequential(nn.ReLU(), nn.Linear(4, 100), nn.ReLU())
    with torch.no_grad():
        net[1].weight.zero_()
        net[1].bias.fill_(1)
    found = measure_activity(net, -torch.ones(2, 4))
    assert found.mean_layer_share == 0.5 and found.positive_share == pytest.approx(100 / 104)


def test_an_incomplete_batch_can_be_dropped() -> None:
    assert measure_activity(nn.ReLU(), INPUTS, batch=15, drop_last=True).total.total == 30 * 4


def test_a_model_without_activations_has_no_share() -> None:
    with pytest.raises(EmptyTensorError, match="has no activation among"):
        _ = measure_activity(nn.Linear(4, 2), INPUTS).positive_share
    with pytest.raises(EmptyTensorError):
        _ = Activity({}).zero_share


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(NonFiniteError, match="activation"):
        measure_activity(nn.ReLU(), torch.tensor([[float("nan")]]))


def test_a_call_that_fails_leaves_no_hooks_behind() -> None:
    broken = model()
    with pytest.raises(RuntimeError):
        measure_activity(broken, torch.ones(2, 7))
    assert all(not module._forward_pre_hooks and not module._forward_hooks for module in broken.modules())

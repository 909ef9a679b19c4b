"""The machine at hand: what is measured falls where the next measurement does."""

import torch
from torch import nn

import nadoo_core as nadoo
from nadoo_core.cost import Device
from nadoo_hardware.estimators.host import measure, measured, quantile
from nadoo_hardware.host_device import this_machine


def test_a_graph_is_measured_on_this_machine_and_nowhere_else() -> None:
    graph = nadoo.capture(nn.Linear(64, 64), torch.zeros(2, 64))
    cost = measured(graph, this_machine())
    assert (cost.latency.low or 0) <= (cost.latency.value or 0) <= (cost.latency.high or 0)
    assert (cost.latency.value or 0) > 0
    assert dict(measured(graph, Device(name="other")).totals) == {}


def test_indices_stay_valid() -> None:
    graph = nadoo.capture(nn.Embedding(5, 3), torch.tensor([[4, 1], [0, 2]]))
    assert len(measure(graph, repeats=3).seconds) == 3


def test_a_quantile_lies_between_its_neighbours() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([1.0, 2.0], 0.25) == 1.25

"""Scoring for searches: the same totals as the analytic estimator gives, whatever was scored before."""

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import nadoo_core as nadoo
from nadoo_core.cost import COSTS, find_device
from nadoo_core.errors import OptionError
from nadoo_core.registry import Registry
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.estimators.analytic import analytic
from nadoo_hardware.scoring import Scorer

FORMATS = ("float32", "int8", "int4", "int2", "4bitsym")


class Tied(nn.Module):
    """A layer that is used twice, between layers that are not."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.deep = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.shared, self.head = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.deep(torch.relu(self.conv(x)))).mean((2, 3))
        return self.head(torch.relu(self.shared(torch.relu(self.shared(x)))))


@cache
def network() -> ModelGraph:
    return nadoo.capture(Tied().eval(), torch.zeros(2, 3, 8, 8))


@cache
def scorer(device: str) -> Scorer:
    return Scorer(network(), find_device(device, Registry.of()))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(("stm32f401", "raspberry-pi-4", "ch32v003")), st.data())
def test_a_score_is_what_the_estimator_says(device: str, data: st.DataObject) -> None:
    scores = scorer(device)
    layers = sorted(scores.layers)
    formats = data.draw(st.dictionaries(st.sampled_from(layers), st.sampled_from(FORMATS)))
    cost, expected = scores.score(formats), analytic(network(), scores.device, formats)
    for name in COSTS:
        one, other = cost.number(name), expected.number(name)
        assert one.reasons == other.reasons
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def test_a_layer_and_a_format_that_there_are_not_are_named_with_the_nearest() -> None:
    scores = scorer("stm32f401")
    with pytest.raises(OptionError, match=r"is no layer with weights.*head"):
        scores.score({"haed": "int8"})
    with pytest.raises(OptionError, match=r"'int88' is no format.*int8"):
        scores.score({"head": "int88"})

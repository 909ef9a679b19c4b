"""The randomized rectifier: torch's own bits in training and in evaluation."""

import pytest
import torch
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.errors import EditError
from nadoo_graphs.graph import ModelGraph


@pytest.mark.parametrize("training", [False, True])
def test_a_captured_rrelu_gives_torchs_bits(training: bool) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.RReLU(0.1, 0.4))
    graph = capture(model, torch.randn(2, 4))
    assert [node.op for node in graph.nodes()] == ["input", "linear", "rrelu", "output"]
    x, results = torch.randn(7, 4), []
    for module in (graph.to_module(), model):
        torch.manual_seed(3)
        results.append(module.train(training)(x))
    assert torch.equal(*results)


def test_a_whole_number_input_is_refused() -> None:
    graph = ModelGraph("whole")
    x = graph.add_input("x", ("N", 2), "int64")
    with pytest.raises(EditError, match="cast it to a floating dtype"):
        graph.add("rrelu", [x])

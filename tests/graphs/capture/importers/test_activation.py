"""Every way of writing an activation becomes its row."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nadoo_graphs.capture import capture
from tests.graphs.capture.importers.calls import Use, check_use, use

USES = (
    use("relu", F.relu),
    use("relu6", F.relu6),
    use("gelu", F.gelu),
    use("gelu by tanh", lambda x: F.gelu(x, approximate="tanh"), "gelu"),
    use("leaky_relu", lambda x: F.leaky_relu(x, 0.0625)),
    use("hardswish", F.hardswish),
    use("hardsigmoid", F.hardsigmoid),
    use("sigmoid", torch.sigmoid),
    use("log_sigmoid", F.logsigmoid),
    use("tanh", torch.tanh),
    use("silu", F.silu),
    use("mish", F.mish),
    use("softplus", lambda x: F.softplus(x, 2.0, 3.0)),
    use("elu", lambda x: F.elu(x, 0.7)),
    use("selu", F.selu),
    use("celu", lambda x: F.celu(x, 1.3)),
    use("hardtanh", lambda x: F.hardtanh(x, -0.5, 0.5)),
    use("threshold", lambda x: F.threshold(x, 0.1, 0.2)),
    use("hardshrink", F.hardshrink),
    use("softshrink", F.softshrink),
    use("glu", F.glu),
    use("softmax", lambda x: F.softmax(x, -1)),
    use("softmax in float64", lambda x: F.softmax(x, 1, dtype=torch.float64), "softmax"),
    use("log_softmax", lambda x: F.log_softmax(x, 1)),
    use("softmin", lambda x: F.softmin(x, 1), "neg", "softmax"),
)


@pytest.mark.parametrize("one", USES, ids=str)
def test_a_use_becomes_its_row(one: Use) -> None:
    check_use(one)


def test_a_learned_slope_is_a_tensor_of_its_node() -> None:
    model = nn.Sequential(nn.PReLU(4))
    graph = capture(model, torch.randn(2, 4, 6))
    (node,) = graph.nodes(op="prelu")
    assert dict(node.tensors) == {"weight": "0.weight"}


def test_a_computed_slope_stays_opaque() -> None:
    class Computed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.prelu(x, x.mean((0, 2)))

    graph = capture(Computed(), torch.randn(2, 4, 6))
    assert [node.attributes["target"] for node in graph.nodes(op="opaque")] == ["aten.prelu.default"]

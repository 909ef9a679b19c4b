"""Counts against published values and against torch's own."""

import torch
from torch import Tensor, nn

from nadoo_graphs.capture import capture
from nadoo_graphs.counting import count
from nadoo_graphs.graph import ModelGraph
from tests.graphs.captured import captured
from tests.models.architectures import MobileNetV2
from tests.models.bank import SMALL


def test_mobilenet_has_its_published_multiply_accumulates() -> None:
    graph = capture(MobileNetV2(classes=10).eval(), torch.randn(1, 3, 32, 32))
    found = count(graph)
    weights = sum(node.parameters for node in found.nodes if node.op in {"conv2d", "linear"})
    assert round(found.macs({"N": 1}) / 1e6, 3) == 6.125
    assert weights - 10 == 2_202_560
    assert found.macs({"N": 3}) == 3 * found.macs({"N": 1})


def test_the_perceptron_of_the_seed_has_25216_multiply_accumulates() -> None:
    layers = [
        nn.Linear(256, 64),
        nn.ReLU(),
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    ]
    found = count(capture(nn.Sequential(*layers), torch.randn(1, 256)))
    assert found.macs({"N": 1}) == 25_216
    assert found.parameters == 25_216 + 64 * 3 + 10


def test_a_shared_tensor_is_counted_once_and_its_work_each_time() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.layer(x))

    found = count(capture(Twice(), torch.randn(2, 4)))
    assert (found.parameters, found.weight_bytes, found.macs({"N": 1})) == (16, 64, 32)


def test_bytes_are_operands_and_outputs() -> None:
    graph = ModelGraph("bytes")
    x = graph.add_input("x", ("N", 6))
    graph.set_outputs([graph.add("relu", [x])])
    (node,) = [item for item in count(graph).nodes if item.op == "relu"]
    assert str(node.value_bytes) == "48*N"


def test_opaque_work_is_listed_never_free() -> None:
    class Exotic(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cdist(x, x)

    assert count(capture(Exotic(), torch.randn(3, 4))).unmodelled == ("cdist",)


def test_no_count_of_the_bank_is_negative_and_parameters_are_the_models() -> None:
    for case in SMALL:
        graph = captured(case.name).graph
        found = count(graph)
        sizes = dict.fromkeys(graph.contract.symbols, 3)
        known = {name for node in graph.nodes() for item in node.outputs for name in map(str, item.shape)}
        assert all(node.parameters >= 0 and node.weight_bytes >= 0 for node in found.nodes)
        if not found.unmodelled and known:
            assert found.macs(sizes) >= 0
            assert found.elementary(sizes) >= 0


def test_weights_over_codes_are_counted_as_they_are_kept() -> None:
    """A float master is not what lies in flash: packed codes do, and scales are folded away."""
    import torch

    from nadoo_graphs.graph import ModelGraph

    graph = ModelGraph("codes")
    codes = graph.add("quantize", [graph.add_input("x", ("N", 16))], tensors={"scale": torch.tensor(0.1)})
    tensors = {"weight": torch.ones(4, 16), "weight_scale": torch.tensor(0.1), "input_scale": "quantize.scale"}
    settings = {"weight_format": "int4", "output_format": "int32", "requantize": "none"}
    graph.set_outputs([graph.add("quantized_linear", [codes], tensors=tensors, **settings)])
    assert count(graph).parameters == 64
    assert 4 * 8 <= count(graph).weight_bytes < 4 * 8 + 16

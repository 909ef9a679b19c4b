"""The layer library: the minimum of the plan is there, and its parameters are those of PyTorch's modules."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.errors import LoadError
from nadoo_graphs.ops import standard_ops
from nadoo_graphs.plan import export_plan, import_plan
from nadoo_graphs.plan.library import layer_name, layer_rows
from tests.graphs.plan.documents import block, layer, model, tensor, write


def sizes(*names: str) -> set[str]:
    """Layers that there are for one, two and three axes."""
    return {f"{name}{axes}d" for name in names for axes in (1, 2, 3)}


MINIMUM = {
    "Linear", *sizes("Conv", "ConvTranspose", "MaxPool", "AvgPool", "AdaptiveAvgPool", "GlobalAvgPool"),
    "BatchNorm", "LayerNorm", "RMSNorm", "GroupNorm",
    "ReLU", "ReLU2", "ReLU6", "GELU", "LeakyReLU", "HardSwish", "XReLU", "XReLU6", "ShiftedReLU", "ReLUTopQ",
    "ReLUTopK", "Sigmoid", "Tanh", "SiLU", "ELU", "Softmax", "LogSoftmax", "Hardsigmoid", "PReLU",
    "Flatten", "Reshape", "Permute", "Concat", "Slice", "Pad", "Upsample", "Dropout", "Embedding",
    "RNN", "LSTM", "GRU", "SDPA", "Identity", "Cast", "Add", "Mul",
    "Quantize", "Dequantize", "Requantize", "ReLUNorm",
}  # fmt: skip
LATER = {
    "PackedLinear": "is a kernel of the lower representation, not a row of the graph",
    "PackedConv": "is a kernel of the lower representation, not a row of the graph",
    "RNNCell": "is captured as the operators that it is made of",
    "LSTMCell": "is captured as the operators that it is made of",
    "GRUCell": "is captured as the operators that it is made of",
    "MultiheadAttention": "is captured as projections around SDPA",
    "Select": "comes with dynamic routing",
    "If": "comes with dynamic routing",
}
"""Names of the plan's list that no row has yet, and why."""


def test_the_minimum_of_the_plan_is_in_the_library() -> None:
    assert layer_rows(standard_ops()).keys() >= MINIMUM


def test_what_comes_later_is_not_there_yet() -> None:
    """Whoever adds one of these moves it to the minimum."""
    assert not layer_rows(standard_ops()).keys() & LATER.keys()


def test_every_row_is_written_under_a_name_that_leads_back_to_it() -> None:
    """Law: the library is a bijection between rows and the names that are written."""
    rows = layer_rows(standard_ops())
    written = {row.name: layer_name(row) for row in rows.values()}
    assert all(rows[name].name == row for row, name in written.items())
    assert len(set(written.values())) == len(written)


MODULES: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "Linear": (nn.Linear(3, 5), (2, 3)),
    "Conv1d": (nn.Conv1d(2, 4, 3, stride=2, padding=1), (2, 2, 9)),
    "Conv2d": (nn.Conv2d(4, 6, (3, 2), groups=2, dilation=(2, 1)), (2, 4, 9, 9)),
    "Conv3d": (nn.Conv3d(1, 2, 2), (2, 1, 4, 4, 4)),
    "ConvTranspose2d": (nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, groups=2), (2, 4, 5, 5)),
    "BatchNorm": (nn.BatchNorm2d(3, eps=0.01, momentum=0.2), (2, 3, 4, 4)),
    "LayerNorm": (nn.LayerNorm((3, 4)), (2, 3, 4)),
    "RMSNorm": (nn.RMSNorm(4, eps=0.01), (2, 4)),
    "GroupNorm": (nn.GroupNorm(2, 4), (2, 4, 5)),
    "PReLU": (nn.PReLU(3), (2, 3, 4)),
    "LeakyReLU": (nn.LeakyReLU(0.0625), (2, 3)),
    "GELU": (nn.GELU("tanh"), (2, 3)),
    "Softmax": (nn.Softmax(1), (2, 3)),
    "MaxPool2d": (nn.MaxPool2d((2, 3), stride=(1, 2), ceil_mode=True), (2, 1, 8, 9)),
    "AvgPool2d": (nn.AvgPool2d((2, 2), padding=(1, 1), count_include_pad=False), (2, 1, 8, 8)),
    "AdaptiveAvgPool2d": (nn.AdaptiveAvgPool2d((2, 3)), (2, 1, 8, 9)),
    "Flatten": (nn.Flatten(1, 2), (2, 3, 4, 5)),
    "Dropout": (nn.Dropout(0.25), (2, 3)),
    "LSTM": (nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True), (2, 5, 3)),
    "GRU": (nn.GRU(3, 4, bias=False), (5, 2, 3)),
}


def exported(module: nn.Module, shape: tuple[int, ...], folder: Path) -> list[dict[str, Any]]:
    """The layers of a plan of one module."""
    graph = capture(module.eval(), (torch.zeros(shape),), dynamic=None)
    document = json.loads(export_plan(graph, folder).read_text())
    return [item for piece in document["blocks"] for item in piece["layers"] if item["type"] == "Layer"]


def alike(value: Any, written: Any) -> Any:
    """A module's parameter in the form that it is written: as an array with one entry an axis."""
    if isinstance(written, list) and not isinstance(value, tuple):
        return [value] * len(written)
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", MODULES)
def test_parameters_are_called_and_valued_as_in_pytorch(tmp_path: Path, name: str) -> None:
    module, shape = MODULES[name]
    found = next(item for item in exported(module, shape, tmp_path) if item["name"] == name)
    params = {key: value for key, value in found["params"].items() if hasattr(module, key)}
    assert params == {key: alike(getattr(module, key), params[key]) for key in params}
    named = {key for key in module.__constants__ if hasattr(module, key)} - UNSAID
    assert named <= params.keys(), f"{sorted(named - params.keys())} are missing"


UNSAID = {
    "inplace", "elementwise_affine", "affine", "track_running_stats", "return_indices", "bias", "dropout", "proj_size",
    "mode", "output_padding",
}  # fmt: skip
"""Constants of modules that a plan says otherwise, such as by which weights there are."""


@given(data=strategies.data())
@settings(max_examples=25)
def test_convolutions_of_any_form_come_back(
    tmp_path_factory: pytest.TempPathFactory, data: strategies.DataObject
) -> None:
    """Law: what a layer says is enough to compute the same bits."""
    small = strategies.integers(1, 3)
    groups, stride, dilation = (data.draw(small) for _ in range(3))
    kernel = data.draw(strategies.tuples(small, small))
    padding = data.draw(strategies.sampled_from([0, 1, "valid", "same" if stride == 1 else 2]))
    module = nn.Conv2d(
        2 * groups, 3 * groups, kernel, stride, padding, dilation, groups, bias=data.draw(strategies.booleans())
    )
    values = torch.randn(2, 2 * groups, 9, 8)
    path = export_plan(capture(module.eval(), (values,)), tmp_path_factory.mktemp("plan"))
    assert torch.equal(import_plan(path).run(values).outputs[0], module(values))


def convolution(**params: Any) -> dict[str, Any]:
    items = [tensor("w", [1, 1, 2, 2], "w.bin"), layer("Conv2d", "X", "Y", {"weight": "w"}, **params)]
    return model([1, 3, 3], [1, 2, 2], [block("only", [1, 3, 3], [1, 2, 2], items)])


def test_parameters_that_follow_from_the_weights_may_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, convolution(), {"w.bin": (1, 0, 0, 1)})
    values = torch.arange(9.0).reshape(1, 3, 3)
    assert import_plan(path).run(values).outputs[0].tolist() == [[[4, 6], [10, 12]]]


@pytest.mark.parametrize(
    ("params", "code", "said"),
    [
        ({"kernel_size": 3}, "E03", "kernel_size is 3, but the weights say (2, 2)"),
        ({"in_channels": 2}, "E03", "in_channels is 2"),
        ({"padding_mode": "reflect"}, "E07", "put a Pad before it"),
        ({"stride": "two"}, "E01", "give a tuple of integers"),
        ({"strides": 1}, "E07", "unknown attribute 'strides'"),
    ],
)
def test_parameters_are_held_against_weights_and_kinds(
    tmp_path: Path, params: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(LoadError) as caught:
        import_plan(write(tmp_path, convolution(**params), {"w.bin": (1, 0, 0, 1)}))
    assert caught.value.codes == (code,)
    assert said in str(caught.value)

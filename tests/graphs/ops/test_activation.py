"""The activations that torch knows: types, bits, work and refusals."""

import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.nn import functional as F

from nadoo_graphs.errors import GraphError
from nadoo_graphs.ops.activation import ROWS
from nadoo_graphs.values import ValueType
from tests.graphs.ops.comparing import (
    BATCH,
    Example,
    agree,
    by_name,
    call,
    check_example,
    example,
    execute,
    infer,
    same,
    tensors,
    type_of,
)

TABLE = by_name(ROWS)
REQUIRED = {"threshold": {"threshold": 0.5, "value": 1.0}}
UNARY = [name for name in TABLE if name not in {"prelu"}]
X = (BATCH, 6)

EXAMPLES = (
    example("relu", [X], F.relu),
    example("relu6", [X], F.relu6),
    example("gelu", [X], F.gelu),
    example("gelu", [X], lambda x: F.gelu(x, approximate="tanh"), approximate="tanh"),
    example("leaky_relu", [X], F.leaky_relu),
    example("leaky_relu", [X], lambda x: F.leaky_relu(x, 0.0625), negative_slope=0.0625),
    example("hardswish", [X], F.hardswish),
    example("hardsigmoid", [X], F.hardsigmoid),
    example("sigmoid", [X], torch.sigmoid),
    example("log_sigmoid", [X], F.logsigmoid),
    example("tanh", [X], torch.tanh),
    example("silu", [X], F.silu),
    example("mish", [X], F.mish),
    example("softplus", [X], lambda x: F.softplus(x, 2.0, 1.0), beta=2.0, threshold=1.0),
    example("elu", [X], lambda x: F.elu(x, 0.7), alpha=0.7),
    example("selu", [X], F.selu),
    example("celu", [X], lambda x: F.celu(x, 1.3), alpha=1.3),
    example("hardtanh", [X], lambda x: F.hardtanh(x, -0.5, 0.25), min_val=-0.5, max_val=0.25),
    example("threshold", [X], lambda x: F.threshold(x, 0.1, 2.0), threshold=0.1, value=2.0),
    example("hardshrink", [X], F.hardshrink),
    example("softshrink", [X], lambda x: F.softshrink(x, 0.2), lambd=0.2),
    example("glu", [X], F.glu),
    example("softmax", [X], lambda x: F.softmax(x, 1)),
    example("softmax", [X], lambda x: F.softmax(x, 0, dtype=torch.float64), dim=0, dtype="float64"),
    example("log_softmax", [X], lambda x: F.log_softmax(x, 0), dim=0),
)


@pytest.mark.parametrize("one", EXAMPLES, ids=str)
def test_a_row_is_torch_s_function_for_every_batch(one: Example) -> None:
    check_example(TABLE[one.row], one)


def test_every_row_has_an_example() -> None:
    assert {one.row for one in EXAMPLES} | {"prelu"} == set(TABLE)


@given(tensors())
def test_types_are_torch_s_for_any_shape_and_dtype(x: Tensor) -> None:
    """For every activation, shape and dtype: inference gives torch's type, and refuses where torch refuses."""
    for name in UNARY:
        if x.numel() or name not in {"softmax", "log_softmax"}:
            agree(TABLE[name], (x,), REQUIRED.get(name))


@pytest.mark.parametrize("slopes", [1, 3])
def test_prelu_takes_one_slope_or_one_a_channel(slopes: int) -> None:
    x, weight = torch.randn(2, 3, 4), torch.rand(slopes)
    found = execute(TABLE["prelu"], [x], tensors={"weight": weight})
    assert same(found, F.prelu(x, weight))
    assert infer(TABLE["prelu"], [type_of(x)], tensors={"weight": type_of(weight)}) == (type_of(x),)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (ValueType((2,), "float32"), "2 slopes for 3 channels; give 1 or 3"),
        (ValueType((1, 3), "float32"), "one slope, or one a channel"),
        (ValueType((3,), "float64"), "weight is float64, the operand float32"),
    ],
)
def test_prelu_refuses_a_weight_that_does_not_fit(weight: ValueType, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        infer(TABLE["prelu"], [ValueType((2, 3, 4), "float32")], tensors={"weight": weight})


@pytest.mark.parametrize(
    ("name", "attributes", "message"),
    [
        ("gelu", {"approximate": "erf"}, "'erf'; give 'none' or 'tanh'"),
        ("softmax", {"dim": 2}, "dim is 2, but the operand has 2 axes; give -2 to 1"),
        ("glu", {"dim": 1}, "axis 1 has 5 elements; give an even number"),
    ],
)
def test_a_wrong_attribute_is_named(name: str, attributes: dict[str, str | int], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        infer(TABLE[name], [ValueType((4, 5), "float32")], attributes)


def test_a_dtype_that_torch_does_not_take_is_named() -> None:
    with pytest.raises(GraphError, match=r"works on bfloat16, .* not on int64; cast the operand first") as caught:
        infer(TABLE["hardswish"], [ValueType((4,), "int64")])
    assert caught.value.codes == ("E04",)


@pytest.mark.parametrize(
    ("name", "each"), [("relu", 1), ("leaky_relu", 2), ("hardswish", 5), ("gelu", 20), ("softmax", 4)]
)
def test_work_is_counted_per_element(name: str, each: int) -> None:
    x = ValueType((BATCH, 3, 8), "float32")
    made = call(TABLE[name], [x])
    row = TABLE[name]
    assert row.elementary(made, row.infer(made)) == BATCH * 24 * each
    assert row.macs(made, row.infer(made)) == 0

"""Linear layers against torch.nn: types, values, counts and refusals."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from nadoo_graphs.capture.importers.importer import AtenCall, Imported, TensorName
from nadoo_graphs.capture.importers.linear import IMPORTERS
from nadoo_graphs.errors import GraphError
from nadoo_graphs.ops.linear import ROWS
from nadoo_graphs.values import Value, ValueType, value_type
from tests.graphs.ops.layers import optional, same_as_torch, use

SIZES = st.integers(1, 5)
DTYPES = st.sampled_from([torch.float32, torch.float64, torch.bfloat16])


@settings(max_examples=50)
@given(st.lists(st.integers(0, 4), max_size=3), SIZES, SIZES, st.booleans(), DTYPES)
def test_linear_gives_the_types_and_bits_of_torch(
    lead: list[int], features: int, outputs: int, biased: bool, dtype: torch.dtype
) -> None:
    """For every shape [*, in] and dtype: infer = type of F.linear, execute = F.linear, with or without a bias."""
    x = torch.randn(*lead, features, dtype=dtype)
    weight = torch.randn(outputs, features, dtype=dtype)
    bias = torch.randn(outputs, dtype=dtype) if biased else None
    layer = use(ROWS, "linear", x, tensors=optional(weight=weight, bias=bias))
    computed = use(ROWS, "computed_linear", *[item for item in (x, weight, bias) if item is not None])
    assert same_as_torch(layer)
    assert torch.equal(layer.run(), F.linear(x, weight, bias))
    assert torch.equal(computed.run(), layer.run())
    assert (computed.types, computed.macs, computed.elementary) == (layer.types, layer.macs, layer.elementary)


def test_linear_counts_the_bank_of_the_reference_network() -> None:
    """256-64-64-64-10 has 25 216 multiply-accumulates for one example."""
    widths = (256, 64, 64, 64, 10)
    layers = [
        use(ROWS, "linear", value_type((1, taken)), tensors={"weight": value_type((given, taken))})
        for taken, given in pairwise(widths)
    ]
    assert sum(layer.macs for layer in layers) == 25216
    assert all(layer.elementary == 0 for layer in layers)


def test_linear_counts_grow_with_a_symbolic_batch() -> None:
    tensors = {"weight": value_type((3, 4)), "bias": value_type((3,))}
    layer = use(ROWS, "linear", value_type(("N", 7, 4)), tensors=tensors)
    assert str(layer.types[0]) == "float32[N, 7, 3]"
    assert str(layer.macs) == "84*N"
    assert str(layer.elementary) == "21*N"


@pytest.mark.parametrize(
    ("source", "weight", "bias", "code", "words"),
    [
        (value_type((2, 5)), value_type((3, 4)), None, "E03", "must end in 4"),
        (value_type(()), value_type((3, 4)), None, "E03", "must end in 4"),
        (value_type((2, 4)), value_type((3, 4, 1)), None, "E03", "two axes"),
        (value_type((2, 4)), value_type((3, 4), "float64"), None, "E04", "cast one of them"),
        (value_type((2, 4)), value_type((3, 4)), value_type((4,)), "E03", "must be [3]"),
        (value_type((2, 4)), value_type((3, 4)), value_type((3,), "int64"), "E04", "the bias may be float32"),
    ],
)
def test_linear_refuses_what_does_not_fit(
    source: ValueType, weight: ValueType, bias: ValueType | None, code: str, words: str
) -> None:
    tensors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    with pytest.raises(GraphError) as refused:
        _ = use(ROWS, "linear", source, tensors=tensors).types
    assert refused.value.codes == (code,)
    assert words in str(refused.value)


def test_identity_hands_its_operand_on() -> None:
    x = torch.randn(2, 3)
    applied = use(ROWS, "identity", x)
    assert same_as_torch(applied)
    assert applied.run() is x


def imported(weight: Value | TensorName, bias: Value | TensorName | None) -> Imported | None:
    arguments = {"input": Value("x"), "weight": weight, "bias": bias}
    call = AtenCall("aten.linear.default", arguments, (), lambda item: value_type((2, 4)))
    return IMPORTERS["aten.linear.default"](call)


def test_a_layer_whose_tensors_are_the_models_is_imported_with_roles() -> None:
    found = imported(TensorName("fc.weight"), None)
    assert found == Imported("linear", (Value("x"),), {"weight": TensorName("fc.weight")}, {})


@pytest.mark.parametrize(
    ("weight", "bias"),
    [(Value("scaled"), None), (Value("scaled"), TensorName("b")), (TensorName("w"), Value("shifted"))],
)
def test_a_layer_with_a_computed_tensor_is_imported_with_operands(
    weight: Value | TensorName, bias: Value | TensorName | None
) -> None:
    found = imported(weight, bias)
    assert found is not None
    assert found.op == "computed_linear"
    assert found.operands == tuple(item for item in (Value("x"), weight, bias) if item is not None)
    assert not found.tensors

"""Attention: torch's bits, dropout in training only, shared heads, work and refusals."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.attention import ROWS
from nadoo_graphs.values import ValueType
from tests.graphs.ops.comparing import BATCH, Example, by_name, call, check_example, example, infer

TABLE = by_name(ROWS)
ROW = TABLE["sdpa"]
attend = F.scaled_dot_product_attention

Q, K, V = (BATCH, 2, 5, 8), (BATCH, 2, 7, 8), (BATCH, 2, 7, 3)
SHARED = (BATCH, 1, 7, 8)

EXAMPLES = (
    example("sdpa", [Q, K, V], attend),
    example("sdpa", [(5, 8), (7, 8), (7, 3)], attend),
    example("sdpa", [Q, K, V, (5, 7)], attend),
    example("sdpa", [Q, K, V, ValueType((BATCH, 1, 5, 7), "bool")], attend),
    example("sdpa", [Q, Q, Q], lambda q, k, v: attend(q, k, v, is_causal=True), causal=True),
    example("sdpa", [Q, K, V], lambda q, k, v: attend(q, k, v, scale=0.5), scale=0.5, dropout=0.3),
    example("sdpa", [Q, SHARED, SHARED], lambda q, k, v: attend(q, k, v, enable_gqa=True), gqa=True),
)


@pytest.mark.parametrize("one", EXAMPLES, ids=str)
def test_the_row_is_torch_s_function_for_every_batch(one: Example) -> None:
    check_example(ROW, one)


def test_dropout_is_torch_s_in_training_and_absent_in_evaluation() -> None:
    assert ROW.module is not None
    module = ROW.module(ROW.complete({"dropout": 0.5}))
    q = torch.randn(1, 2, 5, 8)
    torch.manual_seed(1)
    trained = module.train()(q, q, q)
    torch.manual_seed(1)
    assert torch.equal(trained, attend(q, q, q, dropout_p=0.5))
    assert torch.equal(module.eval()(q, q, q), attend(q, q, q))
    assert not torch.equal(trained, module(q, q, q))


def test_the_module_holds_no_state_and_can_be_exported() -> None:
    assert ROW.module is not None
    module = ROW.module(ROW.complete({"causal": True})).eval()
    q = torch.randn(2, 5, 8)
    exported = torch.export.export(module, (q, q, q), strict=False)
    assert module.state_dict() == {}
    assert torch.equal(exported.module()(q, q, q), attend(q, q, q, is_causal=True))


@given(st.integers(1, 4), st.integers(1, 8), st.integers(1, 8))
def test_self_attention_multiplies_twice_for_each_score(heads: int, length: int, width: int) -> None:
    """B·h·T² scores of width E, then as many weighted values: 2·T²·d in all for d = h·E."""
    q = ValueType((BATCH, heads, length, width), "float32")
    made = call(ROW, [q, q, q])
    assert ROW.macs(made, ROW.infer(made)) == BATCH * (2 * length**2 * heads * width)
    assert ROW.elementary(made, ROW.infer(made)) == BATCH * (5 * heads * length**2)


def floats(*shape: int) -> ValueType:
    """A float32 type."""
    return ValueType(shape, "float32")


REFUSALS: list[tuple[list[ValueType], dict[str, Attribute], str]] = [
    ([floats(8), floats(7, 8), floats(7, 8)], {}, r"each needs at least \[length, width\]"),
    ([floats(5, 8), floats(7, 4), floats(7, 8)], {}, "queries are 8 wide, keys 4"),
    ([floats(5, 8), floats(7, 8), floats(6, 8)], {}, "7 keys and 6 values"),
    ([floats(5, 8), floats(7, 8), ValueType((7, 8), "float16")], {}, "give one floating dtype"),
    ([floats(2, 5, 8), floats(3, 7, 8), floats(3, 7, 8)], {}, "do not broadcast: 2 meets 3"),
    ([floats(3, 5, 8), floats(2, 7, 8), floats(2, 7, 8)], {"gqa": True}, "give a divisor of 3"),
    ([floats(5, 8)] * 3, {"gqa": True}, "gqa shares heads among queries"),
    ([floats(5, 8)] * 3, {"dropout": 1.5}, "dropout is 1.5; give a probability from 0 to 1"),
    ([*[floats(5, 8)] * 3, floats(5, 5)], {"causal": True}, "torch admits one of the two"),
    ([*[floats(5, 8)] * 3, floats(5, 4)], {}, "do not broadcast"),
    ([*[floats(5, 8)] * 3, floats(2, 5, 5)], {}, "does not broadcast to the scores"),
    ([*[floats(5, 8)] * 3, ValueType((5, 5), "int64")], {}, "the mask is int64; give bool or float32"),
]


@pytest.mark.parametrize(("operands", "attributes", "message"), REFUSALS)
def test_what_does_not_fit_is_named(operands: list[ValueType], attributes: dict[str, Attribute], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        infer(ROW, operands, attributes)

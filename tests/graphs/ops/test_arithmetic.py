"""Arithmetic: torch's types for any operands and numbers, torch's bits, work and refusals."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.arithmetic import ROWS
from nadoo_graphs.values import ValueType
from tests.graphs.ops.comparing import (
    BATCH,
    Example,
    agree,
    broadcastable,
    by_name,
    call,
    check_example,
    example,
    infer,
    tensors,
)

TABLE = by_name(ROWS)
X = (BATCH, 6)
INTEGERS = ValueType(X, "int64")
UNARY = [row.name for row in ROWS if row.arity == (1, 1) and row.name != "clamp"]
BINARY = [row.name for row in ROWS if "other" in row.known or row.name in {"maximum", "minimum", "atan2"}]
WITH_NUMBER = [row.name for row in ROWS if "other" in row.known]

EXAMPLES = (
    example("add", [X, (6,)], torch.add),
    example("add", [X], lambda x: x + 2.5, other=2.5),
    example("sub", [X, X], torch.sub),
    example("sub", [X, X], lambda x, y: torch.sub(x, y, alpha=0.3), alpha=0.3),
    example("sub", [X], lambda x: x - 0.1, other=0.1),
    example("sub", [X], lambda x: 1 - x, other=1, reversed=True),
    example("mul", [X, (BATCH, 1)], torch.mul),
    example("mul", [X], lambda x: x * 3, other=3),
    example("div", [X, X], torch.div),
    example("div", [X], lambda x: x / 3, other=3),
    example("div", [X], lambda x: torch.tensor(1.0) / x, other=1.0, reversed=True),
    example("div", [INTEGERS], lambda x: torch.div(x, 2, rounding_mode="floor"), other=2, rounding_mode="floor"),
    example("power", [X], lambda x: x**2, other=2),
    example("power", [X], lambda x: 2**x, other=2, reversed=True),
    example("power", [X, X], torch.pow),
    example("remainder", [X, X], torch.remainder),
    example("remainder", [X], lambda x: x % 0.7, other=0.7),
    example("remainder", [X], lambda x: torch.remainder(3, x), other=3, reversed=True),
    example("fmod", [X], lambda x: torch.fmod(x, 0.7), other=0.7),
    example("floor_divide", [X, X], torch.floor_divide),
    example("floor_divide", [X], lambda x: x // 0.7, other=0.7),
    example("floor_divide", [X], lambda x: 3 // x, other=3, reversed=True),
    example("maximum", [X, (1, 6)], torch.maximum),
    example("minimum", [X, X], torch.minimum),
    example("atan2", [X, X], torch.atan2),
    example("clamp", [X], lambda x: x.clamp(-0.5, 0.5), min=-0.5, max=0.5),
    example("clamp", [X], lambda x: x.clamp_min(0.1), min=0.1),
    example("clamp", [X], lambda x: x.clamp_max(0), max=0),
    example("matmul", [X, (6, 4)], torch.matmul),
    example("matmul", [(BATCH, 2, 3, 6), (6,)], torch.matmul),
    example("matmul", [(6,), (BATCH, 6, 2)], torch.matmul),
    example("matmul", [(BATCH, 1, 3, 6), (4, 6, BATCH)], torch.matmul),
    example("addmm", [(4,), X, (6, 4)], torch.addmm),
    example("addmm", [(4,), X, (6, 4)], lambda *a: torch.addmm(*a, beta=0.5, alpha=2.0), beta=0.5, alpha=2.0),
    example("round", [X], torch.round),
    example("round", [X], lambda x: torch.round(x, decimals=1), decimals=1),
    *(example(name, [X], getattr(torch, name)) for name in UNARY if name != "round"),
)


@pytest.mark.parametrize("one", EXAMPLES, ids=str)
def test_a_row_is_torch_s_function_for_every_batch(one: Example) -> None:
    check_example(TABLE[one.row], one)


def test_every_row_has_an_example() -> None:
    assert {one.row for one in EXAMPLES} == set(TABLE)


@given(tensors())
def test_unary_types_are_torch_s(x: Tensor) -> None:
    """For every function, shape and dtype: inference gives torch's type, and refuses where torch refuses."""
    for name in UNARY:
        agree(TABLE[name], (x,))


@given(broadcastable())
def test_binary_types_are_torch_s(pair: tuple[Tensor, Tensor]) -> None:
    """For every operator, two shapes and two dtypes: torch's type or torch's refusal."""
    for name in BINARY:
        agree(TABLE[name], pair)


NUMBERS = st.sampled_from((True, 2, 1.5))


@given(tensors(), NUMBERS, st.booleans())
def test_types_with_a_number_are_torch_s(x: Tensor, number: float, backwards: bool) -> None:
    """For every operator, shape, dtype, kind of number and side that it stands on."""
    for name in WITH_NUMBER:
        if name == "power" and number is True:
            continue  # to the power of True, torch copies any operand, booleans included
        sides: dict[str, Attribute] = {"reversed": backwards} if "reversed" in TABLE[name].known else {}
        agree(TABLE[name], (x,), {"other": number, **sides})


@given(tensors(), st.sampled_from((None, 0, 0.5)), st.sampled_from((None, 1, 1.5)))
def test_clamp_types_are_torch_s(x: Tensor, low: float | None, high: float | None) -> None:
    agree(TABLE["clamp"], (x,), {"min": low, "max": high})


@given(broadcastable(), st.sampled_from(("trunc", "floor")))
def test_rounded_quotients_have_torch_s_types(pair: tuple[Tensor, Tensor], mode: str) -> None:
    agree(TABLE["div"], pair, {"rounding_mode": mode})


SHAPE = st.lists(st.integers(1, 3), max_size=4).map(tuple)


@given(SHAPE, SHAPE)
def test_matmul_shapes_are_torch_s(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    """For any two shapes: torch's product shape or torch's refusal."""
    agree(TABLE["matmul"], (torch.ones(left), torch.ones(right)))


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.lists(st.integers(1, 3), max_size=2))
def test_matmul_counts_a_product_for_each_term(rows: int, inner: int, columns: int, batch: list[int]) -> None:
    """(a, k)·(k, b) is a·k·b multiply-accumulates, for each of the leading axes."""
    left, right = ValueType((BATCH, *batch, rows, inner), "float32"), ValueType((inner, columns), "float32")
    made = call(TABLE["matmul"], [left, right])
    expected = BATCH * rows * inner * columns
    for size in batch:
        expected = expected * size
    assert TABLE["matmul"].macs(made, TABLE["matmul"].infer(made)) == expected


@pytest.mark.parametrize(
    ("name", "attributes", "work"),
    [("add", {"other": 1}, 1), ("mul", {"other": 2.0}, 1), ("sub", {"other": 1, "alpha": 2}, 2), ("neg", {}, 1)],
)
def test_work_is_counted_per_element(name: str, attributes: dict[str, Attribute], work: int) -> None:
    made = call(TABLE[name], [ValueType((BATCH, 8), "float32")], attributes)
    assert TABLE[name].elementary(made, TABLE[name].infer(made)) == BATCH * 8 * work


FLOATS, BOOLEANS = ValueType((2, 3), "float32"), ValueType((2, 3), "bool")


@pytest.mark.parametrize(
    ("name", "operands", "attributes", "message"),
    [
        ("add", [FLOATS], {}, "has one operand and no number; give a second operand or the attribute other"),
        ("add", [FLOATS, FLOATS], {"other": 1}, "has two operands and other = 1"),
        ("mul", [FLOATS, ValueType((4,), "float32")], {}, r"\[2, 3\] and \[4\] do not broadcast: 3 meets 4"),
        ("sub", [BOOLEANS, FLOATS], {}, "subtracts booleans"),
        ("sub", [ValueType((2,), "int64")], {"other": 1, "alpha": 0.5}, "alpha is 0.5 on int64; give an integer"),
        ("div", [FLOATS, FLOATS], {"rounding_mode": "up"}, "'up'; give None, 'trunc' or 'floor'"),
        ("power", [ValueType((2,), "int32")], {"other": -1}, "raises int32 to -1"),
        ("clamp", [FLOATS], {}, "has neither min nor max"),
        ("matmul", [FLOATS, FLOATS], {}, "3 columns meet 2 rows"),
        ("matmul", [FLOATS, ValueType((3, 2), "float64")], {}, "their dtypes must be equal"),
        ("matmul", [FLOATS, ValueType((), "float32")], {}, "both need at least one axis"),
        ("addmm", [FLOATS, FLOATS, FLOATS], {}, r"give matrices of shapes \[n, k\] and \[k, m\]"),
        ("round", [ValueType((2,), "int64")], {"decimals": 1}, "not on int64"),
    ],
)
def test_what_does_not_fit_is_named(
    name: str, operands: list[ValueType], attributes: dict[str, Attribute], message: str
) -> None:
    with pytest.raises(GraphError, match=message):
        infer(TABLE[name], operands, attributes)

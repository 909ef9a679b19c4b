"""Comparisons and logic: torch's types for any operands, torch's values, and refusals."""

import operator
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nadoo_graphs.errors import GraphError
from nadoo_graphs.ops.comparison import ROWS
from nadoo_graphs.values import ValueType
from tests.graphs.ops.comparing import (
    BATCH,
    Example,
    agree,
    broadcastable,
    by_name,
    check_example,
    example,
    infer,
    tensors,
)

TABLE = by_name(ROWS)
X = (BATCH, 6)
BOOLEANS = ValueType(X, "bool")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
UNARY = [row.name for row in ROWS if row.arity == (1, 1)]
BINARY = [row.name for row in ROWS if row.arity[1] == 2]
WITH_NUMBER = [row.name for row in ROWS if "other" in row.known]


def compared_with_one(name: str, x: Tensor) -> Tensor:
    """A comparison as Python writes it."""
    return getattr(operator, name)(x, 1)


EXAMPLES = (
    *(example(name, [X, (1, 6)], getattr(operator, name)) for name in COMPARISONS),
    *(example(name, [ValueType(X, "int64")], partial(compared_with_one, name), other=1) for name in COMPARISONS),
    *(example(name, [BOOLEANS, X], getattr(torch, name)) for name in ("logical_and", "logical_or", "logical_xor")),
    *(example(name, [X], getattr(torch, name)) for name in ("logical_not", "isnan", "isinf", "isfinite")),
    example("bitwise_and", [BOOLEANS, BOOLEANS], operator.and_),
    example("bitwise_or", [BOOLEANS, BOOLEANS], operator.or_),
    example("bitwise_xor", [ValueType(X, "int64")], lambda x: x ^ 3, other=3),
    example("bitwise_not", [BOOLEANS], operator.invert),
)


@pytest.mark.parametrize("one", EXAMPLES, ids=str)
def test_a_row_is_torch_s_function_for_every_batch(one: Example) -> None:
    check_example(TABLE[one.row], one)


def test_every_row_has_an_example() -> None:
    assert {one.row for one in EXAMPLES} == set(TABLE)


@given(tensors())
def test_unary_types_are_torch_s(x: Tensor) -> None:
    """For every row, shape and dtype: torch's type or torch's refusal."""
    for name in UNARY:
        agree(TABLE[name], (x,))


@given(broadcastable())
def test_binary_types_are_torch_s(pair: tuple[Tensor, Tensor]) -> None:
    """For every row, two shapes and two dtypes: torch's type or torch's refusal."""
    for name in BINARY:
        agree(TABLE[name], pair)


@given(tensors(), st.sampled_from((True, 2, 1.5)))
def test_types_with_a_number_are_torch_s(x: Tensor, number: float) -> None:
    """For every row that takes a number: torch's type or torch's refusal."""
    for name in WITH_NUMBER:
        agree(TABLE[name], (x,), {"other": number})


def test_bits_of_floats_are_refused() -> None:
    with pytest.raises(GraphError, match=r"works on bool, .* not on float32"):
        infer(TABLE["bitwise_and"], [BOOLEANS, ValueType(X, "float32")])


def test_a_comparison_never_works_in_place() -> None:
    """Its result is smaller than what it compares."""
    assert all(row.in_place == () for row in ROWS if row.name in COMPARISONS)

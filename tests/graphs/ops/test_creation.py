"""Values made from attributes: torch's types and values, on the operand's device and dtype, and refusals."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.creation import ROWS
from nadoo_graphs.values import ValueType
from tests.graphs.ops.comparing import (
    BATCH,
    Example,
    agree,
    by_name,
    check_example,
    dtypes,
    example,
    infer,
    shapes,
    tensors,
)

TABLE = by_name(ROWS)
X = (BATCH, 3)

EXAMPLES = (
    example("full", [], lambda: torch.zeros(2, 3), shape=(2, 3), dtype="float32"),
    example("full", [], lambda: torch.full((2,), 0.5), shape=(2,), value=0.5),
    example("full", [], lambda: torch.tensor(True), shape=(), value=True),
    example("full", [X], torch.zeros_like),
    example("full", [X], lambda x: torch.full_like(x, 2, dtype=torch.int64), value=2, dtype="int64"),
    example("full", [X], lambda x: x.new_ones(x.shape[0], 1), value=1, shape=(BATCH, 1)),
    example("arange", [], lambda: torch.arange(5), end=5),
    example("arange", [], lambda: torch.arange(7, 1, -2), start=7, end=1, step=-2),
    example("arange", [], lambda: torch.arange(4, dtype=torch.float32), end=4, dtype="float32"),
    example("eye", [], lambda: torch.eye(3), n=3),
    example("eye", [], lambda: torch.eye(2, 4, dtype=torch.int64), n=2, m=4, dtype="int64"),
)


@pytest.mark.parametrize("one", EXAMPLES, ids=str)
def test_a_row_is_torch_s_function_for_every_batch(one: Example) -> None:
    check_example(TABLE[one.row], one)


def test_every_row_has_an_example() -> None:
    assert {one.row for one in EXAMPLES} == set(TABLE)


def test_a_symbolic_range_is_as_long_as_its_end() -> None:
    assert infer(TABLE["arange"], [], {"end": BATCH * 2}) == (ValueType((BATCH * 2,), "int64"),)


@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(-3, 3))
def test_ranges_have_torch_s_length(start: int, end: int, step: int) -> None:
    """For any bounds and step: torch's length, or a refusal where torch refuses."""
    agree(TABLE["arange"], (), {"start": start, "end": end, "step": step})


VALUE = st.sampled_from((True, 0, 2, 0.5))


@given(shapes, VALUE, st.none() | dtypes)
def test_a_constant_has_torch_s_type(shape: tuple[int, ...], value: float, dtype: str | None) -> None:
    agree(TABLE["full"], (), {"shape": shape, "value": value, "dtype": dtype})


@given(tensors(), VALUE, st.none() | shapes)
def test_a_constant_beside_an_operand_has_torch_s_type(x: Tensor, value: float, shape: tuple[int, ...] | None) -> None:
    agree(TABLE["full"], (x,), {"shape": shape, "value": value})


@given(st.integers(-1, 3), st.none() | st.integers(0, 3), dtypes)
def test_an_identity_has_torch_s_type(n: int, m: int | None, dtype: str) -> None:
    agree(TABLE["eye"], (), {"n": n, "m": m, "dtype": dtype})


@pytest.mark.parametrize(
    ("name", "attributes", "message"),
    [
        ("full", {}, "has neither a shape nor an operand"),
        ("full", {"shape": (-1,)}, r"shape is \[-1\]; give sizes of at least 0"),
        ("arange", {"end": 3, "step": 0}, "step is 0; give a number other than 0"),
        ("arange", {"end": -3}, "runs from 0 to -3 in steps of 1; turn the sign of the step"),
        ("eye", {"n": -1}, "give sizes of at least 0"),
    ],
)
def test_what_does_not_fit_is_named(name: str, attributes: dict[str, Attribute], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        infer(TABLE[name], [], attributes)

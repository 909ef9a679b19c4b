"""Folds and orders: torch's types for any arguments, torch's bits, work and refusals."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.reduction import ROWS
from nadoo_graphs.values import ValueType
from tests.graphs.ops.comparing import (
    BATCH,
    DTYPES,
    Example,
    agree,
    by_name,
    call,
    check_example,
    example,
    infer,
    tensors,
)

TABLE = by_name(ROWS)
X = (BATCH, 3, 4)
FOLDS = ("mean", "sum", "amax", "amin", "any", "all", "vector_norm")
ONE_AXIS = ("max", "min", "argmax", "argmin", "prod")
SPREADS = ("var", "std")

EXAMPLES = (
    example("mean", [X], torch.mean),
    example("mean", [X], lambda x: x.mean((1, 2), keepdim=True), dim=(1, -1), keepdim=True),
    example("mean", [X], lambda x: x.mean(0, dtype=torch.float64), dim=(0,), dtype="float64"),
    example("sum", [X], torch.sum),
    example("sum", [X], lambda x: x.sum(-1), dim=(-1,)),
    *(example(name, [X], partial(getattr(torch, name), dim=(0, 2)), dim=(0, 2)) for name in ("amax", "amin")),
    example("amax", [X], torch.amax),
    example("logsumexp", [X], lambda x: x.logsumexp(1), dim=(1,)),
    example("any", [ValueType(X, "bool")], lambda x: x.any(1), dim=(1,)),
    example("all", [ValueType(X, "bool")], torch.all),
    example("max", [X], torch.max),
    example("max", [X], lambda x: tuple(x.max(1)), dim=1),
    example("min", [X], lambda x: tuple(x.min(-1, keepdim=True)), dim=-1, keepdim=True),
    example("argmax", [X], torch.argmax),
    example("argmin", [X], lambda x: x.argmin(2, keepdim=True), dim=2, keepdim=True),
    example("var", [X], lambda x: x.var(1), dim=(1,)),
    example("var", [X], lambda x: x.var((0, 1), correction=0), dim=(0, 1), correction=0),
    example("std", [X], torch.std),
    example("prod", [X], torch.prod),
    example("prod", [X], lambda x: x.prod(1), dim=1),
    example("vector_norm", [X], torch.linalg.vector_norm),
    example("vector_norm", [X], lambda x: torch.linalg.vector_norm(x, 1, 2, True), ord=1, dim=(2,), keepdim=True),
    example("cumsum", [X], lambda x: x.cumsum(1), dim=1),
    example("cumprod", [X], lambda x: x.cumprod(-1)),
    example("topk", [X], lambda x: tuple(x.topk(2)), k=2),
    example("topk", [X], lambda x: tuple(x.topk(1, 1, largest=False)), k=1, dim=1, largest=False),
    example("sort", [X], lambda x: tuple(x.sort())),
    example(
        "sort", [X], lambda x: tuple(x.sort(dim=1, descending=True, stable=True)), dim=1, descending=True, stable=True
    ),
)


@pytest.mark.parametrize("one", EXAMPLES, ids=str)
def test_a_row_is_torch_s_function_for_every_batch(one: Example) -> None:
    check_example(TABLE[one.row], one)


def test_every_row_has_an_example() -> None:
    assert {one.row for one in EXAMPLES} == set(TABLE)


DIM = st.integers(-4, 3)
DIMS = st.none() | st.lists(DIM, min_size=1, max_size=3).map(tuple)


@pytest.mark.parametrize("name", [*FOLDS, *SPREADS])
@pytest.mark.filterwarnings("ignore:.*degrees of freedom:UserWarning")
@given(x=tensors(), dims=DIMS, keepdim=st.booleans())
def test_folded_types_are_torch_s(name: str, x: Tensor, dims: tuple[int, ...] | None, keepdim: bool) -> None:
    """For any shape, dtype and axes: torch's type, or a refusal where torch refuses."""
    agree(TABLE[name], (x,), {"dim": dims, "keepdim": keepdim})


@pytest.mark.parametrize("name", ONE_AXIS)
@given(x=tensors(), dim=st.none() | DIM, keepdim=st.booleans())
def test_types_along_one_axis_are_torch_s(name: str, x: Tensor, dim: int | None, keepdim: bool) -> None:
    if dim is not None or not keepdim:
        agree(TABLE[name], (x,), {"dim": dim, "keepdim": keepdim})


@given(tensors(), DIMS.filter(bool), st.booleans())
def test_logsumexp_types_are_torch_s(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> None:
    agree(TABLE["logsumexp"], (x,), {"dim": dims, "keepdim": keepdim})


@given(tensors(), DIMS, st.sampled_from((None, *DTYPES)))
def test_a_named_dtype_is_torch_s(x: Tensor, dims: tuple[int, ...] | None, dtype: str | None) -> None:
    """mean and sum compute in the dtype that is named."""
    for name in ("mean", "sum"):
        agree(TABLE[name], (x,), {"dim": dims, "dtype": dtype})


@given(tensors(), DIM, st.sampled_from((None, *DTYPES[:-1])))
def test_running_types_are_torch_s(x: Tensor, dim: int, dtype: str | None) -> None:
    """For any shape and axis and every dtype but bool, which torch admits for a single number only."""
    for name in ("cumsum", "cumprod"):
        agree(TABLE[name], (x,), {"dim": dim, "dtype": dtype})


@given(tensors(), DIM, st.integers(-1, 4))
def test_topk_and_sort_types_are_torch_s(x: Tensor, dim: int, k: int) -> None:
    agree(TABLE["topk"], (x,), {"k": k, "dim": dim})
    agree(TABLE["sort"], (x,), {"dim": dim})


@pytest.mark.parametrize(("name", "each"), [("mean", 1), ("sum", 1), ("max", 1), ("var", 4), ("vector_norm", 2)])
def test_work_is_counted_per_folded_element(name: str, each: int) -> None:
    made = call(TABLE[name], [ValueType((BATCH, 8), "float32")])
    assert TABLE[name].elementary(made, TABLE[name].infer(made)) == BATCH * 8 * each


@pytest.mark.parametrize(
    ("name", "operand", "attributes", "message"),
    [
        ("mean", ValueType((2,), "int64"), {}, "not on int64; cast the operand first"),
        ("sum", ValueType((2, 3), "float32"), {"dim": (2,)}, "dim is 2, but the operand has 2 axes"),
        ("sum", ValueType((2, 3), "float32"), {"dim": (0, -2)}, "names an axis twice"),
        ("amax", ValueType((0, 3), "float32"), {"dim": (0,)}, "has no elements there; give at least one"),
        ("logsumexp", ValueType((2,), "float32"), {"dim": ()}, "names no axis; give at least one"),
        ("cumsum", ValueType((2,), "float32"), {"dtype": "bool"}, "not on bool"),
        ("argmax", ValueType((2,), "bool"), {}, "not on bool"),
        ("topk", ValueType((2, 3), "float32"), {"k": 4}, "k is 4 on an axis of 3; give 0 to 3"),
        ("topk", ValueType((BATCH,), "float32"), {"k": 2}, "whether k = 2 values lie in the symbolic size N is open"),
    ],
)
def test_what_does_not_fit_is_named(
    name: str, operand: ValueType, attributes: dict[str, Attribute], message: str
) -> None:
    with pytest.raises(GraphError, match=message):
        infer(TABLE[name], [operand], attributes)

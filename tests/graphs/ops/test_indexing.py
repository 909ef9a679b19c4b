"""Picking elements: torch's shapes for any arguments, torch's elements, and refusals."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.indexing import ROWS
from nadoo_graphs.values import ValueType
from tests.graphs.ops.comparing import (
    BATCH,
    Example,
    agree,
    broadcastable,
    by_name,
    check_example,
    example,
    execute,
    infer,
    shapes,
    tensors,
)

TABLE = by_name(ROWS)
X = (BATCH, 5, 4)
MASK = ValueType(X, "bool")


def indices(*shape: int) -> ValueType:
    """A type of indices."""
    return ValueType(shape, "int64")


EXAMPLES = (
    example("slice", [X], lambda x: x[:, 1:-1], dim=1, start=1, end=-1),
    example("slice", [X], lambda x: x[..., ::3], dim=-1, step=3),
    example("slice", [X], lambda x: x[1:], start=1),
    example("slice", [X], lambda x: x[:-1], end=-1),
    example("slice", [X], lambda x: x[::2], step=2),
    example("slice", [X], lambda x: x[-1:], start=-1),
    example("slice", [X], lambda x: x[:1], end=1),
    example("slice", [X], lambda x: x, end=2**63 - 1),
    example("slice", [X], lambda x: x[:, -2:77], dim=1, start=-2, end=77),
    example("slice", [X], lambda x: x[:, 4:2], dim=1, start=4, end=2),
    example("select", [X], lambda x: x[:, 2], dim=1, index=2),
    example("select", [X], lambda x: x[-1], index=-1),
    example("index", [X, indices(3, 2)], lambda x, i: x[:, i], given=(False, True)),
    example("index", [X, indices(3), indices(2, 1)], lambda x, i, j: x[:, i, j], given=(False, True, True)),
    example("index", [(5, BATCH, 4), indices(3), indices()], lambda x, i, j: x[i, :, j], given=(True, False, True)),
    example("index_select", [X, indices(3)], lambda x, i: x.index_select(1, i), dim=1),
    example("gather", [X, ValueType((BATCH, 5, 2), "int64")], lambda x, i: x.gather(-1, i), dim=-1),
    example("where", [MASK, X, (4,)], torch.where),
    example("where", [MASK, X], lambda c, x: torch.where(c, x, 0.5), on_false=0.5),
    example("where", [MASK, X], lambda c, x: torch.where(c, 1.0, x), on_true=1.0),
    example("where", [MASK], lambda c: torch.where(c, 1.0, 0.0), on_true=1.0, on_false=0.0),
    example("masked_fill", [X, MASK], lambda x, m: x.masked_fill(m, float("-inf")), value=float("-inf")),
    example("masked_fill", [X, MASK, ()], lambda x, m, v: x.masked_fill(m, v)),
    example("tril", [X], torch.tril),
    example("triu", [X], lambda x: x.triu(1), diagonal=1),
)


@pytest.mark.parametrize("one", EXAMPLES, ids=str)
def test_a_row_is_torch_s_function_for_every_batch(one: Example) -> None:
    check_example(TABLE[one.row], one)


def test_every_row_has_an_example() -> None:
    assert {one.row for one in EXAMPLES} == set(TABLE)


DIM = st.integers(-4, 3)
PLACE = st.integers(-5, 5)


@given(tensors(), DIM, PLACE, st.none() | PLACE, st.integers(0, 3))
def test_slice_types_are_torch_s(x: Tensor, dim: int, start: int, end: int | None, step: int) -> None:
    """For any bounds and step: torch's type, or a refusal where torch refuses."""
    agree(TABLE["slice"], (x,), {"dim": dim, "start": start, "end": end, "step": step})


@given(tensors(), DIM, PLACE)
def test_select_types_are_torch_s(x: Tensor, dim: int, index: int) -> None:
    agree(TABLE["select"], (x,), {"dim": dim, "index": index})


INDEX_SHAPE = st.lists(st.integers(1, 3), max_size=2).map(tuple)


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple),
    st.lists(st.one_of(st.none(), INDEX_SHAPE), min_size=1, max_size=5),
)
def test_indexed_shapes_are_torch_s(shape: tuple[int, ...], places: list[tuple[int, ...] | None]) -> None:
    """For any axes that are indexed, adjacent or not, and any shapes of indices."""
    if all(place is None for place in places):
        return
    given_places = tuple(place is not None for place in places)
    picked = [torch.zeros(place, dtype=torch.int64) for place in places if place is not None]
    agree(TABLE["index"], (torch.ones(shape), *picked), {"given": given_places})


@given(shapes, st.lists(st.integers(1, 2), max_size=3), DIM)
def test_gather_types_are_torch_s(shape: tuple[int, ...], index: list[int], dim: int) -> None:
    """Indices may be fewer than the operand's elements on every other axis, as in torch."""
    if shape and index and 0 not in shape:
        agree(TABLE["gather"], (torch.ones(shape), torch.zeros(index, dtype=torch.int64)), {"dim": dim})


@given(shapes, st.lists(st.integers(0, 3), max_size=2), DIM)
def test_index_select_types_are_torch_s(shape: tuple[int, ...], index: list[int], dim: int) -> None:
    if shape and 0 not in shape:
        agree(TABLE["index_select"], (torch.ones(shape), torch.zeros(index, dtype=torch.int64)), {"dim": dim})


@given(broadcastable(), st.lists(st.integers(1, 3), max_size=2))
def test_where_types_are_torch_s(pair: tuple[Tensor, Tensor], shape: list[int]) -> None:
    agree(TABLE["where"], (torch.ones(shape, dtype=torch.bool), *pair))


@given(tensors(), st.sampled_from((True, 2, 0.5)), st.booleans())
def test_where_with_a_number_has_torch_s_type(x: Tensor, number: float, left: bool) -> None:
    condition = torch.ones(x.shape, dtype=torch.bool)
    agree(TABLE["where"], (condition, x), {"on_true" if left else "on_false": number})


@given(broadcastable())
def test_masked_fill_types_are_torch_s(pair: tuple[Tensor, Tensor]) -> None:
    """The operand keeps its dtype, and stretches to the mask."""
    agree(TABLE["masked_fill"], (pair[0], pair[1].bool()), {"value": 1})


@given(tensors(), st.integers(-2, 2))
def test_triangle_types_are_torch_s(x: Tensor, diagonal: int) -> None:
    for name in ("tril", "triu"):
        agree(TABLE[name], (x,), {"diagonal": diagonal})


def test_a_gradient_reaches_what_was_picked() -> None:
    x = torch.ones(3, 2, requires_grad=True)
    execute(TABLE["index"], [x, torch.tensor([0, 0])], {"given": (True,)}).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[2, 2], [0, 0], [0, 0]]


FLOATS = ValueType((2, 3), "float32")
SYMBOLIC = ValueType((BATCH, 3), "float32")

REFUSALS: list[tuple[str, list[ValueType], dict[str, Attribute], str]] = [
    ("slice", [FLOATS], {"step": 0}, "step is 0; give at least 1"),
    ("slice", [SYMBOLIC], {"end": 2}, "whether the bound 2 lies within the symbolic size N is open"),
    ("select", [FLOATS], {"index": 2}, "index is 2 on an axis of 2; give -2 to 1"),
    ("select", [SYMBOLIC], {"index": 1}, "index 1 lies within the symbolic size N is open; use 0 or -1"),
    ("select", [ValueType((), "float32")], {"index": 0}, "no axis to pick from"),
    ("index", [FLOATS, FLOATS], {}, "an index is float32; give int64 or int32"),
    ("index", [FLOATS, indices(2)], {"given": (True, True)}, "mark at most 2 axes, one for each index"),
    ("index_select", [FLOATS, indices(2, 2)], {}, "give one axis at most"),
    ("gather", [FLOATS, indices(2)], {}, "both need as many axes"),
    ("gather", [FLOATS, indices(3, 3)], {"dim": 1}, "axis 0 of the index is 3, of the operand 2"),
    ("where", [FLOATS, FLOATS, FLOATS], {}, "the condition is float32; give bool"),
    ("where", [ValueType((2, 3), "bool"), FLOATS], {}, "1 operands and 0 numbers to choose from"),
    ("masked_fill", [FLOATS, FLOATS], {"value": 1}, "the mask is float32; give bool"),
    ("masked_fill", [FLOATS, ValueType((3,), "bool")], {}, "has no value, or two"),
    ("masked_fill", [FLOATS, ValueType((3,), "bool"), FLOATS], {}, "give one number without axes"),
    ("tril", [ValueType((3,), "float32")], {}, "give at least two axes"),
]


@pytest.mark.parametrize(("name", "operands", "attributes", "message"), REFUSALS)
def test_what_does_not_fit_is_named(
    name: str, operands: list[ValueType], attributes: dict[str, Attribute], message: str
) -> None:
    with pytest.raises(GraphError, match=message):
        infer(TABLE[name], operands, attributes)

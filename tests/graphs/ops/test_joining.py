"""Joining and taking apart: torch's shapes for any arguments, torch's elements, and refusals."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.joining import ROWS
from nadoo_graphs.values import ValueType
from tests.graphs.ops.comparing import BATCH, Example, agree, by_name, check_example, dtypes, example, infer, tensors

TABLE = by_name(ROWS)
X = (BATCH, 5, 4)

EXAMPLES = (
    example("cat", [X, X], lambda x, y: torch.cat([x, y])),
    example("cat", [X, (BATCH, 2, 4), X], lambda *parts: torch.cat(parts, 1), dim=1),
    example("cat", [X, (BATCH, 5, 1)], lambda *parts: torch.cat(parts, -1), dim=-1),
    example("stack", [X, X, X], lambda *parts: torch.stack(parts, 1), dim=1),
    example("stack", [X], lambda x: torch.stack([x], -1), dim=-1),
    example("split", [X], lambda x: x.split([1, 4], 1), sizes=(1, 4), dim=1),
    example("split", [X], lambda x: x.split(3, -1), sizes=(3, 1), dim=-1),
    example("split", [(BATCH * 2, 3)], lambda x: x.split(x.shape[0] // 2), sizes=(BATCH, BATCH)),
    example("chunk", [X], lambda x: x.chunk(3, 1), chunks=3, dim=1),
    example("unbind", [X], lambda x: x.unbind(1), dim=1),
)


@pytest.mark.parametrize("one", EXAMPLES, ids=str)
def test_a_row_is_torch_s_function_for_every_batch(one: Example) -> None:
    check_example(TABLE[one.row], one)


def test_every_row_has_an_example() -> None:
    assert {one.row for one in EXAMPLES} == set(TABLE)


DIM = st.integers(-4, 3)


@st.composite
def similar(draw: st.DrawFn) -> tuple[Tensor, ...]:
    """Tensors of any dtypes whose shapes differ in at most one size, or are [0]."""
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    found: list[Tensor] = []
    for _ in range(draw(st.integers(1, 3))):
        own = list(shape)
        if own and draw(st.booleans()):
            own[draw(st.integers(0, len(own) - 1))] = draw(st.integers(0, 3))
        found.append(torch.ones(draw(st.sampled_from((own, own, [0]))), dtype=getattr(torch, draw(dtypes))))
    return tuple(found)


@given(similar(), DIM)
def test_joined_types_are_torch_s(parts: tuple[Tensor, ...], dim: int) -> None:
    """For any parts and axis: torch's type, or a refusal where torch refuses."""
    for name in ("cat", "stack"):
        agree(TABLE[name], parts, {"dim": dim})


@given(tensors(), DIM, st.lists(st.integers(-1, 3), min_size=1, max_size=3).map(tuple))
def test_split_types_are_torch_s(x: Tensor, dim: int, sizes: tuple[int, ...]) -> None:
    agree(TABLE["split"], (x,), {"dim": dim, "sizes": sizes})


@given(tensors(st.lists(st.integers(0, 7), max_size=2).map(tuple)), DIM, st.integers(0, 8))
def test_chunk_types_are_torch_s(x: Tensor, dim: int, chunks: int) -> None:
    agree(TABLE["chunk"], (x,), {"dim": dim, "chunks": chunks})


@given(tensors(), DIM)
def test_unbind_types_are_torch_s(x: Tensor, dim: int) -> None:
    agree(TABLE["unbind"], (x,), {"dim": dim})


def floats(*shape: int) -> ValueType:
    """A float32 type."""
    return ValueType(shape, "float32")


REFUSALS: list[tuple[str, list[ValueType], dict[str, Attribute], str]] = [
    ("cat", [floats(2, 3), floats(3, 3)], {"dim": 1}, "along axis 1; all other sizes must be equal"),
    ("cat", [floats(), floats()], {}, "has no axis; use stack"),
    ("stack", [floats(2), floats(3)], {}, "their shapes must be equal"),
    ("split", [floats(5)], {"sizes": (2, 2)}, r"\[2, 2\] do not add up to the 5 elements of axis 0"),
    ("chunk", [floats(5)], {"chunks": 0}, "chunks is 0; give at least 1"),
    ("chunk", [ValueType((BATCH,), "float32")], {"chunks": 2}, "symbolic size N, .* use split"),
    ("unbind", [ValueType((BATCH,), "float32")], {}, "symbolic size N, .* use select"),
]


@pytest.mark.parametrize(("name", "operands", "attributes", "message"), REFUSALS)
def test_what_does_not_fit_is_named(
    name: str, operands: list[ValueType], attributes: dict[str, Attribute], message: str
) -> None:
    with pytest.raises(GraphError, match=message):
        infer(TABLE[name], operands, attributes)

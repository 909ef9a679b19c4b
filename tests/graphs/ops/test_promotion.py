"""Promotion and broadcasting, held against torch."""

from itertools import combinations_with_replacement

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_graphs.errors import GraphError
from nadoo_graphs.ops import Call
from nadoo_graphs.ops.promotion import broadcast, join_pair, promote
from nadoo_graphs.sizes import symbol
from nadoo_graphs.values import ELEMENT_BITS, ValueType
from tests.graphs.ops.comparing import BATCH, DTYPES

CALL = Call("tested", "add", (), {}, {})


@pytest.mark.parametrize(("left", "right"), [*combinations_with_replacement(ELEMENT_BITS, 2)])
def test_two_dtypes_meet_as_in_torch(left: str, right: str) -> None:
    """join_pair(a, b) = torch.promote_types(a, b), refusals included, in either order."""
    try:
        expected = str(torch.promote_types(getattr(torch, left), getattr(torch, right))).removeprefix("torch.")
    except RuntimeError:
        for pair in ((left, right), (right, left)):
            with pytest.raises(GraphError, match="cast one of them"):
                join_pair(*pair)
        return
    assert join_pair(left, right) == join_pair(right, left) == expected


OPERANDS = st.one_of(
    st.booleans(),
    st.integers(-2, 2),
    st.floats(-1, 1),
    st.builds(ValueType, st.sampled_from(((), (2,))), st.sampled_from(DTYPES)),
)


@given(OPERANDS, OPERANDS)
def test_two_operands_meet_as_in_torch(left: ValueType | float, right: ValueType | float) -> None:
    """promote(a, b) = torch.result_type(a, b) for values with axes, values without, and numbers."""
    real = [
        torch.ones(item.shape, dtype=getattr(torch, item.dtype)) if isinstance(item, ValueType) else item
        for item in (left, right)
    ]
    assert f"torch.{promote(left, right)}" == str(torch.result_type(*real))


def test_nothing_is_not_promoted() -> None:
    with pytest.raises(GraphError, match="give an operand"):
        promote()


SIZES = st.lists(st.sampled_from((1, 2, 3)), max_size=3).map(tuple)


@given(SIZES, SIZES, SIZES)
def test_shapes_broadcast_as_in_torch(one: tuple[int, ...], two: tuple[int, ...], three: tuple[int, ...]) -> None:
    """broadcast = torch.broadcast_shapes, refusals included."""
    try:
        expected = tuple(torch.broadcast_shapes(one, two, three))
    except RuntimeError:
        with pytest.raises(GraphError, match="sizes must be equal or 1"):
            broadcast(CALL, one, two, three)
        return
    assert broadcast(CALL, one, two, three) == expected


def test_a_symbolic_size_broadcasts_with_itself_and_with_one() -> None:
    assert broadcast(CALL, (BATCH, 1, 4), (BATCH, 3, 1), (4,)) == (BATCH, 3, 4)


@pytest.mark.parametrize("other", [2, symbol("M"), BATCH + 1])
def test_a_symbolic_size_meets_no_other(other: int) -> None:
    with pytest.raises(GraphError, match="N meets"):
        broadcast(CALL, (BATCH,), (other,))

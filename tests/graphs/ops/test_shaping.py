"""Rows that change a shape: torch's shapes for any arguments, torch's elements, and refusals."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.shaping import ROWS
from nadoo_graphs.sizes import symbol
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
    execute,
    infer,
    shapes,
    tensors,
)

TABLE = by_name(ROWS)
X = (BATCH, 3, 4)

EXAMPLES = (
    example("flatten", [X], lambda x: x.flatten(1)),
    example("flatten", [X], torch.flatten, start_dim=0),
    example("flatten", [X], lambda x: x.flatten(0, 1), start_dim=0, end_dim=-2),
    example("reshape", [X], lambda x: x.reshape(-1, 12), shape=(-1, 12)),
    example("reshape", [X], lambda x: x.reshape(x.shape[0], 2, -1), shape=(BATCH, 2, -1)),
    example("reshape", [X], lambda x: x.reshape(3 * x.shape[0], 4), shape=(BATCH * 3, 4)),
    example("permute", [X], lambda x: x.permute(2, 0, 1), dims=(2, 0, -2)),
    example("transpose", [X], lambda x: x.transpose(0, 2), dim0=0, dim1=2),
    example("transpose", [X], lambda x: x.mT),
    example("squeeze", [(BATCH, 1, 3, 1)], lambda x: x.squeeze(1), dim=(1,)),
    example("squeeze", [(BATCH, 1, 3, 1)], lambda x: x.squeeze((1, 2, 3)), dim=(1, 2, -1)),
    example("squeeze", [(1, 3, 1)], torch.squeeze),
    example("unsqueeze", [X], lambda x: x.unsqueeze(-1), dim=-1),
    example("expand", [(BATCH, 1, 4)], lambda x: x.expand(5, -1, 3, 4), shape=(5, -1, 3, -1)),
    example("repeat", [X], lambda x: x.repeat(2, 1, 3, 1), repeats=(2, 1, 3, 1)),
    example("roll", [X], lambda x: x.roll((1, -2), (0, 2)), shifts=(1, -2), dims=(0, 2)),
    example("roll", [X], lambda x: x.roll(3), shifts=(3,)),
    example("flip", [X], lambda x: x.flip((0, 2)), dims=(0, -1)),
    example("unfold", [X], lambda x: x.unfold(2, 2, 1), dimension=2, size=2),
    example("pad", [X], lambda x: F.pad(x, (1, 2, -1, 0), value=3.0), pad=(1, 2, -1, 0), value=3.0),
    example("pad", [X], lambda x: F.pad(x, (1, 2), mode="reflect"), pad=(1, 2), mode="reflect"),
    example("pad", [X], lambda x: F.pad(x, (1, 7), mode="replicate"), pad=(1, 7), mode="replicate"),
    example("pad", [X], lambda x: F.pad(x, (4, 0), mode="circular"), pad=(4, 0), mode="circular"),
    example("cast", [X], lambda x: x.to(torch.float16), dtype="float16"),
    example("cast", [X], torch.Tensor.bool, dtype="bool"),
    example("clone", [X], torch.clone),
    example("clone", [X], torch.clone, memory_format="contiguous_format"),
    example("detach", [X], torch.detach),
)


@pytest.mark.parametrize("one", EXAMPLES, ids=str)
def test_a_row_is_torch_s_function_for_every_batch(one: Example) -> None:
    check_example(TABLE[one.row], one)


def test_every_row_has_an_example() -> None:
    assert {one.row for one in EXAMPLES} == set(TABLE)


DIM = st.integers(-4, 3)
DIMS = st.lists(DIM, max_size=4).map(tuple)
SIZES = st.lists(st.integers(-2, 4), max_size=4).map(tuple)

ARGUMENTS = {
    "flatten": {"start_dim": DIM, "end_dim": DIM},
    "reshape": {"shape": SIZES},
    "permute": {"dims": DIMS},
    "transpose": {"dim0": DIM, "dim1": DIM},
    "squeeze": {"dim": st.none() | DIMS.filter(bool)},
    "unsqueeze": {"dim": DIM},
    "expand": {"shape": st.lists(st.sampled_from((-1, 1, 2, 3)), max_size=5).map(tuple)},
    "repeat": {"repeats": st.lists(st.integers(0, 4), max_size=5).map(tuple)},
    "flip": {"dims": DIMS},
    "unfold": {"dimension": DIM, "size": st.integers(-1, 4), "step": st.integers(0, 3)},
    "cast": {"dtype": st.sampled_from(DTYPES)},
}


@pytest.mark.parametrize("name", ARGUMENTS)
@given(data=st.data(), x=tensors(st.lists(st.sampled_from((0, 1, 1, 2, 3)), max_size=4).map(tuple)))
def test_types_are_torch_s_for_any_arguments(name: str, data: st.DataObject, x: Tensor) -> None:
    """For any shape, dtype and arguments: torch's type, or a refusal where torch refuses."""
    agree(TABLE[name], (x,), data.draw(st.fixed_dictionaries(ARGUMENTS[name])))


@given(shapes, st.lists(st.integers(-2, 2), max_size=3).map(tuple), DIMS)
def test_roll_types_are_torch_s(shape: tuple[int, ...], shifts: tuple[int, ...], dims: tuple[int, ...]) -> None:
    if 0 not in shape:  # of no elements, torch checks no axes
        agree(TABLE["roll"], (torch.ones(shape),), {"shifts": shifts, "dims": dims})


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple),
    st.lists(st.integers(-2, 4), max_size=6).map(tuple),
    st.sampled_from(("constant", "reflect", "replicate", "circular")),
)
def test_padded_shapes_are_torch_s(shape: tuple[int, ...], margins: tuple[int, ...], mode: str) -> None:
    """For any margins and mode: torch's shape, or a refusal where torch refuses."""
    if mode == "constant" or not any(margin < 0 for margin in margins):
        agree(TABLE["pad"], (torch.ones(shape),), {"pad": margins, "mode": mode})


@given(st.integers(1, 9), st.integers(1, 6))
def test_a_symbolic_reshape_finds_its_missing_size(rows: int, columns: int) -> None:
    """(N, rows·columns) as (-1, columns) has N·rows rows."""
    x = ValueType((BATCH, rows * columns), "float32")
    assert infer(TABLE["reshape"], [x], {"shape": (-1, columns)})[0].shape == (BATCH * rows, columns)


REFUSALS: list[tuple[str, tuple[int, ...], dict[str, Attribute], str]] = [
    ("flatten", (2, 3), {"start_dim": 1, "end_dim": 0}, "start_dim 1 comes after end_dim 0"),
    ("reshape", (2, 3), {"shape": (4, 2)}, r"\[4, 2\] does not hold the 6 elements"),
    ("reshape", (2, 3), {"shape": (-1, -1)}, "and -1 at most once"),
    ("reshape", (0, 3), {"shape": (-1, 0)}, "could be anything; write it out"),
    ("permute", (2, 3), {"dims": (0,)}, "name each axis once"),
    ("permute", (2, 3), {"dims": (0, -2)}, "names an axis twice"),
    ("transpose", (2, 3), {"dim0": 2, "dim1": 0}, "dim is 2, but the operand has 2 axes; give -2 to 1"),
    ("expand", (2, 3), {"shape": (4, 3)}, "cannot expand an axis of 2 to 4"),
    ("expand", (2, 3), {"shape": (3,)}, "give at least 2"),
    ("expand", (3,), {"shape": (-1, 3)}, "cannot expand a new axis to -1"),
    ("repeat", (2,), {"repeats": (-1,)}, "at least 0"),
    ("repeat", (2, 3), {"repeats": (2,)}, "give at least 2 counts"),
    ("roll", (2, 3), {"shifts": (1, 2), "dims": (0,)}, "2 shifts for 1 dims"),
    ("unfold", (2, 3), {"dimension": 1, "size": 4}, "size 4, step 1 over 3 elements"),
    ("pad", (2, 3), {"pad": (1,)}, "give two for each of the last axes"),
    ("pad", (2, 3), {"pad": (-2, -2)}, "pad cuts 4 elements from an axis of 3"),
    ("pad", (2, 3), {"pad": (3, 0), "mode": "reflect"}, "pads 3 to an axis of 3; at most 2"),
    ("pad", (2, 3), {"pad": (1, 1), "mode": "mirror"}, "'mirror'; give one of constant, reflect"),
    ("pad", (3,), {"pad": (1, 1), "mode": "reflect"}, "pads the last 1 to 3 axes after a channel axis"),
]


@pytest.mark.parametrize(("name", "shape", "attributes", "message"), REFUSALS)
def test_what_does_not_fit_is_named(
    name: str, shape: tuple[int, ...], attributes: dict[str, Attribute], message: str
) -> None:
    with pytest.raises(GraphError, match=message):
        infer(TABLE[name], [ValueType(shape, "float32")], attributes)


def test_a_symbolic_size_does_not_turn_into_another() -> None:
    with pytest.raises(GraphError, match="does not hold the 4\\*N elements"):
        infer(TABLE["reshape"], [ValueType((BATCH, 4), "float32")], {"shape": (symbol("M"), 4)})


def test_no_work_is_counted_and_only_reinterpretations_are_views() -> None:
    made = call(TABLE["reshape"], [ValueType((BATCH, 4), "float32")], {"shape": (-1,)})
    assert TABLE["reshape"].elementary(made, TABLE["reshape"].infer(made)) == 0
    assert {row.name for row in ROWS if row.view} == {"flatten", "reshape", "squeeze", "unsqueeze", "clone", "detach"}


def test_no_gradient_flows_through_detach_and_all_of_it_through_clone() -> None:
    x = torch.ones(3, requires_grad=True)
    assert not execute(TABLE["detach"], [x]).requires_grad
    execute(TABLE["clone"], [x]).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 1, 1]

"""Min-max grids: the reference values, exact zero, the error bound, and degenerate data."""

from math import inf, nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_graphs.errors import EmptyTensorError, FormatError, NonFiniteError
from nadoo_graphs.formats import affine_grid, standard_formats, symmetric_grid

VALUES = st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=20).map(torch.tensor)


@pytest.mark.parametrize(
    ("values", "scale", "zero_point", "codes"),
    [
        ([-1.0, 0.0, 0.5, 3.0], 0.0156863, -64, [-128, -64, -32, 127]),
        ([-3.0, -1.0], 0.0117647, 127, [-128, 42]),
        ([2.0, 2.0], 0.00784314, -128, [127, 127]),
    ],
)
def test_the_affine_references(values: list[float], scale: float, zero_point: int, codes: list[int]) -> None:
    grid = affine_grid(torch.tensor(values))
    assert grid.scale.item() == pytest.approx(scale, rel=1e-5)
    assert grid.zero_point == zero_point
    assert not grid.degenerate
    assert standard_formats()["int8"].encode(torch.tensor(values), grid.scale, grid.zero_point).tolist() == codes


def test_the_symmetric_reference() -> None:
    grid = symmetric_grid(torch.tensor([-1.0, 0.0, 0.5, 3.0]))
    assert grid.scale.item() == pytest.approx(0.0236220, rel=1e-5)
    assert grid.zero_point is None


@given(VALUES)
def test_affine_codes_keep_zero_and_are_within_half_a_step(values: torch.Tensor) -> None:
    """Zero is exact, and no value of the tensor that made the grid is off by more than half a step."""
    row = standard_formats()["int8"]
    grid = affine_grid(values)
    decoded = row.decode(row.encode(values, grid.scale, grid.zero_point), grid.scale, grid.zero_point, torch.float64)
    assert bool(((decoded - values.double()).abs() <= grid.scale / 2 * (1 + 1e-9)).all())
    zero = torch.zeros(1)
    assert row.decode(row.encode(zero, grid.scale, grid.zero_point), grid.scale, grid.zero_point).item() == 0.0


@given(VALUES, st.integers(-8, 8))
def test_grids_scale_with_the_values(values: torch.Tensor, exponent: int) -> None:
    """S(c x) = c S(x) with the same zero point, for powers of two exactly."""
    factor = 2.0**exponent
    grid, scaled = affine_grid(values), affine_grid(values.double() * factor)
    assert scaled.zero_point == grid.zero_point
    assert scaled.scale == (grid.scale if grid.degenerate else grid.scale * factor)


@given(st.integers(0, 2**32 - 1))
def test_no_channel_has_a_larger_step_than_the_tensor(seed: int) -> None:
    """The largest of the steps, laid along their channels, is the step of the whole tensor."""
    values = torch.randn(4, 3, 2, generator=torch.Generator().manual_seed(seed))
    grid = symmetric_grid(values, axis=0)
    assert grid.scale.shape == (4, 1, 1)
    assert grid.scale.max() == symmetric_grid(values).scale
    assert standard_formats()["int8"].encode(values, grid.scale).abs().amax((1, 2)).tolist() == [127] * 4


def test_an_axis_may_be_counted_from_the_end_or_be_the_only_one() -> None:
    values = torch.tensor([[1.0, 2.0], [4.0, 3.0]])
    assert torch.equal(symmetric_grid(values, 1, axis=-1).scale, torch.tensor([[4.0, 3.0]]).double())
    assert symmetric_grid(values[0], 1, axis=0).scale.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("axis", [2, -3])
def test_an_axis_that_is_not_there_is_refused(axis: int) -> None:
    with pytest.raises(FormatError, match=rf"axis {axis} .* axes from -2 to 1"):
        symmetric_grid(torch.ones(2, 2), axis=axis)


def test_all_zero_values_have_scale_one_and_say_so() -> None:
    affine, symmetric = affine_grid(torch.zeros(3)), symmetric_grid(torch.zeros(3))
    assert (affine.scale, affine.zero_point, affine.degenerate) == (1.0, 0, True)
    assert (symmetric.scale, symmetric.degenerate) == (1.0, True)


def test_a_dead_channel_has_scale_one_and_marks_the_grid() -> None:
    grid = symmetric_grid(torch.tensor([[0.0, 0.0], [127.0, 0.0]]), axis=0)
    assert grid.scale.tolist() == [[1.0], [1.0]]
    assert grid.degenerate


def test_a_scale_below_the_smallest_is_floored_and_marked() -> None:
    tiny = torch.tensor([5e-324], dtype=torch.float64)
    for grid in (affine_grid(tiny), symmetric_grid(tiny)):
        assert grid.degenerate
        assert bool(grid.scale > 0)


def test_the_widest_range_does_not_overflow() -> None:
    largest = torch.finfo(torch.float64).max
    grid = affine_grid(torch.tensor([-largest, largest], dtype=torch.float64))
    assert bool(torch.isfinite(grid.scale))


@pytest.mark.parametrize("rule", [affine_grid, symmetric_grid])
def test_grids_of_nothing_nan_and_integers_are_refused(rule: type) -> None:
    with pytest.raises(EmptyTensorError, match=r"fc: it has shape \(0, 3\)"):
        rule(torch.zeros(0, 3), where="fc")
    for value in (nan, inf, -inf):
        with pytest.raises(NonFiniteError, match="fc: 1 of 2"):
            rule(torch.tensor([value, 1.0]), where="fc")
    with pytest.raises(FormatError, match="encoding takes real numbers"):
        rule(torch.ones(2, dtype=torch.int8))

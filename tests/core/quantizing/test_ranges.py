"""Range estimators: the worked values of affine and symmetric grids, and what every range must be."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_core.errors import OptionError
from nadoo_core.quantizing import ESTIMATORS, Codes, Range, make_estimator, scale_and_zero_point
from nadoo_graphs.errors import EmptyTensorError, NonFiniteError
from tests.core.quantizing.strategies import tensors

INT8 = Codes(-128, 127)
SYMMETRIC = Codes(-127, 127, symmetric=True)
FEW = settings(max_examples=30, deadline=None)


@pytest.mark.parametrize(
    ("values", "scale", "zero"),
    [((-1, 0, 0.5, 3), 0.0156863, -64), ((-3, -1), 0.0117647, 127), ((2, 2), 0.00784314, -128), ((0, 0), 1.0, -128)],
)
def test_the_affine_grid_has_the_worked_values(values: tuple[float, ...], scale: float, zero: int) -> None:
    span = make_estimator("minmax").estimate(torch.tensor(values), INT8)
    found = scale_and_zero_point(span, INT8)
    assert found[0] == pytest.approx(scale, rel=1e-5)
    assert found[1] == zero


def test_the_symmetric_grid_has_the_worked_value() -> None:
    span = make_estimator("minmax").estimate(torch.tensor([-1, 0, 0.5, 3]), SYMMETRIC)
    assert scale_and_zero_point(span, SYMMETRIC) == (pytest.approx(0.0236220, rel=1e-5), 0)


def test_a_moving_average_remembers() -> None:
    batches = torch.tensor([[-1.0, 2.0], [-3.0, 4.0], [0.0, 8.0]])
    found = make_estimator("moving-average", {"memory": 0.5, "batch": 1}).estimate(batches, INT8)
    assert found == Range(-1.0, 5.5)


def test_percentiles_cut_both_tails() -> None:
    values = torch.arange(-100, 101).double()
    found = make_estimator("percentile", {"p": 90}).estimate(values, INT8)
    assert (found.low, found.high) == (pytest.approx(-80), pytest.approx(80))


def test_least_square_error_clips_an_outlier_of_many() -> None:
    values = torch.randn(1, 200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert make_estimator("mse").estimate(values, SYMMETRIC).magnitude == pytest.approx(3.93, rel=0.05)
    values[0, 0] = 40
    assert make_estimator("mse").estimate(values, SYMMETRIC).magnitude < 20
    assert make_estimator("kl").estimate(values, SYMMETRIC).magnitude < 5


@FEW
@given(values=tensors(), name=st.sampled_from(tuple(ESTIMATORS)), symmetric=st.booleans())
def test_every_range_holds_zero_and_no_more_than_the_values(values: torch.Tensor, name: str, symmetric: bool) -> None:
    """low ≤ 0 ≤ high, within the extremes; the code of zero stands for zero exactly."""
    codes = SYMMETRIC if symmetric else INT8
    span = make_estimator(name).estimate(values, codes)
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    assert low - 1e-9 <= span.low <= 0 <= span.high <= high + 1e-9
    scale, zero = scale_and_zero_point(span, codes)
    assert scale > 0
    assert codes.low <= zero <= codes.high


@FEW
@given(values=tensors((2, 30)), power=st.integers(-6, 6), name=st.sampled_from(("minmax", "percentile", "mse", "kl")))
def test_the_scale_follows_and_the_zero_point_stays(values: torch.Tensor, power: int, name: str) -> None:
    """S(cX) = c·S(X), z the same, c > 0."""
    first = scale_and_zero_point(make_estimator(name).estimate(values, INT8), INT8)
    second = scale_and_zero_point(make_estimator(name).estimate(values * 2.0**power, INT8), INT8)
    assert second[0] == pytest.approx(first[0] * 2.0**power, rel=1e-9)
    assert second[1] == first[1]


@FEW
@given(values=tensors())
def test_in_range_the_error_is_at_most_half_a_step(values: torch.Tensor) -> None:
    scale, zero = scale_and_zero_point(make_estimator("minmax").estimate(values, INT8), INT8)
    codes = ((values / scale).round() + zero).clamp(-128, 127)
    assert bool((((codes - zero) * scale - values).abs() <= scale / 2 * (1 + 1e-9)).all())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_refuses_what_has_no_range(name: str) -> None:
    with pytest.raises(EmptyTensorError, match="no elements"):
        make_estimator(name).estimate(torch.zeros(0, 3), INT8)
    with pytest.raises(NonFiniteError, match="1 of 2 values"):
        make_estimator(name).estimate(torch.tensor([1.0, math.inf]), INT8)


def test_an_unknown_estimator_names_the_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'minmax'"):
        make_estimator("minmaxx")

"""Codecs: reference values, exact laws of rounding to a grid, gradients, and refusals of what has no code."""

from math import inf, nan

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_graphs.errors import FormatError, NonFiniteError
from nadoo_graphs.formats import Format, GradientRule, Kind, NonFinite, standard_formats

INTEGERS = [row for row in standard_formats() if row.kind is Kind.INTEGER and row.codec]
FLOATS = [row for row in standard_formats() if row.kind is Kind.FLOAT]
SIGNED = [row for row in INTEGERS if row.minimum < 0]
VALUES = st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=20).map(torch.tensor)
SCALES = st.floats(1e-3, 1e3)


def int8() -> Format:
    """The format of the references."""
    return standard_formats()["int8"]


def test_the_affine_reference() -> None:
    values = torch.tensor([-1.0, 0.0, 0.5, 3.0])
    codes = int8().encode(values, 4 / 255, -64)
    assert codes.tolist() == [-128, -64, -32, 127]
    expected = torch.tensor([-1.00392, 0.0, 0.50196, 2.99608])
    assert torch.allclose(int8().decode(codes, 4 / 255, -64), expected, atol=1e-5)


def test_the_symmetric_reference() -> None:
    assert int8().encode(torch.tensor([-1.0, 0.0, 0.5, 3.0]), 3 / 127).tolist() == [-42, 0, 21, 127]


@pytest.mark.parametrize("row", SIGNED, ids=lambda row: row.name)
def test_signed_weights_stop_before_the_most_negative_code_and_activations_reach_it(row: Format) -> None:
    values = torch.tensor([-1e30, 1e30])
    assert row.encode(values).tolist() == [-row.maximum, row.maximum]
    assert row.encode(values, zero_point=0).tolist() == [row.minimum, row.maximum]
    levels = row.levels()
    assert levels is not None
    assert (levels[0], levels[-1], len(levels)) == (-row.maximum, row.maximum, 2 * row.maximum + 1)


def test_unsigned_levels_start_at_zero() -> None:
    row = standard_formats()["uint2"]
    assert list(row.levels() or ()) == [0, 1, 2, 3]
    assert row.encode(torch.tensor([-5.0, 0.5, 1.5, 9.0])).tolist() == [0, 0, 2, 3]


@pytest.mark.parametrize("row", INTEGERS, ids=lambda row: row.name)
@settings(max_examples=40)
@given(values=VALUES, scale=SCALES)
def test_integers_round_to_the_nearest_level(row: Format, values: torch.Tensor, scale: float) -> None:
    """Monotone, idempotent, and within half a step of every value that is not clipped."""
    ordered = values.sort().values
    codes = row.encode(ordered, scale)
    assert bool((codes.to(torch.int64).diff() >= 0).all())
    decoded = row.decode(codes, scale, dtype=torch.float64)
    assert torch.equal(row.encode(decoded, scale), codes)
    inside = row.gradient(ordered, scale, rule=GradientRule.CLIPPED).bool()
    error = (decoded - ordered.to(torch.float64)).abs()[inside]
    assert bool((error <= scale * 0.5 * (1 + 1e-12)).all())


@given(values=VALUES, scale=SCALES, zero_point=st.integers(-128, 127))
def test_real_zero_is_exact_under_any_zero_point(values: torch.Tensor, scale: float, zero_point: int) -> None:
    """decode(encode(0)) = 0, and the codes of an affine format are those of the definition."""
    codes = int8().encode(values, scale, zero_point)
    expected = ((values.double() / scale).round() + zero_point).clamp(-128, 127)
    assert torch.equal(codes.double(), expected)
    assert int8().decode(int8().encode(torch.zeros(1), scale, zero_point), scale, zero_point).item() == 0.0


def test_scales_lie_along_the_channels() -> None:
    values = torch.tensor([[1.0, 2.0], [1.0, 2.0]])
    scale = torch.tensor([[1.0], [0.5]])
    codes = int8().encode(values, scale)
    assert codes.tolist() == [[1, 2], [2, 4]]
    assert torch.equal(int8().decode(codes, scale), values)


@pytest.mark.parametrize("row", INTEGERS, ids=lambda row: row.name)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_nothing_is_encoded_as_nothing(row: Format, shape: tuple[int, ...]) -> None:
    codes = row.encode(torch.zeros(shape))
    assert codes.dtype == row.dtype
    assert codes.shape == shape
    assert row.decode(codes).shape == shape


@pytest.mark.parametrize("row", INTEGERS, ids=lambda row: row.name)
def test_all_zero_values_have_zero_codes(row: Format) -> None:
    assert row.encode(torch.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("row", [*INTEGERS, *FLOATS], ids=lambda row: row.name)
def test_non_finite_values_are_refused_with_their_name_and_number(row: Format) -> None:
    with pytest.raises(NonFiniteError, match=r"fc\.weight: 3 of 4 elements are NaN or infinite") as caught:
        row.encode(torch.tensor([nan, inf, -inf, 0.0]), where="fc.weight")
    assert caught.value.codes == ("E09",)


@pytest.mark.parametrize("row", FLOATS, ids=lambda row: row.name)
def test_floating_point_propagates_what_is_not_finite_when_asked(row: Format) -> None:
    codes = row.encode(torch.tensor([nan, inf, -inf, 1.0]), nonfinite=NonFinite.PROPAGATE)
    assert codes.isnan().tolist() == [True, False, False, False]
    assert codes[1:].tolist() == [inf, -inf, 1.0]


def test_integers_cannot_propagate_what_is_not_finite() -> None:
    with pytest.raises(FormatError, match="integers hold no NaN; only 'raise' is allowed"):
        int8().encode(torch.ones(1), nonfinite=NonFinite.PROPAGATE)


@pytest.mark.parametrize("row", FLOATS, ids=lambda row: row.name)
@settings(max_examples=40)
@given(values=VALUES)
def test_floating_point_is_the_cast_of_torch_and_idempotent(row: Format, values: torch.Tensor) -> None:
    """encode = torch's cast, and a second round trip changes nothing."""
    codes = row.encode(values)
    assert torch.equal(codes, values.to(row.dtype))
    decoded = row.decode(codes)
    assert decoded.dtype == torch.promote_types(row.dtype, torch.float32)
    assert torch.equal(row.encode(decoded), codes)
    assert row.levels() is None


def test_a_value_beyond_the_type_is_refused_rather_than_made_infinite() -> None:
    half = standard_formats()["float16"]
    values = torch.tensor([65504.0, 7e4])
    with pytest.raises(FormatError, match="1 of 2 elements exceed 65504, the largest float16"):
        half.encode(values)
    assert half.encode(values, nonfinite=NonFinite.PROPAGATE).tolist() == [65504.0, inf]
    assert half.decode(half.encode(values, 2.0), 2.0).tolist() == [65504.0, 70016.0]


def test_floating_point_has_no_zero_point() -> None:
    with pytest.raises(FormatError, match="zero point is 3, but float16 holds zero as it is"):
        standard_formats()["float16"].encode(torch.ones(1), zero_point=3)


@pytest.mark.parametrize(
    ("name", "zero_point", "expected"),
    [
        ("int2", None, [0.0, 1.0, 1.0, 1.0, 0.0]),
        ("int2", 0, [1.0, 1.0, 1.0, 1.0, 0.0]),
        ("uint2", None, [0.0, 0.0, 1.0, 1.0, 1.0]),
        ("float16", None, [1.0, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_the_clipped_gradient_is_one_between_the_end_levels(
    name: str, zero_point: int | None, expected: list[float]
) -> None:
    row = standard_formats()[name]
    values = torch.tensor([-2.0, -1.0, 0.0, 1.0, 3.0])
    clipped = row.gradient(values, zero_point=zero_point, rule=GradientRule.CLIPPED)
    assert clipped.tolist() == expected
    assert row.gradient(values, zero_point=zero_point).tolist() == [1.0] * 5


def test_the_clipped_gradient_of_a_float_is_zero_where_it_overflows() -> None:
    values = torch.tensor([7e4, 1.0])
    assert standard_formats()["float16"].gradient(values, rule=GradientRule.CLIPPED).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("scale", [0.0, -1.0, nan, inf, torch.tensor([[1.0], [0.0]])])
@pytest.mark.parametrize("name", ["int8", "float16"])
def test_scales_that_are_not_positive_and_finite_are_refused(name: str, scale: float | torch.Tensor) -> None:
    with pytest.raises(FormatError, match="must be finite and greater than 0"):
        standard_formats()[name].encode(torch.ones(2, 3), scale)


@pytest.mark.parametrize("shape", [(2,), (3,), (1, 1, 1), (2, 2)])
def test_a_scale_that_would_broadcast_along_another_axis_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(FormatError, match=r"for values of shape \(2, 3\); give one number, or all axes"):
        int8().encode(torch.ones(2, 3), torch.ones(shape))


@pytest.mark.parametrize("zero_point", [-129, 128, torch.tensor([[0], [200]])])
def test_zero_points_outside_the_codes_are_refused(zero_point: int | torch.Tensor) -> None:
    with pytest.raises(FormatError, match="must be from -128 to 127"):
        int8().encode(torch.ones(2, 3), 1.0, zero_point)


@pytest.mark.parametrize("zero_point", [torch.tensor(1.5), torch.tensor(True)])
def test_zero_points_that_are_no_integers_are_refused(zero_point: torch.Tensor) -> None:
    with pytest.raises(FormatError, match="must be an integer"):
        int8().encode(torch.ones(2, 3), 1.0, zero_point)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
@pytest.mark.parametrize("name", ["int8", "float16"])
def test_only_real_values_are_encoded(name: str, dtype: torch.dtype) -> None:
    with pytest.raises(FormatError, match="encoding takes real numbers") as caught:
        standard_formats()[name].encode(torch.ones(2, dtype=dtype))
    assert caught.value.codes == ("E04",)

"""The codecs of code books: worked values, and the laws of quantizers at a fixed scale."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_graphs.errors import DegenerateTensorError, FormatError, NonFiniteError
from nadoo_graphs.formats import (
    Format,
    GradientRule,
    Kind,
    activation_levels,
    joint_pairs,
    nested_codes,
    nested_scale,
    standard_formats,
)
from nadoo_graphs.formats.code_books import NORMAL_FLOAT
from nadoo_graphs.formats.joint import SUMMED_PRODUCTS, mean_width

WORKED = torch.tensor([-1, -0.5, -0.1, 0, 0.1, 0.3, 0.7, 1.5], dtype=torch.float64)
FORMATS = standard_formats()
DOREFA = tuple(f"dorefa{bits}" for bits in range(2, 9))
LEVELLED = [row for row in FORMATS if row.codec is not None and row.kind is not Kind.FLOAT and row.bits <= 8]
FIXED = [row for row in LEVELLED if row.name not in DOREFA]
ODD = [
    "binarysym",
    "int1",
    "2bitsym",
    "4bitsym",
    "5bitsym",
    "ternary",
    "fp130",
    "fp130log",
    "fp130floor",
    "23level",
    "int4",
]
GLOBAL = ("binary", *DOREFA)
FEW = settings(max_examples=15)


def values(seed: int, *shape: int) -> torch.Tensor:
    """Numbers of several kinds that a seed alone decides."""
    generator = torch.Generator().manual_seed(seed)
    found = torch.randn(shape or (24,), generator=generator, dtype=torch.float64)
    return found**3 if seed % 3 == 0 else torch.round(found * 4) / 4 if seed % 3 == 1 else found


def decoded(row: Format, numbers: torch.Tensor, scale: float | torch.Tensor) -> torch.Tensor:
    """Through codes and back, in float64."""
    return row.decode(row.encode(numbers, scale, allow_degenerate=True), scale, None, torch.float64)


@pytest.mark.parametrize(
    ("name", "levels", "error"),
    [
        ("binary", [-1, -1, -1, -1, -1, 1, 1, 1], None),
        ("binarysym", [-1, -1, -1, 1, 1, 1, 1, 1], None),
        ("2bitsym", [-1.5, -0.5, -0.5, 0.5, 0.5, 0.5, 0.5, 1.5], 0.0725),
        ("4bitoffset", [-4.99, -2.99, -0.99, 0.01, 0.01, 1.01, 3.01, 7.01], 0.007204),
        ("4bitsym", [-5.5, -2.5, -0.5, 0.5, 0.5, 1.5, 3.5, 7.5], 0.0025),
        ("5bitsym", [-9.5, -5.5, -1.5, 0.5, 0.5, 2.5, 6.5, 14.5], 0.0025),
        ("8bit", [-80, -40, -8, 0, 8, 24, 56, 120], 0.0),
        ("fp130floor", [-64, -32, -8, 1, 8, 16, 32, 64], None),
        ("nf4bitnetmcu", [-0.6962, -0.2844, -0.0911, 0, 0.0796, 0.1609, 0.4407, 1], 0.003710),
    ],
)
def test_the_worked_example(name: str, levels: list[float], error: float | None) -> None:
    """s = 1.6: the levels in units of the step, and the mean squared error."""
    row = FORMATS[name]
    scale = row.scale_of(1.6)
    unit = 2.0 if name.endswith("bitsym") else 1.0
    found = row.decode(row.encode(WORKED, scale), 1.0, None, torch.float64) / unit
    torch.testing.assert_close(found, torch.tensor(levels, dtype=torch.float64), atol=1e-9, rtol=0)
    if error is not None:
        assert float((decoded(row, WORKED, scale) - WORKED).square().mean()) == pytest.approx(error, abs=1e-6)


def test_ternary_ignores_the_clip() -> None:
    row = FORMATS["ternary"]
    found = decoded(row, WORKED, float(WORKED.abs().mean()))
    assert found.tolist() == pytest.approx([-0.525, -0.525, 0, 0, 0, 0.525, 0.525, 0.525])
    assert float((found - WORKED).square().mean()) == pytest.approx(0.159766, abs=1e-6)


@pytest.mark.parametrize(
    ("bits", "levels"),
    [
        (2, [-1, -1 / 3, -1 / 3, 1 / 3, 1 / 3, 1 / 3, 1, 1]),
        (4, [-0.86667, -0.46667, -0.06667, 0.06667, 0.06667, 0.33333, 0.73333, 1]),
        (8, [-0.84314, -0.51373, -0.11373, 0.00392, 0.11373, 0.32549, 0.67059, 1]),
    ],
)
def test_dorefa(bits: int, levels: list[float]) -> None:
    """The reference values, except that a weight of exactly zero lies between two codes and rounds to even."""
    row = FORMATS[f"dorefa{bits}"]
    found = decoded(row, WORKED, nested_scale(bits))
    kept = [index for index in range(8) if index != 3]
    assert found[kept].tolist() == pytest.approx([levels[index] for index in kept], abs=1e-5)
    assert abs(float(found[3])) == pytest.approx(nested_scale(bits))


@pytest.mark.parametrize("row", FIXED, ids=lambda row: row.name)
@FEW
@given(seed=st.integers(0, 10_000), ratio=st.floats(0.1, 3.0))
def test_the_laws_of_quantizers(row: Format, seed: int, ratio: float) -> None:
    """Q1 monotone, Q2 idempotent, Q8 no more codes than levels, Q9 what is clipped lies at the ends."""
    numbers = values(seed).sort().values
    scale = row.scale_of(max(ratio * float(numbers.abs().max()), 1e-3))
    found = decoded(row, numbers, scale)
    assert bool((found.diff() >= 0).all())
    assert torch.equal(decoded(row, found, scale), found)
    levels = [level * float(scale) for level in row.levels() or ()]
    assert len(found.unique()) <= len(levels)
    assert levels[0] * (1 + 1e-12) - 1e-12 <= float(found.min()) or levels[0] >= 0
    assert float(found.max()) <= levels[-1] * (1 + 1e-12) + 1e-12


@pytest.mark.parametrize("name", ODD)
@FEW
@given(seed=st.integers(0, 10_000))
def test_odd_symmetry_off_ties(name: str, seed: int) -> None:
    """Q3: Q(-w) = -Q(w)."""
    row, numbers = FORMATS[name], values(3 * seed + 2)
    scale = row.scale_of(float(numbers.abs().max()) * 0.77)
    assert torch.equal(decoded(row, -numbers, scale), -decoded(row, numbers, scale))


@pytest.mark.parametrize("name", ["2bitsym", "4bitsym", "5bitsym"])
@FEW
@given(seed=st.integers(0, 10_000))
def test_symmetric_types_are_half_a_step_off(name: str, seed: int) -> None:
    """Q4 |ŵ - w| ≤ Δ/2 within the clip; Q5 never zero, at most s - Δ/2."""
    row, numbers = FORMATS[name], values(seed)
    clip = float(numbers.abs().max()) * 1.3 + 1e-3
    scale = float(row.scale_of(clip))
    found = decoded(row, numbers, scale)
    assert float((found - numbers).abs().max()) <= scale * (1 + 1e-9)
    assert float(found.abs().min()) > 0
    assert float(found.abs().max()) <= clip - scale + 1e-12


@FEW
@given(seed=st.integers(0, 10_000))
def test_powers_of_two_and_normal_levels_have_their_errors(seed: int) -> None:
    """Q4: at most (√2 - 1)|w| by the logarithm, at most 0.15191 s for the levels of a normal distribution."""
    numbers = values(seed)
    clip = float(numbers.abs().max()) * 1.1 + 1e-3
    power, normal = FORMATS["fp130log"], FORMATS["nf4"]
    errors = (decoded(power, numbers, power.scale_of(clip)) - numbers).abs()
    inside = numbers.abs() >= clip / 128
    assert bool((errors[inside] <= (2**0.5 - 1 + 1e-9) * numbers.abs()[inside]).all())
    assert float((decoded(normal, numbers, clip) - numbers).abs().max()) <= 0.15191 * clip


@pytest.mark.parametrize("row", FIXED, ids=lambda row: row.name)
@FEW
@given(seed=st.integers(0, 10_000), exponent=st.integers(-6, 6))
def test_equivariance(row: Format, seed: int, exponent: int) -> None:
    """Q6: Q(cw; cs) = c Q(w; s); Q7: permutations, and per output = row by row."""
    numbers, factor = values(seed, 4, 6), 2.0**exponent
    scale = float(row.scale_of(float(numbers.abs().max()) * 0.8 + 1e-3))
    assert torch.equal(decoded(row, numbers * factor, scale * factor), decoded(row, numbers, scale) * factor)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(seed))
    flat = numbers.flatten()
    if row.name not in GLOBAL:
        assert torch.equal(decoded(row, flat[order], scale), decoded(row, flat, scale)[order])
    scales = torch.tensor([[0.7], [1.0], [1.3], [2.0]], dtype=torch.float64) * scale
    rows = [decoded(row, numbers[index], float(scales[index])) for index in range(4)]
    assert torch.equal(decoded(row, numbers, scales), torch.stack(rows))


def test_the_limit_of_many_bits() -> None:
    """Q9: integers of 16 bits are the clamped number but for s·2^-16."""
    numbers = values(5, 500)
    row = FORMATS["int16"]
    error = decoded(row, numbers, row.scale_of(1.0)) - numbers.clamp(-1, 1)
    assert float(error.abs().max()) <= 2.0**-16


@pytest.mark.parametrize("row", FIXED, ids=lambda row: row.name)
def test_large_tensors_are_encoded_like_small_ones(row: Format) -> None:
    """Pieces that fit in the cache give what the whole gives, for one scale and for one a row."""
    numbers = values(2, 300, 311)
    scales = torch.linspace(0.01, 0.2, 300, dtype=torch.float64).reshape(-1, 1)
    for scale in (0.05, scales):
        whole = row.encode(numbers, scale)
        if row.name not in GLOBAL:
            part = row.encode(numbers[:20], scale if isinstance(scale, float) else scale[:20])
            assert torch.equal(whole[:20], part)
        assert torch.equal(row.encode(numbers.T.contiguous().T, scale), whole)


@pytest.mark.parametrize("row", LEVELLED, ids=lambda row: row.name)
def test_kernel_integers_stand_for_the_levels(row: Format) -> None:
    """real = integer * scale / unit, exactly for whole levels and within half a unit for tables."""
    numbers = values(7, 64)
    scale = float(row.scale_of(1.5))
    codes = row.encode(numbers, scale)
    integers = row.integers(codes)
    assert int(integers.abs().max()) <= row.largest_integer
    error = integers.double() * scale / row.unit - row.decode(codes, scale, None, torch.float64)
    slack = 0.01 if row.multiplies_codes else 0.0 if row.decodes_integers else 0.5 / row.unit
    assert float(error.abs().max()) <= slack * scale + 1e-12
    assert torch.equal(row.integers_of(numbers, scale, "w").int(), integers)


# --- edges ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", LEVELLED, ids=lambda row: row.name)
def test_the_edges(row: Format) -> None:
    """All zeros, a constant, a single element, NaN and infinities, nothing at all."""
    zeros = torch.zeros(2, 3)
    if row.has_zero:
        assert float(decoded(row, zeros, 1.0).abs().max()) == (0.01 if row.multiplies_codes else 0)
    elif row.name in DOREFA:
        assert not row.decode(row.encode(zeros)).any()
    else:
        with pytest.raises(DegenerateTensorError, match=r"'fc\.weight'") as caught:
            row.encode(zeros, 1.0, where="tensor 'fc.weight'")
        assert "choose a format with one" in str(caught.value)
        assert float(row.decode(row.encode(zeros, 1.0, allow_degenerate=True)).min()) != 0
    for wrong in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(NonFiniteError, match=r"fc.weight.*1 of 3 elements"):
            row.encode(torch.tensor([1.0, wrong, 2.0]), 1.0, where="tensor 'fc.weight'")
    assert row.encode(torch.empty(0, 3), 1.0).shape == (0, 3)
    assert row.encode(torch.tensor(0.7), 1.0).shape == ()
    with pytest.raises(FormatError, match="greater than 0"):
        row.encode(torch.ones(2), 0.0)


def test_zero_is_plus_in_a_format_without_zero() -> None:
    tie = torch.tensor([0.0, -0.0])
    for name in ("binarysym", "2bitsym", "4bitsym", "5bitsym", "fp130", "dorefa1"):
        assert FORMATS[name].encode(tie, 1.0, allow_degenerate=True).tolist() == [1, 1]
    assert FORMATS["4bitsym"].encode(torch.tensor([2.0, -2.0]), 1.0).tolist() == [1, -3]


def test_signs_around_the_mean_of_a_constant_are_plus() -> None:
    for constant in (-0.1, 0.3, 1e-30):
        assert FORMATS["binary"].encode(torch.full((7, 13), constant), 1.0).unique().tolist() == [1]


def test_a_zero_point_or_propagation_is_refused_by_a_code_book() -> None:
    with pytest.raises(FormatError, match="a code book has none; leave it out"):
        FORMATS["4bitsym"].encode(torch.ones(2), 1.0, 0)


def test_a_half_that_overflows_is_flagged() -> None:
    with pytest.raises(FormatError, match="1 of 2 elements exceed 65504"):
        FORMATS["float16"].encode(torch.tensor([1.0, 70000.0]))
    rounded = FORMATS["float16"].encode(values(1, 50))
    assert torch.equal(FORMATS["float16"].encode(rounded.double()), rounded)


# --- gradients --------------------------------------------------------------------------------------------------------


def test_gradient_rules() -> None:
    """Straight through is one; clipped is zero beyond the clip s."""
    numbers = torch.tensor([-3.0, -0.5, 0.5, 3.0])
    for name in ("4bitsym", "8bit", "fp130", "nf4", "ternary", "int4"):
        row = FORMATS[name]
        scale = row.scale_of(1.0)
        assert row.gradient(numbers, scale).tolist() == [1, 1, 1, 1]
        assert row.gradient(numbers, scale, rule=GradientRule.CLIPPED).tolist() == [0, 1, 1, 0]


def test_the_gradient_of_dorefa_goes_through_the_tanh() -> None:
    numbers = values(4, 9).requires_grad_()
    smooth = torch.tanh(numbers) / torch.tanh(numbers).abs().max().detach()
    (expected,) = torch.autograd.grad(smooth.sum(), numbers)
    torch.testing.assert_close(FORMATS["dorefa4"].gradient(numbers.detach()), expected)
    assert FORMATS["dorefa4"].gradient(torch.zeros(3)).tolist() == [1, 1, 1]


# --- families ---------------------------------------------------------------------------------------------------------


def test_joint_levels() -> None:
    """Q20: products fit in a byte, 258 of them in 16 bits; 4.587 bits on average."""
    pairs = joint_pairs()
    assert pairs[:3] == ((255, 3), (127, 5), (85, 7))
    assert (len(pairs), SUMMED_PRODUCTS) == (21, 258)
    assert mean_width() == pytest.approx(4.587, abs=5e-4)
    for activations, weights in pairs:
        largest = (activations // 2) * (weights // 2)
        assert largest <= 127
        assert SUMMED_PRODUCTS * largest <= 32767
        assert FORMATS[f"{weights}level"].maximum == weights // 2
        assert FORMATS[f"u{activations}level"].maximum == activations - 1
    with pytest.raises(FormatError, match="give an odd number from 3 to 255"):
        activation_levels(4)


@FEW
@given(seed=st.integers(0, 10_000), bits=st.integers(2, 8), kept=st.integers(1, 8))
def test_nested_codes_are_prefixes(seed: int, bits: int, kept: int) -> None:
    """Q21: dropping bits twice is dropping them at once, and each prefix is a code of the narrower format."""
    kept = min(kept, bits)
    codes = FORMATS[f"dorefa{bits}"].encode(values(seed, 40))
    narrow = nested_codes(codes, bits, kept)
    unsigned = (codes.int() + 2**bits - 1) // 2
    assert torch.equal((narrow.int() + 2**kept - 1) // 2, unsigned >> (bits - kept))
    FORMATS[f"dorefa{kept}"].pack(narrow)
    for between in range(kept, bits + 1):
        assert torch.equal(nested_codes(nested_codes(codes, bits, between), between, kept), narrow)


def test_the_levels_of_a_normal_distribution_can_be_constructed() -> None:
    """Quantiles between 0.9677083 and one half, eight above and seven below, over the largest."""
    normal = torch.distributions.Normal(torch.tensor(0.0, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64))
    above = normal.icdf(torch.linspace(0.9677083, 0.5, 9, dtype=torch.float64)[:-1])
    below = -normal.icdf(torch.linspace(0.9677083, 0.5, 8, dtype=torch.float64)[:-1])
    found = torch.cat([below, torch.zeros(1, dtype=torch.float64), above.flip(0)]).sort().values / above.max()
    torch.testing.assert_close(found, torch.tensor(NORMAL_FLOAT, dtype=torch.float64), atol=2e-7, rtol=0)

"""Clip rules: their worked values, and the laws that hold for every one of them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_core.errors import OptionError
from nadoo_core.quantizing import CLIP_RULES, Book, exact_octav, make_rule, mean_square_clip, newton_octav, square_error
from nadoo_core.quantizing.divergence import divergence_clip
from nadoo_core.quantizing.octav import noise_factor
from nadoo_graphs.errors import EmptyTensorError, FormatError, NonFiniteError
from nadoo_graphs.formats import standard_formats
from tests.core.quantizing.strategies import book, books, tensors

WORKED = torch.tensor([[-1, -0.5, -0.1, 0, 0.1, 0.3, 0.7, 1.5]], dtype=torch.float64)
FEW = settings(max_examples=30, deadline=None)
DERIVED = tuple(name for name in CLIP_RULES if name != "fixed")


def normal(count: int = 400_000) -> torch.Tensor:
    """Standard normal numbers as one row."""
    return torch.randn(1, count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


# --- worked values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "expected"), [(1, 1.0), (2, 1.333333), (4, 1.488372), (5, 1.497076), (8, 1.499954)])
def test_octav_has_the_worked_values(bits: int, expected: float) -> None:
    assert float(exact_octav(WORKED, bits)) == pytest.approx(expected, abs=1e-6)


def test_octav_counts_zeros_where_the_original_does() -> None:
    assert float(exact_octav(WORKED, 4, count_zeros=True)) == pytest.approx(1.486452, abs=1e-6)
    assert float(newton_octav(WORKED, 4)) == pytest.approx(1.486452, abs=1e-6)


def test_octav_of_the_other_worked_rows() -> None:
    spikes = torch.tensor([[1.0, 1, 1, 5]], dtype=torch.float64)
    assert float(exact_octav(spikes, 2)) == pytest.approx(4.705882, abs=1e-6)
    assert float(exact_octav(torch.full((1, 7), -0.3, dtype=torch.float64), 4)) == pytest.approx(0.3)
    assert float(exact_octav(torch.zeros(1, 7), 4)) == 0.0


@pytest.mark.parametrize(("bits", "expected"), [(1, 1.312), (2, 1.739), (3, 2.161), (4, 2.562), (5, 2.937), (8, 3.924)])
def test_octav_of_normal_numbers(bits: int, expected: float) -> None:
    assert float(exact_octav(normal(), bits)) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("name", "clip", "error"),
    [("2bitsym", 2.0, 0.1192), ("4bitsym", 2.7, 0.01161), ("4bit", 2.7, 0.01184), ("5bitsym", 3.05, 0.0035),
     ("nf4", 2.85, 0.00993), ("binarysym", 0.8, 0.364)],
)  # fmt: skip
def test_mean_square_of_normal_numbers(name: str, clip: float, error: float) -> None:
    values, levels = normal(), book(name)
    found = mean_square_clip(values, levels)
    assert float(found) == pytest.approx(clip, rel=0.02)
    assert float(square_error(values, levels, found)) / values.numel() == pytest.approx(error, rel=0.02)


def test_the_mean_magnitude_is_best_for_signs() -> None:
    values, levels = normal(), book("binarysym")
    chosen = make_rule("auto").clips(values, levels)
    assert float(chosen) == pytest.approx(0.798, rel=0.01)
    assert float(square_error(values, levels, chosen)) / values.numel() == pytest.approx(0.364, rel=0.01)


def test_trained_weights_follow_octav_and_signs_their_mean_magnitude() -> None:
    for name, rule in (("4bitsym", "octav"), ("ternary", "octav"), ("binarysym", "absmean")):
        found, wanted = (make_rule(each).clips(normal(), book(name)) for each in ("auto-training", rule))
        assert torch.equal(found, wanted)
    centred = make_rule("absmean", {"centred": True}).clips(WORKED, book("binary"))
    assert torch.equal(make_rule("auto-training").clips(WORKED, book("binary")), centred)


def test_signs_around_the_mean_are_measured_from_it() -> None:
    assert float(make_rule("absmean", {"centred": True}).clips(WORKED, book("binary"))) == pytest.approx(
        float((WORKED - 0.125).abs().mean())
    )


def test_divergence_of_normal_numbers() -> None:
    values = normal(1_000_000)
    assert float(divergence_clip(values)) == pytest.approx(3.81, rel=0.05)
    values[0, 0] = 40
    assert float(divergence_clip(values)) == pytest.approx(4.375, abs=1e-6)


@pytest.mark.parametrize(("share", "expected"), [(99.9, 3.293), (99.99, 3.893)])
def test_percentiles_of_normal_numbers(share: float, expected: float) -> None:
    found = make_rule("percentile", {"p": share}).clips(normal(1_000_000), book("int8"))
    assert float(found) == pytest.approx(expected, rel=0.02)


def test_the_simple_rules() -> None:
    levels = book("4bitsym")
    assert float(make_rule("prop").clips(WORKED, levels)) == pytest.approx(0.525 / 0.25)
    assert float(make_rule("max").clips(WORKED, levels)) == 1.5
    assert float(make_rule("absmean").clips(WORKED, levels)) == pytest.approx(0.525)
    assert float(make_rule("fixed", {"value": 0.8}).clips(WORKED, levels)) == 0.8
    assert float(make_rule("learned").clips(WORKED, book("int4"))) == pytest.approx(2 * 0.525 / 7**0.5 * 7)


def test_a_decaying_clip_falls_to_octav_and_stays() -> None:
    rule, levels, values = make_rule("decay", {"gamma": 0.5}), book("int4"), normal(1000)
    clips = [float(rule.clips(values, levels, epoch)) for epoch in range(6)]
    assert clips[0] == float(values.abs().max())
    assert clips == sorted(clips, reverse=True)
    assert clips[-1] == float(make_rule("octav").clips(values, levels))


# --- laws -------------------------------------------------------------------------------------------------------------


@FEW
@given(values=tensors(), levels=books(), name=st.sampled_from(DERIVED), power=st.integers(-4, 4))
def test_a_rule_follows_the_size_of_the_weights(values: torch.Tensor, levels: Book, name: str, power: int) -> None:
    """s(cX) = c·s(X)."""
    rule, factor = make_rule(name), 2.0**power
    assert torch.allclose(rule.clips(values * factor, levels), rule.clips(values, levels) * factor, rtol=1e-9, atol=0)


@FEW
@given(values=tensors(), levels=books(), name=st.sampled_from(DERIVED))
def test_rows_are_apart_and_positive(values: torch.Tensor, levels: Book, name: str) -> None:
    """The clips of several rows are those of each, and greater than zero."""
    rule = make_rule(name)
    together = rule.clips(values, levels)
    assert together.dtype == torch.float64
    assert bool((together > 0).all()) or name == "absmean" or (name.startswith("auto") and levels.name == "binary")
    assert torch.allclose(together, torch.cat([rule.clips(row[None], levels) for row in values]), rtol=1e-12, atol=0)


@FEW
@given(values=tensors((2, 40)), levels=books())
def test_no_point_of_the_grid_is_better(values: torch.Tensor, levels: Book) -> None:
    """The least square error of all 71 ratios is not below that of the clip that was found."""
    least = square_error(values, levels, mean_square_clip(values, levels))
    largest = values.abs().amax(1)
    for step in range(71):
        assert bool((least <= square_error(values, levels, largest * (0.3 + step / 100)) * (1 + 1e-9) + 1e-18).all())


@FEW
@given(values=tensors((1, 16)), levels=books(), ratio=st.floats(0.2, 1.5))
def test_the_error_is_that_of_the_nearest_levels(values: torch.Tensor, levels: Book, ratio: float) -> None:
    clip = values.abs().amax(1) * ratio
    scale = levels.scale(clip)[:, None]
    direct = ((levels.nearest(values / scale) * scale - values) ** 2).sum(1)
    assert torch.allclose(
        square_error(values, levels, clip), direct, rtol=1e-6, atol=1e-9 * float(values.abs().max()) ** 2
    )


def test_long_rows_find_what_a_search_of_everything_finds() -> None:
    values = torch.randn(3, 5000, generator=torch.Generator().manual_seed(1)) ** 3
    for name in ("int8", "int4", "int2", "nf4"):
        levels = book(name)
        found = square_error(values, levels, mean_square_clip(values, levels))
        largest = values.abs().amax(1).double()
        everywhere = [square_error(values, levels, largest * ratio) for ratio in torch.linspace(0.3, 1, 701).tolist()]
        assert bool((found <= torch.stack(everywhere).amin(0) * 1.01).all()), name


@FEW
@given(values=tensors(), bits=st.floats(1, 8), beta=st.floats(1, 4))
def test_octav_solves_its_equation(values: torch.Tensor, bits: float, beta: float) -> None:
    """g(s) ≥ 0 at the solution and g < 0 just below it; 0 < s ≤ max|x|."""
    found = exact_octav(values, bits, beta=beta)
    factor = noise_factor(bits, beta)
    for row, clip in zip(values.abs(), found.tolist(), strict=True):
        assert 0 < clip <= float(row.max()) * (1 + 1e-12)
        assert balance(row, clip * (1 + 1e-9), factor) >= 0
        assert balance(row, clip * (1 - 1e-9), factor) <= 1e-12


def balance(row: torch.Tensor, clip: float, factor: float) -> float:
    """g(s) = k·s·#{0 < a ≤ s} − Σ_{a>s}(a − s)."""
    outside = row[row > clip]
    return factor * clip * int(((row > 0) & (row <= clip)).sum()) - math.fsum((outside - clip).tolist())


@FEW
@given(values=tensors(), bits=st.integers(1, 8))
def test_octav_knows_neither_sign_nor_order_nor_copies_nor_zeros(values: torch.Tensor, bits: int) -> None:
    found = exact_octav(values, bits)
    order = torch.randperm(values.shape[1], generator=torch.Generator().manual_seed(0))
    zeros = torch.zeros(len(values), 3, dtype=torch.float64)
    for other in (-values, values[:, order], torch.cat([values, values], 1), torch.cat([values, zeros], 1)):
        assert torch.allclose(exact_octav(other, bits), found, rtol=1e-12, atol=0)


@FEW
@given(values=tensors(), bits=st.integers(1, 7))
def test_octav_rises_with_bits_and_falls_with_beta(values: torch.Tensor, bits: int) -> None:
    found = exact_octav(values, bits)
    assert bool((exact_octav(values, bits + 1) >= found * (1 - 1e-12)).all())
    assert bool((exact_octav(values, bits, beta=2) <= found * (1 + 1e-12)).all())


@FEW
@given(values=tensors(), low=st.floats(1, 100), high=st.floats(1, 100))
def test_percentiles_rise_to_the_largest(values: torch.Tensor, low: float, high: float) -> None:
    levels = book("int8")
    first, second = (make_rule("percentile", {"p": p}).clips(values, levels) for p in sorted((low, high)))
    assert bool((first <= second).all())
    assert torch.equal(make_rule("percentile", {"p": 100}).clips(values, levels), values.abs().amax(1))
    assert bool((divergence_clip(values) <= values.abs().amax(1) * (1 + 1e-12)).all())


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLIP_RULES)
def test_every_rule_refuses_what_has_no_clip(name: str) -> None:
    rule = make_rule(name, {"value": 1.0} if name == "fixed" else {})
    with pytest.raises(NonFiniteError, match="1 of 2 elements"):
        rule.clips(torch.tensor([[1.0, math.nan]]), book("int4"))
    with pytest.raises(EmptyTensorError, match="no elements"):
        rule.clips(torch.zeros(2, 0), book("int4"))
    with pytest.raises(FormatError, match="rows"):
        rule.clips(torch.zeros(3), book("int4"))


@pytest.mark.parametrize("name", [name for name in CLIP_RULES if name != "fixed"])
def test_all_zeros_have_the_clip_zero_and_the_scale_one(name: str) -> None:
    clip = make_rule(name).clips(torch.zeros(2, 5), book("int4"))
    assert clip.tolist() == [0, 0]
    assert book("int4").scale(clip).tolist() == [1, 1]


def test_an_unknown_rule_names_the_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'octav'"):
        make_rule("octaf")
    with pytest.raises(OptionError, match="beta"):
        make_rule("octav", {"beta": -1})


def test_floating_point_has_no_levels_to_clip_to() -> None:
    with pytest.raises(FormatError, match="nothing to clip"):
        Book.of(standard_formats()["float16"])

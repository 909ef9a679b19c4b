"""Bits a weight of sparse layouts, and compression ratios."""

import pytest
from hypothesis import given, strategies

from nadoo_core.formulas import bitmap_bits, bitmap_break_even, compression_ratio, group_bits
from tests.core.formulas.drawn import shares

BITS = strategies.floats(1, 64)


def test_the_reference_layouts() -> None:
    assert bitmap_bits(4, 0.5) == 3
    assert bitmap_break_even(4) == 0.25
    assert group_bits(8, 2, 4) == 5


@given(BITS, shares(), shares())
def test_a_bitmap_pays_above_its_break_even(bits: float, first: float, second: float) -> None:
    """(1 − S)·b + 1 is non-increasing in S and equals b at S = 1/b."""
    less, more = sorted((first, second))
    assert bitmap_bits(bits, more) <= bitmap_bits(bits, less)
    assert bitmap_bits(bits, bitmap_break_even(bits)) == pytest.approx(bits)


@given(
    BITS,
    strategies.integers(2, 64).flatmap(lambda m: strategies.tuples(strategies.integers(1, m - 1), strategies.just(m))),
)
def test_a_group_pays_for_each_kept_weight_and_its_place(bits: float, group: tuple[int, int]) -> None:
    """N/M·(b + ⌈log₂ M⌉), with places enough for every weight of the group."""
    kept, size = group
    place = group_bits(bits, kept, size) * size / kept - bits
    assert 2 ** round(place) >= size > 2 ** (round(place) - 1)


def test_a_ratio_by_hand() -> None:
    assert compression_ratio([100, 300], [8, 4]) == pytest.approx(32 * 400 / 2000)
    assert compression_ratio([100], [2], original_bits=16) == 8


@given(strategies.lists(strategies.tuples(strategies.integers(1, 10**6), strategies.integers(1, 32)), min_size=1))
def test_a_ratio_lies_between_that_of_the_widest_and_the_narrowest_layer(layers: list[tuple[int, int]]) -> None:
    """b₀·Σn/Σ(n·b); b₀/b where all layers have b bits."""
    counts, bits = zip(*layers, strict=True)
    assert 32 / max(bits) <= compression_ratio(counts, bits) * (1 + 1e-12)
    assert compression_ratio(counts, bits) <= 32 / min(bits) * (1 + 1e-12)
    assert compression_ratio(counts, [4] * len(counts)) == pytest.approx(8)

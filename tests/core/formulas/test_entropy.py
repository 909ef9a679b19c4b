"""The entropy of codes and what it says about their storage."""

from math import log2

import numpy as np
import pytest
from hypothesis import given, strategies
from numpy.typing import NDArray

from nadoo_core.formulas import capacity_used, entropy, entropy_coded_bytes, entropy_of_counts
from tests.core.formulas.drawn import vectors

CODES = strategies.lists(strategies.integers(-8, 7), min_size=1, max_size=60)


def test_the_ternary_layer_of_the_reference() -> None:
    bits = entropy_of_counts([0.26702, 0.49313, 0.23984])
    assert bits == pytest.approx(1.5057, abs=5e-5)
    assert capacity_used(bits, 3) == pytest.approx(0.950, abs=5e-4)
    assert bits / 1.6 == pytest.approx(0.941, abs=5e-4)


def test_the_bytes_of_the_12k_model() -> None:
    coded = entropy_coded_bytes([16384, 4096, 4096, 640], [3.25, 3.38, 3.35, 3.15])
    assert coded == pytest.approx(10353.8, abs=0.05)
    assert coded / 12608 == pytest.approx(0.821, abs=5e-4)


def test_a_coin_has_one_bit() -> None:
    assert entropy([0, 1, 1, 0]) == 1
    assert entropy([-0.0, 0.0]) == 0


@given(strategies.one_of(CODES.map(np.array), vectors()))
def test_entropy_is_within_its_bounds(codes: NDArray[np.float64]) -> None:
    """0 ≤ H ≤ log₂ min(L, N), and 0 exactly for a constant tensor."""
    bits = entropy(codes)
    levels = len(set(codes.tolist()))
    assert 0 <= bits <= log2(min(levels, codes.size)) + 1e-12
    assert (bits == 0) == (levels == 1)
    assert 0 <= capacity_used(bits, max(levels, 2)) <= 1


@given(CODES, strategies.randoms(use_true_random=False))
def test_neither_order_nor_names_of_codes_matter(codes: list[int], random: "np.random.Generator") -> None:
    """Permutation and renaming of the codes leave H as it is."""
    shuffled = [7 - 3 * code for code in codes]
    random.shuffle(shuffled)
    assert entropy(shuffled) == pytest.approx(entropy(codes), abs=1e-12)


@given(CODES, CODES)
def test_a_mixture_has_at_least_the_mean_entropy(first: list[int], second: list[int]) -> None:
    """H(mixture) ≥ mean of the parts, weighted by their sizes."""
    parts = (len(first) * entropy(first) + len(second) * entropy(second)) / (len(first) + len(second))
    assert entropy(first + second) >= parts - 1e-12


@given(strategies.lists(strategies.integers(0, 1000), min_size=1).filter(any), strategies.floats(1e-3, 1e3))
def test_only_the_shares_of_counts_matter(counts: list[int], factor: float) -> None:
    """Unchanged by a factor and by codes that never occur."""
    bits = entropy_of_counts(counts)
    assert entropy_of_counts([factor * count for count in counts]) == pytest.approx(bits, abs=1e-9)
    assert entropy_of_counts([*counts, 0]) == pytest.approx(bits, abs=1e-12)


@given(strategies.lists(CODES, min_size=1, max_size=5))
def test_coded_bytes_add_up_and_never_exceed_plain_storage(layers: list[list[int]]) -> None:
    """Σ n·H/8, additive over layers, at most four bits a code for sixteen levels."""
    sizes, bits = [len(layer) for layer in layers], [entropy(layer) for layer in layers]
    coded = entropy_coded_bytes(sizes, bits)
    alone = sum(entropy_coded_bytes([size], [each]) for size, each in zip(sizes, bits, strict=True))
    assert coded == pytest.approx(alone, abs=1e-9)
    assert coded <= sum(sizes) * 4 / 8 + 1e-9


def test_all_codes_equally_often_use_the_whole_capacity() -> None:
    assert capacity_used(entropy(range(16)), 16) == 1

"""Deltas, Huffman codes and orders of rows: worked values, round trips, and bounds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.formulas.entropy import entropy
from nadoo_reordering.compressibility import compressibility
from nadoo_reordering.deltas import codes_of, modular_deltas, plain_deltas
from nadoo_reordering.huffman import LONG_BITS, HuffmanCode, code_lengths
from nadoo_reordering.orders import (
    clustered,
    exchanged,
    nearest_neighbours,
    nearest_to_prefix,
    order_rows,
    path_similarity,
    similarities,
)

ROWS = np.array([[1, 0, 0], [-1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0.9, 0.2]])
SEQUENCES = st.lists(st.integers(0, 15), min_size=1, max_size=40)


def random_rows(count: int, width: int, seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=(count, width))


# --- deltas -----------------------------------------------------------------------------------------------------------


def test_the_worked_deltas() -> None:
    codes = np.array([8, 15, 3, 0, 12, 12])
    assert modular_deltas(codes, 16).tolist() == [8, 7, 4, 13, 12, 0]
    assert plain_deltas(codes).tolist() == [8, 7, -12, -3, 12, 0]


@given(SEQUENCES)
def test_modular_deltas_are_undone_and_need_no_more_bits(codes: list[int]) -> None:
    deltas = modular_deltas(np.array(codes), 16)
    assert codes_of(deltas, 16).tolist() == codes
    assert 0 <= deltas.min() <= deltas.max() < 16
    assert np.cumsum(plain_deltas(np.array(codes))).tolist() == codes


def test_a_constant_row_has_no_differences() -> None:
    assert modular_deltas(np.full((2, 5), 7), 16, axis=1)[:, 1:].any() == np.False_


# --- Huffman ----------------------------------------------------------------------------------------------------------


@given(SEQUENCES)
def test_a_huffman_code_is_undone_and_within_a_bit_of_the_entropy(symbols: list[int]) -> None:
    values = np.array(symbols)
    code = HuffmanCode.of(values, 16)
    bits = code.encode(symbols)
    assert code.decode(bits) == symbols
    assert len(bits) == code.payload_bits(values)
    mean = len(bits) / len(symbols)
    assert mean < entropy(values) + 1 + 1e-9
    assert mean >= entropy(values) - 1e-9
    if len(set(symbols)) > 1:
        assert sum(2.0**-length for length in code.lengths.values()) == 1


def test_a_code_is_canonical_and_its_table_holds_lengths() -> None:
    code = HuffmanCode(code_lengths({0: 8, 1: 4, 2: 2, 3: 2}), 16)
    assert code.lengths == {0: 1, 1: 2, 2: 3, 3: 3}
    assert code.codes() == {0: "0", 1: "10", 2: "110", 3: "111"}
    assert code.table_bits == 64
    fibonacci = [1, 1]
    while len(fibonacci) < 20:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    long = HuffmanCode(code_lengths(dict(enumerate(fibonacci))), 20)
    assert long.table_bits == 20 * LONG_BITS


def test_the_best_coding_counts_its_table_and_its_flag() -> None:
    ramp = (np.arange(16)[None, :] + np.arange(40)[:, None]) % 16
    found = compressibility(ramp, 16)
    assert {coding.kind for coding in found.codings} == {"codes", "row_deltas", "column_deltas"}
    assert found.best.kind in {"row_deltas", "column_deltas"}
    assert found.best.bits >= 16 * 4 + 2 + ramp.size
    assert found.row()["entropy_codes"] == pytest.approx(4)


# --- orders -----------------------------------------------------------------------------------------------------------


def test_the_worked_rows() -> None:
    alike = similarities(ROWS, "cosine")
    order = nearest_neighbours(alike)
    assert order.tolist() == [0, 2, 3, 4, 1]
    assert path_similarity(alike, np.arange(5)) == pytest.approx(-0.907, abs=1e-3)
    assert path_similarity(alike, order) == pytest.approx(2.081, abs=1e-3)


@given(st.integers(1, 12), st.integers(0, 50), st.sampled_from(["cosine", "distance", "prefix"]),
       st.sampled_from(["greedy", "clustering"]), st.booleans())  # fmt: skip
def test_every_order_is_a_permutation_and_never_worse_than_none(
    count: int, seed: int, kind: Any, solver: Any, exchange: bool
) -> None:
    rows = random_rows(count, 4, seed)
    order = order_rows(rows, kind, solver, exchange=exchange)
    assert sorted(order.tolist()) == list(range(count))
    alike = similarities(rows, kind)
    assert path_similarity(alike, order) >= path_similarity(alike, np.arange(count)) - 1e-9


@given(st.integers(2, 12), st.integers(0, 50))
def test_exchanges_never_make_a_path_worse(count: int, seed: int) -> None:
    alike = similarities(random_rows(count, 3, seed), "cosine")
    for order in (np.arange(count), clustered(alike), nearest_neighbours(alike)):
        better = exchanged(alike, order)
        assert sorted(better.tolist()) == list(range(count))
        assert path_similarity(alike, better) >= path_similarity(alike, order) - 1e-9


def test_rows_of_zeros_are_like_nothing() -> None:
    alike = similarities(np.zeros((3, 2)), "cosine")
    assert not alike.any()
    assert sorted(nearest_to_prefix(np.zeros((3, 2))).tolist()) == [0, 1, 2]


def test_equal_rows_have_no_distance() -> None:
    alike = similarities(np.array([[1.0, 2.0], [1.0, 2.0], [4.0, 6.0]]), "distance")
    assert alike[0, 1] == pytest.approx(1)
    assert alike[0, 2] == pytest.approx(1 / 6)

"""Singular values: Eckart and Young's laws, worked values, and how near the randomized search comes."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_low_rank.singular import LINALG, Search, balance

WORKED = torch.tensor([[2.0, 1.0], [1.0, 3.0], [0.0, 1.0]], dtype=torch.float64)
EXACT = Search()


def matrix(rows: int, columns: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_worked_matrix_has_the_worked_values() -> None:
    found = EXACT.decompose(WORKED)
    assert found.values.tolist() == pytest.approx([3.718999, 1.472769], abs=1e-6)
    wanted = [[0.914251, 1.614741], [1.528992, 2.700490], [0.428746, 0.757248]]
    assert found.product(1).numpy() == pytest.approx(torch.tensor(wanted).numpy(), abs=1e-6)
    assert float(LINALG.norm(WORKED - found.product(1))) == pytest.approx(1.472769, abs=1e-6)


@given(st.integers(2, 8), st.integers(2, 8), st.integers(0, 99))
def test_no_factors_of_a_rank_are_closer_and_more_rank_is_never_worse(rows: int, columns: int, seed: int) -> None:
    weight = matrix(rows, columns, seed)
    found = EXACT.decompose(weight)
    errors = [float(LINALG.norm(weight - found.product(rank))) for rank in range(min(rows, columns) + 1)]
    for rank, error in enumerate(errors):
        assert error == pytest.approx(float(found.values[rank:].square().sum().sqrt()), abs=1e-9)
        other = matrix(rows, rank, seed + 1) @ matrix(rank, columns, seed + 2)
        assert error <= float(LINALG.norm(weight - other)) + 1e-9
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(errors))
    assert errors[-1] == pytest.approx(0, abs=1e-10)


@given(st.integers(2, 8), st.integers(2, 8), st.integers(0, 99))
def test_the_approximation_of_an_approximation_is_itself(rows: int, columns: int, seed: int) -> None:
    rank = min(rows, columns) // 2
    once = EXACT.decompose(matrix(rows, columns, seed)).product(rank)
    assert EXACT.decompose(once).product(rank).numpy() == pytest.approx(once.numpy(), abs=1e-9)


@given(st.integers(2, 8), st.integers(0, 99))
def test_rotations_do_not_change_the_error(size: int, seed: int) -> None:
    weight, rotation = matrix(size, size, seed), LINALG.qr(matrix(size, size, seed + 1)).Q
    assert EXACT.decompose(rotation @ weight).values.numpy() == pytest.approx(EXACT.decompose(weight).values.numpy())


def test_a_randomized_search_is_nearly_as_good_and_repeats() -> None:
    rotation = LINALG.qr(matrix(80, 80, 0)).Q
    weight = (rotation * torch.arange(1, 81, dtype=torch.float64).pow(-1.0)) @ LINALG.qr(matrix(80, 80, 1)).Q
    best = float(LINALG.norm(weight - EXACT.decompose(weight).product(10)))
    search = Search("randomized", seed=3)
    found = search.decompose(weight, 10).product(10)
    assert float(LINALG.norm(weight - found)) <= 1.02 * best
    assert torch.equal(found, search.decompose(weight, 10).product(10))


def test_signs_do_not_depend_on_the_library() -> None:
    left = EXACT.decompose(matrix(6, 5, 4)).left
    assert bool((left.gather(0, left.abs().argmax(0, keepdim=True)) > 0).all())


def test_balanced_factors_have_the_same_product_and_share_its_size() -> None:
    outer, inner = matrix(6, 3, 0) * 100, matrix(3, 5, 1) / 100
    one, other = balance(outer, inner)
    assert (one @ other).numpy() == pytest.approx((outer @ inner).numpy(), abs=1e-9)
    assert float(LINALG.norm(one)) == pytest.approx(float(LINALG.norm(other)))


def test_a_matrix_of_zeros_has_factors_of_zeros() -> None:
    found = EXACT.decompose(torch.zeros(3, 4, dtype=torch.float64))
    assert found.values.tolist() == [0, 0, 0]
    assert not found.product(2).any()

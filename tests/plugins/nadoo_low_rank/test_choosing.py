"""The rules of ranks: worked values, budgets that are kept, and errors that fall as more is allowed."""

import itertools
from math import sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.formulas.factor_sizes import break_even_rank
from nadoo_low_rank.candidates import Asked, Candidate, Options, options_of
from nadoo_low_rank.choosing import hull, largest_saving, relative, smallest_within, within_budget
from nadoo_low_rank.layers import Places
from nadoo_low_rank.methods.svd import Svd
from nadoo_low_rank.singular import Search
from nadoo_low_rank.target import Target

NOWHERE = Places((), ())


def options(rows: int, columns: int, seed: int = 0, **asked: int) -> Options:
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return options_of(f"layer{seed}", Target.plain(weight), NOWHERE, [Svd()], Search(), Asked(**asked))


@pytest.mark.parametrize(
    ("rows", "columns", "rank"), [(256, 512, 170), (64, 256, 51), (10, 64, 8), (96, 256, 69), (512, 512, 255)]
)
def test_break_even_is_the_largest_rank_that_saves(rows: int, columns: int, rank: int) -> None:
    target = Target.plain(torch.zeros(rows, columns, dtype=torch.float64))
    assert Asked().largest(Svd(), target) == rank == break_even_rank(rows, columns)


def test_the_largest_rank_that_saves_is_chosen() -> None:
    found = largest_saving(options(10, 64))
    assert found is not None
    assert found.ranks == (8,)


@given(st.integers(0, 50), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_more_energy_never_needs_less_rank(seed: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    held = options(12, 30, seed)
    first, second = (smallest_within(held, sqrt(1 - share)) for share in (low, high))
    if second is not None:
        assert first is not None
        assert first.ranks <= second.ranks
        assert relative(second, held) <= sqrt(1 - high) + 1e-9


def test_ranks_are_multiples_where_that_is_asked() -> None:
    held = options(24, 30, align=4)
    assert {item.ranks[0] % 4 for item in held.candidates} == {0}


@given(st.integers(0, 50), st.lists(st.integers(100, 900), min_size=2, max_size=5))
def test_a_budget_is_kept_and_more_of_it_loses_no_more(seed: int, budgets: list[int]) -> None:
    layers = [options(12, 20, seed), options(16, 16, seed + 1), options(8, 30, seed + 2)]
    errors: list[float] = []
    for budget in sorted(budgets):
        found = within_budget(layers, budget, "numbers")
        least = sum(min(item.numbers for item in held.candidates) for held in layers)
        assert (found is None) == (budget < least)
        if found is not None:
            assert sum(item.numbers for item in found.values()) <= budget
            errors.append(sum(item.error for item in found.values()))
    slack = max((item.error for held in layers for item in held.candidates), default=0) * 0.2
    assert all(later <= earlier + slack for earlier, later in itertools.pairwise(errors))


def test_a_budget_of_everything_leaves_everything_as_it_is() -> None:
    layers = [options(12, 20, 0), options(16, 16, 1)]
    found = within_budget(layers, 12 * 20 + 16 * 16, "numbers")
    assert found is not None
    assert {item.method for item in found.values()} == {""}


def test_a_hull_is_convex_and_leaves_out_what_costs_more_and_loses_more() -> None:
    dense = Candidate("", (), 100, 100, 0.0)
    points = [(90, 5.0), (80, 1.0), (60, 2.5), (50, 9.0), (40, 10.0), (40, 12.0), (120, 0.5)]
    items = tuple(Candidate("svd", (index,), size, size, error) for index, (size, error) in enumerate(points))
    line = hull(Options("layer", items, 20.0, dense), "numbers")
    assert [item.numbers for item in line] == [100, 80, 60, 40]


def test_places_count_the_work_of_each_stage() -> None:
    target = Target.plain(torch.zeros(8, 4 * 9, dtype=torch.float64), (3, 3))
    places = Places((10, 12), (5, 6))
    assert places.macs(Svd().sizes(target, (2,))) == (2 * 36 + 2 * 8) * 30

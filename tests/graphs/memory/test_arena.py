"""Arena plans: never a conflict, never below the bound, exact where few buffers make it possible."""

from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given, settings, strategies

from nadoo_graphs.memory import (
    ArenaPlan,
    Buffer,
    MemoryPlanError,
    best_plan,
    exact,
    first_fit,
    greedy_by_breadth,
    greedy_by_duration,
    greedy_by_size,
    lower_bound,
    view_storage,
)
from nadoo_graphs.memory.arena import place_in_order
from tests.graphs.memory.cases import CHAIN, buffers, fits, from_spans, tight_buffers

FAST = (greedy_by_size, greedy_by_breadth, greedy_by_duration, first_fit)
PLANNERS = (*FAST, exact, best_plan)
CHAIN_BUFFERS = tuple(view_storage(CHAIN).buffers.values())
HARD = from_spans([(4, 4, 4), (0, 3, 1), (0, 1, 4), (2, 4, 1), (3, 4, 3)])
"""Every fast planner needs 9 bytes, an optimal plan 8."""
GAP = from_spans(
    [(0, 0, 2), (0, 0, 4), (1, 1, 2), (1, 1, 3), (2, 2, 1), (0, 2, 1), (3, 3, 2), (1, 3, 1), (2, 4, 4), (4, 4, 3)]
)
"""No step needs more than 7 bytes, and no arena of 7 bytes holds them all."""


def test_greedy_by_size_wastes_50_bytes_on_the_worked_chain() -> None:
    plan = greedy_by_size(CHAIN_BUFFERS)
    assert (plan.size, plan.lower_bound, plan.optimal) == (850, 800, False)
    assert plan.offsets == {"a": 0, "b": 400, "d": 0, "x": 400, "c": 800, "y": 400}


def test_greedy_by_breadth_meets_the_bound_on_the_worked_chain() -> None:
    plan = greedy_by_breadth(CHAIN_BUFFERS)
    assert (plan.size, plan.optimal) == (800, True)


def test_the_best_plan_of_the_worked_chain_is_the_smallest_of_all() -> None:
    plan = best_plan(CHAIN_BUFFERS)
    assert (plan.size, plan.method, plan.optimal) == (800, "greedy by breadth", True)


def test_first_fit_places_in_the_order_of_execution() -> None:
    assert first_fit(CHAIN_BUFFERS).offsets == {"x": 0, "a": 100, "b": 500, "c": 0, "d": 50, "y": 0}


def test_offsets_are_aligned_and_gaps_counted() -> None:
    members = (Buffer("a", 3, 0, 1), Buffer("b", 5, 0, 1), Buffer("c", 1, 1, 1))
    for planner in PLANNERS:
        plan = planner(members, alignment=4)
        plan.check()
        assert all(offset % 4 == 0 for offset in plan.offsets.values())
        assert plan.size == 16


def test_no_buffers_make_an_empty_arena() -> None:
    for planner in PLANNERS:
        assert (planner(()).size, planner(()).optimal) == (0, True)


def test_buffers_without_bytes_need_no_room() -> None:
    plan = exact((Buffer("a", 4, 0, 3), Buffer("empty", 0, 0, 3), Buffer("b", 4, 2, 3)))
    plan.check()
    assert plan.size == 8


def test_a_conflict_is_listed_as_a_pair_and_refused() -> None:
    one, other, later = Buffer("a", 4, 0, 1), Buffer("b", 4, 1, 2), Buffer("c", 4, 2, 3)
    plan = ArenaPlan({"a": 0, "b": 3, "c": 0}, 8, (one, other, later))
    assert plan.conflicts() == ((one, other), (other, later))
    with pytest.raises(MemoryPlanError, match="shares bytes with 'b' while both are live"):
        plan.check()


def test_neighbours_in_space_or_time_are_no_conflict() -> None:
    members = (Buffer("a", 4, 0, 1), Buffer("b", 4, 1, 2), Buffer("c", 4, 2, 3))
    assert ArenaPlan({"a": 0, "b": 4, "c": 0}, 8, members).conflicts() == ()


def test_a_buffer_without_place_or_outside_the_arena_is_refused() -> None:
    members = (Buffer("a", 4, 0, 1), Buffer("b", 4, 2, 2), Buffer("c", 4, 3, 3))
    with pytest.raises(MemoryPlanError) as caught:
        ArenaPlan({"a": 6, "c": -1}, 8, members).check()
    assert [problem.where for problem in caught.value.problems] == ["a", "b", "c"]


def test_an_alignment_below_one_is_refused() -> None:
    with pytest.raises(MemoryPlanError, match="the alignment is 0"):
        greedy_by_size(CHAIN_BUFFERS, alignment=0)


def test_a_plan_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        best_plan(CHAIN_BUFFERS).offsets["a"] = 1  # type: ignore[index]


def test_the_search_finds_what_the_fast_planners_miss() -> None:
    assert min(planner(HARD).size for planner in FAST) == 9
    plan = best_plan(HARD)
    assert (plan.size, plan.method, plan.optimal) == (8, "exact", True)


def test_a_gap_between_the_bound_and_the_optimum_is_proven() -> None:
    plan = exact(GAP)
    assert (plan.lower_bound, plan.size, plan.optimal) == (7, 8, True)
    assert not fits(GAP, 7)


def test_a_search_without_steps_gives_the_best_fast_plan_and_no_proof() -> None:
    plan = exact(HARD, limit=0)
    assert (plan.size, plan.optimal) == (9, False)


def test_more_buffers_than_asked_for_are_left_to_the_fast_planners() -> None:
    assert best_plan(HARD, exact_up_to=len(HARD)).size == 8
    assert best_plan(HARD, exact_up_to=len(HARD) - 1).size == 9


def test_thirty_buffers_that_fast_planners_miss_are_proven() -> None:
    members = from_spans([(index, min(30, index + 1 + index * 5 % 7), 100 + index * 37 % 211) for index in range(30)])
    plan = exact(members)
    assert min(planner(members).size for planner in FAST) > plan.size
    assert plan.optimal


def test_long_chains_are_planned_without_deep_recursion() -> None:
    chain = tuple(Buffer(f"b{index}", 1 + index * 7919 % 101, index, index + 1 + index % 3) for index in range(600))
    plan = exact(chain)
    plan.check()
    assert plan.size >= lower_bound(chain)


@given(buffers(), strategies.sampled_from([1, 4, 16]), strategies.sampled_from(PLANNERS))
@settings(deadline=None)
def test_plans_never_overlap_and_never_beat_the_lower_bound(
    members: tuple[Buffer, ...], alignment: int, planner: Callable[..., ArenaPlan]
) -> None:
    """Every pair that is live together is disjoint, and size >= peak."""
    plan = planner(members, alignment=alignment)
    plan.check()
    assert set(plan.offsets) == {buffer.name for buffer in members}
    assert plan.size >= lower_bound(members)


@given(buffers(most=6, steps=5))
@settings(deadline=None, max_examples=60)
def test_exact_is_the_brute_force_optimum(members: tuple[Buffer, ...]) -> None:
    """Placing in every order at the lowest free offset reaches some optimum; exact equals the best of them."""
    optimum = min(place_in_order(order, "brute force").size for order in permutations(members))
    plan = exact(members)
    assert plan.optimal
    assert plan.size == optimum


@given(tight_buffers())
@settings(deadline=None, max_examples=40)
def test_exact_is_the_least_capacity_that_fits(members: tuple[Buffer, ...]) -> None:
    """Some offsets fit into the exact size and none into a byte less."""
    plan = exact(members)
    assert plan.optimal
    assert fits(members, plan.size)
    assert not fits(members, plan.size - 1)


@given(buffers(most=20, steps=14))
@settings(deadline=None)
def test_exact_is_no_larger_than_any_fast_plan(members: tuple[Buffer, ...]) -> None:
    """exact <= min(fast), and with a proof the best plan is as small."""
    plan = exact(members)
    plan.check()
    assert plan.size <= min(planner(members).size for planner in FAST)
    assert plan.size == best_plan(members).size


@given(buffers(most=20, steps=14))
@settings(deadline=None)
def test_the_same_buffers_give_the_same_plan(members: tuple[Buffer, ...]) -> None:
    """Planning twice gives equal plans."""
    assert best_plan(members) == best_plan(members)

"""The order of execution with the smallest peak."""

import random

import pytest
from hypothesis import given, settings

from nadoo_graphs.memory import (
    MemoryPlanError,
    Program,
    Step,
    in_place_storage,
    smallest_peak_order,
    timeline,
    view_storage,
)
from nadoo_graphs.memory.schedule import segments
from nadoo_graphs.memory.step_costs import StepCosts, bits
from tests.graphs.memory.cases import CHAIN, RESIDUAL, programs, valid_orders


def peak(program: Program) -> int:
    return timeline(view_storage(program).buffers.values()).peak


def branches() -> Program:
    """Two branches of which each swells before it shrinks; interleaving them is the mistake."""
    return Program(
        steps=(
            Step("swell a", ("x",), ("a",)),
            Step("swell b", ("x",), ("b",)),
            Step("shrink a", ("a",), ("small a",)),
            Step("shrink b", ("b",), ("small b",)),
            Step("join", ("small a", "small b"), ("y",)),
        ),
        sizes={"x": 1, "a": 100, "b": 100, "small a": 1, "small b": 1, "y": 1},
        inputs=("x",),
        outputs=("y",),
    )


def test_a_chain_has_one_order() -> None:
    schedule = smallest_peak_order(CHAIN)
    assert schedule.order == tuple(step.name for step in CHAIN.steps)
    assert (schedule.peak, schedule.exact) == (800, True)
    assert smallest_peak_order(RESIDUAL).peak == 850


def test_one_branch_is_finished_before_the_other_begins() -> None:
    schedule = smallest_peak_order(branches())
    assert peak(branches()) == 201
    assert (schedule.peak, schedule.exact) == (102, True)
    assert schedule.order == ("swell a", "shrink a", "swell b", "shrink b", "join")
    assert peak(branches().reordered(schedule.order)) == 102


def test_an_operand_of_equal_size_that_dies_is_overwritten_in_the_costs() -> None:
    program = Program(
        steps=(Step("relu", ("x",), ("y",), in_place=(0,)),),
        sizes={"x": 8, "y": 8},
        inputs=("x",),
        outputs=("y",),
    )
    assert smallest_peak_order(program).peak == 8
    assert smallest_peak_order(program, in_place=False).peak == 16


def test_a_barrier_keeps_its_place() -> None:
    steps = branches().steps
    write = Step("write", ("b",), barrier=True)
    program = Program((*steps[:2], write, *steps[2:]), branches().sizes, ("x",), ("y",))
    order = smallest_peak_order(program).order
    assert set(order[:2]) == {"swell a", "swell b"}
    assert order[2] == "write"


def test_a_network_is_cut_where_everything_passes_through_one_step() -> None:
    costs = StepCosts.of(branches_in_a_row(3), in_place=True)
    assert [len(bits(segment)) for segment in segments(costs)] == [5, 5, 5]


def test_many_branches_in_a_row_are_exact() -> None:
    schedule = smallest_peak_order(branches_in_a_row(40), limit=60)
    assert (schedule.peak, schedule.exact) == (102, True)


def branches_in_a_row(count: int) -> Program:
    one = branches()
    steps: list[Step] = []
    sizes: dict[str, int] = {"y-1": 1}
    for index in range(count):
        name = {value: f"{value}{index}" for value in one.sizes} | {"x": f"y{index - 1}"}
        for step in one.steps:
            reads = tuple(name[value] for value in step.reads)
            steps.append(Step(f"{step.name} {index}", reads, tuple(name[value] for value in step.writes)))
        sizes |= {name[value]: size for value, size in one.sizes.items()}
    return Program(tuple(steps), sizes, ("y-1",), (f"y{count - 1}",))


def test_without_a_search_the_heuristic_is_not_called_exact() -> None:
    program = tangled(40, seed=3)
    hasty, thorough = smallest_peak_order(program, limit=0), smallest_peak_order(program)
    assert not hasty.exact
    assert thorough.exact
    assert thorough.peak <= hasty.peak <= peak(program)


def tangled(count: int, seed: int) -> Program:
    """Steps that read any earlier values: nothing to cut."""
    chance = random.Random(seed)  # noqa: S311
    sizes, values, steps = {"x": 10}, ["x"], []
    for index in range(count):
        reads = tuple(chance.choice(values[-12:]) for _ in range(chance.choice([1, 2])))
        steps.append(Step(f"s{index}", reads, (f"v{index}",)))
        sizes[f"v{index}"] = chance.randint(1, 100)
        values.append(f"v{index}")
    return Program(tuple(steps), sizes, ("x",), (values[-1],))


@pytest.mark.parametrize("seed", range(5))
def test_twenty_four_tangled_steps_are_solved_exactly(seed: int) -> None:
    program = tangled(24, seed)
    schedule = smallest_peak_order(program)
    assert schedule.exact
    assert peak(program.reordered(schedule.order)) == schedule.peak


def test_an_order_that_leaves_out_a_step_is_refused() -> None:
    with pytest.raises(MemoryPlanError, match="name each step exactly once"):
        CHAIN.reordered(["make a"])


def test_an_order_that_reads_before_writing_is_refused() -> None:
    with pytest.raises(MemoryPlanError, match="reads 'a', which nothing before it writes"):
        CHAIN.reordered([step.name for step in reversed(CHAIN.steps)])


@given(programs(most=6))
@settings(deadline=None, max_examples=60)
def test_exact_equals_the_best_of_all_orders(program: Program) -> None:
    """The peak is the minimum over every topological order, without and with operands overwritten."""
    plain = smallest_peak_order(program, in_place=False)
    assert plain.exact
    assert plain.peak == min(peak(order) for order in valid_orders(program))
    best = min(follow_peak(order) for order in valid_orders(program))
    assert smallest_peak_order(program, in_place=True).peak == best


def follow_peak(program: Program) -> int:
    """The peak of an order by running the costs over it, which the next property ties to the storage."""
    costs = StepCosts.of(program, in_place=True)
    live, most = costs.inputs, costs.inputs + costs.unused_inputs
    for step in range(costs.count):
        during, live = costs.run(step, (1 << step) - 1, live)
        most = max(most, during)
    return most


@given(programs(most=10))
@settings(deadline=None)
def test_the_costs_of_an_order_are_those_of_its_buffers(program: Program) -> None:
    """Sets of done steps and lifetimes give the same peak; overwriting smaller operands only lowers it further."""
    plain = StepCosts.of(program, in_place=False)
    live, totals = plain.inputs, []
    for step in range(plain.count):
        during, live = plain.run(step, (1 << step) - 1, live)
        totals.append(during)
    assert tuple(totals) == timeline(view_storage(program).buffers.values()).totals
    assert timeline(in_place_storage(program)[0].buffers.values()).peak <= follow_peak(program)


@given(programs(most=10))
@settings(deadline=None)
def test_reordering_is_never_worse_and_never_below_the_bound(program: Program) -> None:
    """lower bound <= peak of the found order <= peak of the given order, and the found order can run."""
    schedule = smallest_peak_order(program, in_place=False)
    assert schedule.lower_bound <= schedule.peak <= peak(program)
    assert peak(program.reordered(schedule.order)) == schedule.peak


@given(programs(most=10))
@settings(deadline=None)
def test_the_same_program_gives_the_same_order(program: Program) -> None:
    """Scheduling twice gives equal schedules."""
    assert smallest_peak_order(program) == smallest_peak_order(program)

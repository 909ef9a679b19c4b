"""Lifetimes and the bytes live at each step."""

import pytest
from hypothesis import given, settings

from nadoo_graphs.memory import Buffer, MemoryPlanError, Program, live_sets, lower_bound, timeline, view_storage
from tests.graphs.memory.cases import CHAIN, RESIDUAL, buffers, programs


def totals(program: Program) -> tuple[int, ...]:
    return timeline(view_storage(program).buffers.values()).totals


def test_the_chain_needs_the_worked_bytes_at_each_step() -> None:
    assert totals(CHAIN) == (500, 800, 450, 450, 410)
    assert timeline(view_storage(CHAIN).buffers.values()).peak_step == 1


def test_a_residual_keeps_its_value_alive_over_the_worked_steps() -> None:
    assert totals(RESIDUAL) == (500, 800, 850, 850, 410)
    assert timeline(view_storage(RESIDUAL).buffers.values()).peak_step == 2


def test_live_sets_name_the_buffers_of_each_step() -> None:
    sets = live_sets([Buffer("a", 1, 0, 2), Buffer("b", 2, 1, 1), Buffer("c", 3, 2, 2)])
    assert [[buffer.name for buffer in members] for members in sets] == [["a"], ["a", "b"], ["a", "c"]]


def test_no_buffers_need_no_memory() -> None:
    assert timeline([]).totals == ()
    assert (timeline([]).peak, timeline([]).peak_step, live_sets([])) == (0, 0, ())
    assert timeline([], steps=3).totals == (0, 0, 0)


def test_every_bad_buffer_is_named_at_once() -> None:
    with pytest.raises(MemoryPlanError) as caught:
        timeline([Buffer("a", -1, 0, 0), Buffer("b", 1, 3, 2), Buffer("c", 1, 0, 0), Buffer("c", 1, 0, 0)])
    assert [problem.where for problem in caught.value.problems] == ["c", "a", "b"]
    assert "from step 3 to 2" in str(caught.value)


@given(buffers())
@settings(deadline=None)
def test_totals_are_the_sums_of_the_live_sets(members: tuple[Buffer, ...]) -> None:
    """The difference array and the sets agree at every step."""
    assert timeline(members).totals == tuple(sum(buffer.size for buffer in live) for live in live_sets(members))


@given(buffers())
@settings(deadline=None)
def test_the_peak_lies_between_the_largest_buffer_and_their_sum(members: tuple[Buffer, ...]) -> None:
    """max size <= peak <= sum of sizes."""
    sizes = [buffer.size for buffer in members]
    assert max(sizes, default=0) <= lower_bound(members) <= sum(sizes)


@given(programs())
@settings(deadline=None)
def test_the_peak_covers_what_each_step_reads_and_writes(program: Program) -> None:
    """peak >= the operands and results of any step, views counted with what they look at."""
    storage = view_storage(program)
    peak = timeline(storage.buffers.values()).peak
    for step in program.steps:
        homes = {storage.homes[value] for value in (*step.reads, *step.writes)}
        assert peak >= sum(storage.buffers[home].size for home in homes) + step.scratch


@given(programs())
@settings(deadline=None)
def test_the_peak_does_not_depend_on_names(program: Program) -> None:
    """Renaming steps and values changes no total."""
    assert totals(renamed(program)) == totals(program)


def renamed(program: Program) -> Program:
    return Program(
        steps=tuple(
            type(step)(
                f"step {index}",
                tuple(value[::-1] + "~" for value in step.reads),
                tuple(value[::-1] + "~" for value in step.writes),
                step.view,
                step.in_place,
                step.scratch,
            )
            for index, step in enumerate(program.steps)
        ),
        sizes={value[::-1] + "~": size for value, size in program.sizes.items()},
        inputs=tuple(value[::-1] + "~" for value in program.inputs),
        outputs=tuple(value[::-1] + "~" for value in program.outputs),
    )


@given(programs())
@settings(deadline=None)
def test_halving_all_sizes_halves_every_total(program: Program) -> None:
    """totals(sizes) = 2 · totals(sizes / 2), scratch included."""
    steps = tuple(
        type(step)(step.name, step.reads, step.writes, step.view, step.in_place, 2 * step.scratch)
        for step in program.steps
    )
    doubled = {value: 2 * size for value, size in program.sizes.items()}
    twice = Program(steps, doubled, program.inputs, program.outputs)
    assert totals(twice) == tuple(2 * total for total in totals(program))

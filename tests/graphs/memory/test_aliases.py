"""Views, and results written over operands."""

import pytest
from hypothesis import given, settings, strategies

from nadoo_graphs.memory import (
    InPlace,
    MemoryPlanError,
    Program,
    Step,
    best_plan,
    in_place_storage,
    timeline,
    view_storage,
)
from tests.graphs.memory.cases import programs


def program(
    *steps: Step, outputs: tuple[str, ...] = ("y",), outside: frozenset[str] = frozenset(), **sizes: int
) -> Program:
    return Program(steps, {"x": 8, "a": 8, "b": 8, "y": 8} | sizes, ("x",), outputs, outside)


def test_a_view_takes_no_room_and_keeps_its_base_alive() -> None:
    graph = program(
        Step("conv", ("x",), ("a",)), Step("flatten", ("a",), ("b",), view=True), Step("linear", ("b",), ("y",))
    )
    storage = view_storage(graph)
    assert storage.homes == {"x": "x", "a": "a", "b": "a", "y": "y"}
    assert timeline(storage.buffers.values()).totals == (16, 8, 16)


def test_a_view_of_a_view_lies_in_the_first_base() -> None:
    graph = program(Step("one", ("x",), ("a",), view=True), Step("two", ("a",), ("y",), view=True))
    assert view_storage(graph).homes == {"x": "x", "a": "x", "y": "x"}


def test_a_view_of_a_weight_lies_outside_the_arena() -> None:
    graph = program(
        Step("flatten", ("weight",), ("a",), view=True),
        Step("scale", ("x", "a"), ("y",), in_place=(1,)),
        outside=frozenset({"weight"}),
    )
    storage, used = in_place_storage(graph)
    assert storage.homes == {"x": "x", "y": "y"}
    assert used == ()


def test_a_result_overwrites_an_operand_that_dies() -> None:
    graph = program(Step("conv", ("x",), ("a",)), Step("relu", ("a",), ("y",), in_place=(0,)))
    storage, used = in_place_storage(graph)
    assert used == (InPlace("relu", "a", "y"),)
    assert timeline(storage.buffers.values()).totals == (16, 8)


def test_an_operand_that_is_read_later_is_not_overwritten() -> None:
    graph = program(Step("relu", ("x",), ("a",), in_place=(0,)), Step("add", ("a", "x"), ("y",), in_place=(0, 1)))
    assert in_place_storage(graph)[1] == (InPlace("add", "a", "y"),)


def test_an_output_is_not_overwritten() -> None:
    graph = program(Step("conv", ("x",), ("a",)), Step("relu", ("a",), ("y",), in_place=(0,)), outputs=("a", "y"))
    assert in_place_storage(graph)[1] == ()


def test_an_operand_read_under_a_second_name_is_not_overwritten() -> None:
    view = Step("view", ("x",), ("a",), view=True)
    assert in_place_storage(program(view, Step("add", ("x", "a"), ("y",), in_place=(0, 1))))[1] == ()
    squared = program(Step("square", ("x", "x"), ("y",), in_place=(0, 1)))
    assert in_place_storage(squared)[1] == (InPlace("square", "x", "y"),)


def test_a_smaller_operand_is_not_overwritten() -> None:
    graph = program(Step("relu", ("x",), ("y",), in_place=(0,)), y=9)
    assert in_place_storage(graph)[1] == ()


def test_a_larger_operand_is_overwritten_where_the_peak_does_not_rise() -> None:
    graph = program(Step("requantize", ("x",), ("a",), in_place=(0,)), Step("linear", ("a",), ("y",)), a=2)
    storage, used = in_place_storage(graph)
    assert used == ()
    small = program(Step("requantize", ("x",), ("y",), in_place=(0,)), y=2)
    assert in_place_storage(small)[1] == (InPlace("requantize", "x", "y"),)
    assert timeline(storage.buffers.values()).peak == 10


def test_a_program_that_cannot_run_is_refused_with_every_reason() -> None:
    with pytest.raises(MemoryPlanError) as caught:
        Program(
            steps=(
                Step("one", ("x",), ("a",), in_place=(1,), scratch=-1),
                Step("one", ("unknown",), ("a",)),
                Step("two", (), ("b",), view=True),
            ),
            sizes={"x": 1, "a": -1},
            inputs=("x",),
            outputs=("nothing",),
        )
    assert [(problem.code.value, problem.where) for problem in caught.value.problems] == [
        ("E01", "one"),
        ("E13", "one"),
        ("E02", "one"),
        ("E02", "one"),
        ("E02", "one"),
        ("E01", "two"),
        ("E06", "nothing"),
        ("E13", "a"),
        ("E13", "b"),
    ]


@given(programs(most=10))
@settings(deadline=None)
def test_running_in_the_planned_arena_never_reads_a_wrong_value(graph: Program) -> None:
    """Executed over bytes of an arena, every step finds in its operands what was written there for it."""
    for storage in (view_storage(graph), in_place_storage(graph)[0]):
        plan = best_plan(storage.buffers.values())
        plan.check()
        places = {value: plan.offsets[home] for value, home in storage.homes.items()}
        assert simulate(graph, places, plan.size)


def simulate(graph: Program, places: dict[str, int], size: int) -> bool:
    """Whether each value still stands where it was put whenever it is read; a view is its base's value."""
    arena = [""] * size
    content: dict[str, str] = {}

    def intact(value: str) -> bool:
        start = places[value]
        length = graph.sizes[content[value]]
        return all(owner == content[value] for owner in arena[start : start + length])

    def write(value: str) -> None:
        content[value] = value
        start = places[value]
        arena[start : start + graph.sizes[value]] = [value] * graph.sizes[value]

    for value in graph.inputs:
        write(value)
    for step in graph.steps:
        if not all(intact(value) for value in step.reads):
            return False
        if step.view:
            content[step.writes[0]] = content[step.reads[0]]
        for value in step.owned:
            write(value)
        if not all(intact(value) for value in step.owned):
            return False
    return all(intact(value) for value in graph.outputs)


@given(programs(most=10))
@settings(deadline=None)
def test_overwriting_never_raises_the_peak(graph: Program) -> None:
    """peak in place <= peak with views only."""
    in_place = timeline(in_place_storage(graph)[0].buffers.values()).peak
    assert in_place <= timeline(view_storage(graph).buffers.values()).peak


@given(programs(most=8), strategies.data())
@settings(deadline=None)
def test_another_consumer_never_lowers_the_peak(graph: Program, data: strategies.DataObject) -> None:
    """Reading a value once more, at any later step, never lowers any step's total."""
    index = data.draw(strategies.integers(0, len(graph.steps) - 1))
    known = [*graph.inputs, *(value for step in graph.steps[:index] for value in step.writes)]
    step = graph.steps[index]
    reads = (*step.reads, data.draw(strategies.sampled_from(known)))
    more = Step(step.name, reads, step.writes, step.view, step.in_place, step.scratch)
    steps = (*graph.steps[:index], more, *graph.steps[index + 1 :])
    wider = Program(steps, graph.sizes, graph.inputs, graph.outputs)
    before, after = (timeline(view_storage(item).buffers.values()).totals for item in (graph, wider))
    assert all(new >= old for new, old in zip(after, before, strict=True))

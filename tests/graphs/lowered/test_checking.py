"""The static check finds what is wrong with a program, all of it at once, and nothing in programs that are right."""

from collections.abc import Callable

import numpy as np
import pytest
from attrs import evolve

from nadoo_graphs.lowered import Buffer, Kernel, Kind, LoweredError, Program, Slice, check, lower
from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.checking import violations
from nadoo_graphs.lowered.expressions import Name, f32
from nadoo_graphs.lowered.optimizing import optimize
from nadoo_graphs.lowered.planning import plan
from nadoo_graphs.lowered.statements import Assign
from tests.graphs.lowered.networks import lowered, modules
from tests.graphs.lowered.test_quantized_rules import FORMATS, layer
from tests.graphs.ops.quantized.samples import drawn

X, Y, T = Place("x", Kind.I8), Place("y", Kind.I8), Place("t", Kind.I8)


@pytest.mark.parametrize("name", list(modules()))
def test_programs_of_floats_are_right(name: str) -> None:
    _, program, _ = lowered(name)
    check(program)
    check(plan(optimize(program)))


@pytest.mark.parametrize("seed", range(6))
def test_programs_of_codes_are_right(seed: int) -> None:
    check(plan(optimize(lower(drawn(700 + seed)[0].graph, border="float"))))


@pytest.mark.parametrize("name", FORMATS[::3])
def test_packed_weights_are_read_within_bounds(name: str) -> None:
    check(lower(layer(name, "quantized_conv2d", (4, 3, 3, 3), (3, 6, 6))))


def program(write: Callable[[Body], None], **changes: object) -> Program:
    """A program of one kernel over x, t and y, eight elements each."""
    body = Body()
    write(body)
    buffers = {
        name: Buffer(name, storage, Kind.I8, 8) for name, storage in (("x", "input"), ("t", "arena"), ("y", "output"))
    }
    roles = {name: Slice(name, 0, 8) for name in buffers}
    kernel = Kernel("k", "test", "i8", roles, body.statements)
    return evolve(Program("p", buffers, (kernel,), ("x",), ("y",)), **changes)


def copied(body: Body) -> None:
    with body.parallel("i", 8) as i:
        body.store(Y, i, X.at(i))


def test_what_a_mask_bounds_after_growing_is_right() -> None:
    """A digit is what overflows when a remainder is multiplied; the remainder first grows, and is then cut."""

    def digits(body: Body) -> None:
        rest = body.let("rest", X.at(0).to(Kind.I32).clamped(0, 1))
        with body.loop("i", 8) as i:
            body.assign(rest, rest * 3)
            body.store(Y, i, X.at(rest >> 2))
            body.assign(rest, rest & 3)

    check(program(digits))


def test_a_copy_is_right() -> None:
    check(program(copied))


def beyond(body: Body) -> None:
    with body.parallel("i", 8) as i:
        body.store(Y, i, X.at(i + 1))


def too_large(body: Body) -> None:
    with body.parallel("i", 8) as i:
        body.store(Y, i, X.at(i) + 1)


def race(body: Body) -> None:
    with body.parallel("i", 8) as i, body.parallel("j", 2) as j:
        body.store(Y, (i + j).at_most(7), X.at(i))


def carried(body: Body) -> None:
    total = body.let("total", 0)
    with body.parallel("i", 8) as i:
        body.assign(total, X.at(i))
        body.store(Y, i, 0)


def unwritten(body: Body) -> None:
    with body.parallel("i", 8) as i:
        body.store(Y, i, T.at(i))


def into_input(body: Body) -> None:
    copied(body)
    body.store(X, 0, 1)


def undefined(body: Body) -> None:
    with body.parallel("i", 8) as i:
        body.store(Y, i, Name("nobody"))


def mixed(body: Body) -> None:
    with body.parallel("i", 8) as i:
        local = body.let("local", X.at(i))
        body._blocks[-1].append(Assign(local.name, f32(1.0)))
        body.store(Y, i, 0)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (beyond, "looks at elements 1 to 8 of 'x', which has 8"),
        (too_large, "stores -127 to 128 into 'y', which holds -128 to 127"),
        (race, "two turns of a parallel loop may write one element of 'y'"),
        (carried, "carries 'total' from turn to turn"),
        (unwritten, "reads 't' before it is written"),
        (into_input, "writes 'x', which lies in input"),
        (undefined, "uses 'nobody' as a i32, which it is not"),
        (mixed, "sets 'local', a i32, to a f32"),
    ],
)
def test_what_is_wrong_is_found(write: Callable[[Body], None], message: str) -> None:
    with pytest.raises(LoweredError, match=message.replace("(", r"\(")):
        check(program(write))


def test_all_violations_come_at_once() -> None:
    def everything(body: Body) -> None:
        beyond(body)
        unwritten(body)
        into_input(body)

    assert len(list(violations(program(everything)))) == 3


def test_names_that_stand_for_nothing() -> None:
    right = program(copied)
    lost = evolve(right.kernels[0], roles={"x": Slice("nobody", 0, 8), "y": Slice("y", 4, 8)})
    with pytest.raises(LoweredError) as caught:
        check(right.with_kernels((lost, lost)))
    assert len(caught.value.problems) == 5


def test_data_and_type_agree() -> None:
    right = program(copied)
    wrong = Buffer("w", "flash", Kind.I8, 4, np.zeros(3, np.int8))
    with pytest.raises(LoweredError, match="has 3 elements of int8, but is i8"):
        check(right.with_buffers({**right.buffers, "w": wrong}))


def test_a_plan_that_overlaps_is_found() -> None:
    planned = plan(lowered("image")[1])
    squeezed = evolve(planned, offsets={name: 4 * index for index, name in enumerate(planned.offsets)}, arena_bytes=4)
    with pytest.raises(LoweredError, match="while both are needed"):
        check(squeezed)
    with pytest.raises(LoweredError, match="of an arena of 4 bytes"):
        check(squeezed)

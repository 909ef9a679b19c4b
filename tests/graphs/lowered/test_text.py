"""Programs survive being written and read; damaged text is refused with a message, never with a traceback."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_graphs.errors import GraphError
from nadoo_graphs.lowered import interpret, lower
from nadoo_graphs.lowered.planning import plan
from nadoo_graphs.lowered.reading import read
from nadoo_graphs.lowered.text import text
from tests.graphs.lowered.networks import lowered, rows
from tests.graphs.ops.quantized.samples import drawn


@pytest.mark.parametrize("name", ["perceptron", "image", "lstm", "moves", "gelu"])
def test_reading_gives_the_same_program(name: str) -> None:
    _, program, samples = lowered(name)
    program = plan(program)
    again = read(text(program))
    assert text(again) == text(program)
    assert (again.arena_bytes, dict(again.offsets)) == (program.arena_bytes, dict(program.offsets))
    for one, other in zip(
        interpret(again, [rows(samples)]).outputs, interpret(program, [rows(samples)]).outputs, strict=True
    ):
        assert np.array_equal(one, other)


def test_quantized_programs_too() -> None:
    program = plan(lower(drawn(3)[0].graph))
    assert text(read(text(program))) == text(program)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_text_is_refused_or_still_a_program(data: st.DataObject) -> None:
    whole = text(lower(drawn(1)[0].graph))
    start = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.integers(1, 40))
    filler = data.draw(st.sampled_from(["", "(", ")", '"', "x", "-1", "(a b)"]))
    with suppress(GraphError):
        assert read(whole[:start] + filler + whole[start + length :]).name


@pytest.mark.parametrize("wrong", ["", "(", ")", "program", "(program)", '(program "a" (inputs) (outputs)) x', '("'])
def test_what_is_no_program_is_refused(wrong: str) -> None:
    with pytest.raises(GraphError):
        read(wrong)


def test_a_program_without_a_name_is_refused() -> None:
    whole = text(lower(drawn(1)[0].graph))
    start, end = whole.index('"'), whole.index('"', whole.index('"') + 1)
    with pytest.raises(GraphError, match="a name that is not empty"):
        read(whole[: start + 1] + whole[end:])

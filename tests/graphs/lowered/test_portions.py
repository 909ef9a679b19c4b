"""Loops over portions of channels: layers that mix few channels run depth-first too, and no bit changes."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.lowered import check, interpret, lower
from nadoo_graphs.lowered.expressions import Load, Name, Number
from nadoo_graphs.lowered.optimizing import optimize
from nadoo_graphs.lowered.optimizing.portions import in_portions, shared_turns
from nadoo_graphs.lowered.planning import plan
from nadoo_graphs.lowered.program import ARENA, Program
from nadoo_graphs.lowered.statements import For, Let
from nadoo_graphs.lowered.types import Kind

SIDE = 7


def channels(count: int, value: int = 1) -> For:
    """A loop whose index divides its variable."""
    return For("o", Number(0), Number(count), (Let("x", Load("x", Name("o") // value * 3 + Name("o"), Kind.I8)),))


def grouped(inputs: int, outputs: int, groups: int, kernel: int) -> tuple[Program, Program]:
    """A convolution and another in groups, optimized without running depth-first and with it."""
    first, second = nn.Conv2d(1, inputs, 3), nn.Conv2d(inputs, outputs, kernel, groups=groups)
    model = nn.Sequential(first, nn.ReLU(), second, nn.Flatten(), nn.Linear(outputs * (SIDE - 1 - kernel) ** 2, 3))
    program = lower(capture(model.eval(), (torch.randn(1, 1, SIDE, SIDE),)))
    return optimize(program, without=["run-depth-first"]), optimize(program)


def test_shared_turns() -> None:
    assert shared_turns(channels(8), channels(8)) == (8,)
    assert shared_turns(channels(8), channels(8, 4)) == (8, 2)
    assert shared_turns(channels(12), channels(8, 2)) == (4,)
    assert shared_turns(channels(16), channels(4)) == (4,)
    assert shared_turns(channels(7), channels(5)) == ()
    assert shared_turns(channels(4), channels(4, 4)) == (4,), "one portion of all is no portion"


def test_a_portion_of_one_is_the_loop_itself() -> None:
    loop = channels(8)
    assert in_portions(loop, 8) is loop


def test_what_was_divided_by_the_portion_is_its_number() -> None:
    loop = in_portions(channels(8, 4), 2)
    channel = Name("o_portion") * 4 + Name("o")
    inner = For("o", Number(0), Number(4), (Let("x", Load("x", Name("o_portion") * 3 + channel, Kind.I8)),))
    assert loop == For("o_portion", Number(0), Number(2), (inner,))


def test_a_mixed_chain_holds_one_portion() -> None:
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3, groups=16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, groups=4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    program = lower(capture(nn.Sequential(*layers).eval(), (torch.randn(1, 1, 12, 12),)))
    better = optimize(program)
    check(plan(better))
    areas = {buffer.length for buffer in better.buffers.values() if buffer.storage == ARENA}
    assert 4 * 4 * 4 in areas, "four channels of 4×4 before the grouped convolution"
    assert 16 * 4 * 4 not in areas


@given(st.sampled_from([1, 2, 4, 8]), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_groups_of_any_size_change_no_bit(groups: int, seen: int, given_by: int, kernel: int) -> None:
    program, better = grouped(groups * seen, groups * given_by, groups, kernel)
    check(plan(better))
    sample = np.random.default_rng(seen).normal(size=(1, SIDE * SIDE)).astype(np.float32)
    one, other = (interpret(made, [sample]).outputs[0] for made in (program, better))
    assert np.array_equal(one.view(np.uint8), other.view(np.uint8))
    assert plan(better, reorder=False).arena_bytes <= plan(program, reorder=False).arena_bytes

"""The arena: buffers that live together share no byte, results overwrite operands only where that is safe."""

import numpy as np
import pytest
import torch
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.lowered import Program, lower
from nadoo_graphs.lowered.optimizing import optimize
from nadoo_graphs.lowered.planning import may_overwrite, plan
from tests.graphs.lowered.networks import lowered, modules
from tests.graphs.ops.quantized.samples import drawn


def run_in_arena(program: Program, sample: np.ndarray) -> None:
    """Check lifetimes by hand: whoever is read must not have been overwritten since it was written."""
    owner = np.full(program.arena_bytes, -1)
    names = list(program.buffers)
    for kernel in program.kernels:
        for role in kernel.read:
            buffer = program.buffer_of(kernel, role)
            if buffer.storage == "arena" and role not in kernel.written:
                start = program.offsets[buffer.name]
                assert (owner[start : start + buffer.bytes] == names.index(buffer.name)).all(), (kernel.name, role)
        for role in kernel.written:
            buffer = program.buffer_of(kernel, role)
            if buffer.storage == "arena":
                start = program.offsets[buffer.name]
                owner[start : start + buffer.bytes] = names.index(buffer.name)


@pytest.mark.parametrize("name", list(modules()))
def test_nothing_is_overwritten_before_it_is_read(name: str) -> None:
    _, program, samples = lowered(name)
    for planned in (plan(program), plan(optimize(program)), plan(program, in_place=False, reorder=False)):
        run_in_arena(planned, samples[:1].numpy())


def test_quantized_programs_too() -> None:
    for seed in range(4):
        grower, _ = drawn(500 + seed)
        run_in_arena(plan(optimize(lower(grower.graph))), np.zeros(1))


def test_an_activation_overwrites_its_operand() -> None:
    module = nn.Sequential(nn.Linear(4, 8), nn.Softmax(-1), nn.ReLU(), nn.Linear(8, 2))
    program = lower(capture(module, (torch.randn(1, 4),)))
    relu = next(kernel for kernel in program.kernels if kernel.operator == "relu")
    softmax = next(kernel for kernel in program.kernels if kernel.operator == "softmax")
    assert may_overwrite(program, relu, relu.roles["x"].buffer, relu.roles["y"].buffer)
    assert not may_overwrite(program, softmax, softmax.roles["x"].buffer, softmax.roles["y"].buffer)
    offsets = plan(program).offsets
    assert offsets[relu.roles["x"].buffer] == offsets[relu.roles["y"].buffer]

"""The reference interpreter: what a lowered program computes, in exact integers and ordered float32.

Samples and parallel loops are axes of NumPy arrays, serial loops are turns in Python, so every number is
computed by the same operations in the same order as in C. Integers are held in 64 bits and a result that does
not fit into its kind is an error, because in C it would be undefined.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.lowered.errors import refused
from nadoo_graphs.lowered.evaluation import Evaluator
from nadoo_graphs.lowered.program import FLASH, INPUT, Buffer, Kernel, Program
from nadoo_graphs.lowered.statements import For, If, Statement

Array = np.ndarray[Any, Any]


@frozen(eq=False)
class Results:
    """What a run gave: the outputs in order, and the buffers that were asked for, each [samples, length]."""

    outputs: tuple[Array, ...]
    values: Mapping[str, Array]


def interpret(program: Program, inputs: Sequence[Array], keep: Sequence[str] = ()) -> Results:
    """Run all kernels on samples; each input is an array [samples, length] in the order of the program's inputs."""
    memory = memory_of(program, inputs)
    kept: dict[str, Array] = {}
    for kernel in program.kernels:
        run_kernel(program, kernel, memory)
        for role in kernel.written:
            name = kernel.roles[role].buffer
            if name in keep:
                kept[name] = memory[name].copy()
    return Results(tuple(memory[name] for name in program.outputs), kept)


def memory_of(program: Program, inputs: Sequence[Array]) -> dict[str, Array]:
    """All buffers: constants once, everything else for each sample."""
    if len(inputs) != len(program.inputs):
        message = f"takes {len(program.inputs)} inputs ({', '.join(program.inputs)}), not {len(inputs)}"
        raise refused(Code.SHAPE, f"program {program.name!r}", message)
    given = dict(zip(program.inputs, inputs, strict=True))
    samples = len(inputs[0]) if inputs else 1
    return {buffer.name: filled(buffer, samples, given.get(buffer.name)) for buffer in program.buffers.values()}


def filled(buffer: Buffer, samples: int, given: Array | None) -> Array:
    """The first content of a buffer: its constants, the input, or zeros."""
    held = buffer.kind.numpy if buffer.kind.floating else np.dtype(np.int64)
    if buffer.storage == FLASH:
        return buffer.constants.reshape(1, -1).astype(held)
    if buffer.storage != INPUT:
        return np.zeros((samples, buffer.length), held)
    if given is None or given.shape != (samples, buffer.length):
        found = None if given is None else given.shape
        message = f"has the shape {found}; give [{samples}, {buffer.length}], a row for each sample"
        raise refused(Code.SHAPE, f"input {buffer.name!r}", message)
    return given.astype(held)


def run_kernel(program: Program, kernel: Kernel, memory: Mapping[str, Array]) -> None:
    """One kernel on all samples."""
    slices: dict[str, Array] = {}
    for role, part in kernel.roles.items():
        slices[role] = memory[part.buffer][:, part.offset : part.offset + part.length]
    evaluator = Evaluator(program.functions, slices, depth(kernel.body), f"kernel {kernel.name!r}")
    with np.errstate(all="ignore"):
        evaluator.run(kernel.body)


def depth(statements: Sequence[Statement]) -> int:
    """How many parallel loops stand in each other at most."""
    found = 0
    for statement in statements:
        if isinstance(statement, For | If):
            own = 1 if isinstance(statement, For) and statement.parallel else 0
            found = max(found, own + depth(statement.body))
    return found

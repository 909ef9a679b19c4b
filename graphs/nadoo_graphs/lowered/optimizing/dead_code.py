"""Kernels whose results nobody reads, and buffers that no kernel touches."""

from attrs import evolve

from nadoo_graphs.lowered.program import Kernel, Program


def remove_dead_code(program: Program) -> Program:
    """Keep what the outputs depend on."""
    needed = set(program.outputs)
    kept: list[Kernel] = []
    for kernel in reversed(program.kernels):
        if needed.intersection(kernel.roles[role].buffer for role in kernel.written):
            kept.append(kernel)
            needed.update(part.buffer for part in kernel.roles.values())
    kernels = tuple(reversed(kept))
    used = {part.buffer for kernel in kernels for part in kernel.roles.values()} | {*program.inputs, *program.outputs}
    buffers = {name: buffer for name, buffer in program.buffers.items() if name in used}
    if len(kernels) == len(program.kernels) and len(buffers) == len(program.buffers):
        return program
    return evolve(program, kernels=kernels, buffers=buffers, offsets={}, arena_bytes=0)

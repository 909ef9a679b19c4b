"""Layers that are computed twice so that their result need not be held: once for a statistic, once for its use.

A norm needs the largest of all numbers before it can shift the first. Either all of them lie in memory meanwhile, or
each is computed for the statistic, forgotten, and computed again, which chains of channels do in a few hundred bytes.
"""

from attrs import evolve

from nadoo_graphs.lowered.optimizing.depth_first import run_depth_first
from nadoo_graphs.lowered.optimizing.duplicates import with_buffers, writer_counts
from nadoo_graphs.lowered.optimizing.fusion import fuse_pointwise
from nadoo_graphs.lowered.optimizing.window_fusion import fuse_windows
from nadoo_graphs.lowered.planning import plan
from nadoo_graphs.lowered.program import ARENA, Buffer, Kernel, Program
from nadoo_graphs.lowered.work import work_of

LEAST_SAVED = 1024
"""The bytes that computing again must save; for fewer it is not worth the time."""
STATISTIC = 8
"""A result is a statistic if it is so many times smaller than what it is made of."""
SMALL = 32
"""What is so many times smaller than a buffer is held, and not computed again for it."""


def recompute(program: Program) -> Program:
    """Compute again before one statistic after the other, as far as memory falls by more than work grows."""
    names = [kernel.name for kernel in program.kernels if statistic_of(program, kernel)]
    if not names:
        return program
    best, trial = program, program
    size, work = price(program)
    for name in names:
        trial = computed_again(trial, name)
        smaller, more = price(trial)
        if smaller + LEAST_SAVED <= size and smaller * more < size * work:
            best, size, work = trial, smaller, more
    return best


def price(program: Program) -> tuple[int, int]:
    """The arena that a program will need, and the statements that it executes."""
    final = run_depth_first(fuse_windows(fuse_pointwise(program)))
    return plan(final, reorder=False).arena_bytes, work_of(final)


def statistic_of(program: Program, kernel: Kernel) -> Buffer | None:
    """The large buffer that a kernel makes something small of, if others read it too."""
    if len(kernel.written) != 1:
        return None
    result = program.buffer_of(kernel, kernel.written[0])
    for role in taken(kernel):
        buffer = program.buffer_of(kernel, role)
        large = buffer.storage == ARENA and buffer.bytes >= LEAST_SAVED and result.bytes * STATISTIC <= buffer.bytes
        if large and writer_counts(program).get(buffer.name) == 1 and len(readers_of(program, buffer.name)) > 1:
            return buffer
    return None


def readers_of(program: Program, name: str) -> list[str]:
    """The kernels that read a buffer which others write."""
    return [item.name for item in program.kernels if any(item.roles[role].buffer == name for role in taken(item))]


def taken(kernel: Kernel) -> list[str]:
    """The roles that a kernel reads and does not write itself."""
    return [role for role in kernel.read if role not in kernel.written]


def computed_again(program: Program, name: str) -> Program:
    """What leads to a statistic is computed for it alone, and once more where it is used afterwards."""
    reader = next(kernel for kernel in program.kernels if kernel.name == name)
    buffer = statistic_of(program, reader)
    if buffer is None:
        return program
    chain = chain_to(program, buffer)
    names = {result: f"{result}_for_{mark_of(reader)}" for item in chain for result in results_of(item)}
    clones = [copied(item, names, reader) for item in chain]
    later = next(item for item in readers_of(program, buffer.name) if item != name)
    kernels: list[Kernel] = []
    for kernel in program.kernels:
        if kernel.name == later:
            kernels += chain
        if kernel.name == name:
            kernels += [*clones, with_buffers(kernel, names)]
        elif kernel not in chain:
            kernels.append(kernel)
    buffers = {copy: evolve(program.buffers[result], name=copy) for result, copy in names.items()}
    return program.with_buffers({**program.buffers, **buffers}).with_kernels(tuple(kernels))


def results_of(kernel: Kernel) -> list[str]:
    """The buffers that a kernel writes."""
    return [kernel.roles[role].buffer for role in kernel.written]


def copied(kernel: Kernel, names: dict[str, str], reader: Kernel) -> Kernel:
    """A kernel that does the same for a statistic."""
    found = with_buffers(kernel, names)
    comment = f"{kernel.comment}, for {reader.layer}"
    return evolve(found, name=f"{kernel.name}_for_{mark_of(reader)}", comment=comment)


def mark_of(reader: Kernel) -> str:
    """What tells the copies for one statistic from those for others."""
    return reader.name.removeprefix("run_")


def chain_to(program: Program, buffer: Buffer) -> list[Kernel]:
    """The kernels that lead to a buffer and to nothing else, up to what is small or lies there anyway."""
    writers = {result: kernel for kernel in program.kernels for result in results_of(kernel)}
    counts, wanted, found = writer_counts(program), [buffer.name], set[str]()
    while wanted:
        kernel = writers[wanted.pop()]
        found.add(kernel.name)
        given = [kernel.roles[role].buffer for role in taken(kernel)]
        wanted += [name for name in given if is_of_chain(program, name, counts, found, buffer)]
    return [kernel for kernel in program.kernels if kernel.name in found]


def is_of_chain(program: Program, name: str, counts: dict[str, int], found: set[str], last: Buffer) -> bool:
    """Whether a buffer is large, computed at once, and read by the chain alone."""
    buffer = program.buffers[name]
    if buffer.storage != ARENA or counts.get(name) != 1 or buffer.bytes * SMALL <= last.bytes:
        return False
    return set(readers_of(program, name)) <= found

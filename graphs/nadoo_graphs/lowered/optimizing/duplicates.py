"""The same kernel on the same operands twice, and the same constants twice."""

from collections.abc import Hashable, Mapping

from attrs import evolve

from nadoo_graphs.lowered.program import ARENA, FLASH, Buffer, Kernel, Program, Slice


def merge_duplicates(program: Program) -> Program:
    """One buffer for equal constants, one kernel for equal work."""
    return merge_kernels(replace_buffers(program, equal_constants(program)))


def equal_constants(program: Program) -> dict[str, str]:
    """Constants that are the same as earlier ones, by name."""
    seen: dict[Hashable, str] = {}
    found: dict[str, str] = {}
    for buffer in program.buffers_in(FLASH):
        key = (buffer.kind, buffer.length, buffer.constants.tobytes())
        if key in seen:
            found[buffer.name] = seen[key]
        else:
            seen[key] = buffer.name
    return found


def replace_buffers(program: Program, names: Mapping[str, str]) -> Program:
    """A program whose roles stand for other buffers, without those that nobody needs any more."""
    if not names:
        return program
    buffers: dict[str, Buffer] = {name: buffer for name, buffer in program.buffers.items() if name not in names}
    kernels = tuple(with_buffers(kernel, names) for kernel in program.kernels)
    return evolve(program, kernels=kernels, buffers=buffers, offsets={}, arena_bytes=0)


def with_buffers(kernel: Kernel, names: Mapping[str, str]) -> Kernel:
    """A kernel whose roles stand for other buffers."""
    if not any(part.buffer in names for part in kernel.roles.values()):
        return kernel
    roles = {role: evolve(part, buffer=names.get(part.buffer, part.buffer)) for role, part in kernel.roles.items()}
    return evolve(kernel, roles=roles)


def merge_kernels(program: Program) -> Program:
    """Kernels that compute again what is there already are left out."""
    seen: dict[Hashable, Kernel] = {}
    names: dict[str, str] = {}
    kept: list[Kernel] = []
    writers = writer_counts(program)
    for given in program.kernels:
        kernel = with_buffers(given, names)
        key = work_of(program, kernel, writers)
        first = seen.get(key) if key is not None else None
        if first is None:
            kept.append(kernel)
            if key is not None:
                seen[key] = kernel
            continue
        names |= {kernel.roles[role].buffer: first.roles[role].buffer for role in kernel.written}
    if not names:
        return program
    buffers = {name: buffer for name, buffer in program.buffers.items() if name not in names}
    return evolve(program, kernels=tuple(kept), buffers=buffers, offsets={}, arena_bytes=0)


def writer_counts(program: Program) -> dict[str, int]:
    """How many kernels write each buffer."""
    counts: dict[str, int] = {}
    for kernel in program.kernels:
        for role in kernel.written:
            counts[kernel.roles[role].buffer] = counts.get(kernel.roles[role].buffer, 0) + 1
    return counts


def work_of(program: Program, kernel: Kernel, writers: Mapping[str, int]) -> Hashable | None:
    """What a kernel computes, as a key; none where its operands or results are written by several."""
    names = [part.buffer for part in kernel.roles.values()]
    if any(writers.get(name, 0) > 1 for name in names):
        return None
    if any(program.buffer_of(kernel, role).storage != ARENA for role in kernel.written):
        return None
    results: list[tuple[str, Slice]] = []
    for role, part in kernel.roles.items():
        results.append((role, evolve(part, buffer="") if role in kernel.written else part))
    return (kernel.body, tuple(results))

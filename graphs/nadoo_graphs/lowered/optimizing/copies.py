"""Copies whose source stays as it is: readers read the source, and the copy is dead."""

from attrs import evolve

from nadoo_graphs.lowered.expressions import Load, Name, Number
from nadoo_graphs.lowered.optimizing.duplicates import writer_counts
from nadoo_graphs.lowered.program import ARENA, Kernel, Program, Slice
from nadoo_graphs.lowered.statements import For, Store


def propagate_copies(program: Program) -> Program:
    """Let whoever reads a plain copy read its source, where both are written only once."""
    writers = writer_counts(program)
    sources: dict[str, Slice] = {}
    kernels: list[Kernel] = []
    for given in program.kernels:
        kernel = reading(given, sources)
        kernels.append(kernel)
        source = copied(program, kernel)
        if source is None or writers.get(source.buffer, 0) > 1:
            continue
        target = kernel.roles[kernel.written[0]]
        if writers[target.buffer] == 1 and program.buffers[target.buffer].storage == ARENA:
            sources[target.buffer] = source
    if not sources:
        return program
    return program.with_kernels(tuple(kernels))


def reading(kernel: Kernel, sources: dict[str, Slice]) -> Kernel:
    """A kernel that reads the sources of copies."""
    changed = {
        role: Slice(sources[part.buffer].buffer, sources[part.buffer].offset + part.offset, part.length)
        for role, part in kernel.roles.items()
        if part.buffer in sources and role not in kernel.written
    }
    return evolve(kernel, roles={**kernel.roles, **changed}) if changed else kernel


def copied(program: Program, kernel: Kernel) -> Slice | None:
    """The source of a kernel that copies one whole slice to the start of a buffer of the same kind."""
    if len(kernel.body) != 1 or not isinstance(kernel.body[0], For) or len(kernel.body[0].body) != 1:
        return None
    loop, store = kernel.body[0], kernel.body[0].body[0]
    if not isinstance(store, Store) or not isinstance(store.value, Load) or store.value.memory is not store.memory:
        return None
    index = Name(loop.variable)
    whole = kernel.roles[store.role]
    covers = loop.start == Number(0) and loop.stop == Number(whole.length) and whole.offset == 0
    if not covers or store.index != index or store.value.index != index:
        return None
    same = program.buffer_of(kernel, store.role).length == whole.length
    return kernel.roles[store.value.role] if same and store.value.role != store.role else None

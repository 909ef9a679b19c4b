"""The static check of a program: names, kinds, bounds, parallel loops, lifetimes; every violation at once."""

from collections.abc import Iterator

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.lowered.errors import LoweredError
from nadoo_graphs.lowered.expressions import Call, Load
from nadoo_graphs.lowered.kernel_check import KernelCheck
from nadoo_graphs.lowered.program import ARENA, FLASH, INPUT, OUTPUT, STORAGES, Buffer, Kernel, Program
from nadoo_graphs.lowered.statements import Store, all_parts, walk


def check(program: Program) -> None:
    """Raise with everything that is wrong, or do nothing."""
    problems = tuple(violations(program))
    if problems:
        raise LoweredError(problems, f"program {program.name!r} is not valid:")


def violations(program: Program) -> Iterator[Problem]:
    """Everything that is wrong, kernels only where their names stand for something."""
    for buffer in program.buffers.values():
        yield from buffer_violations(buffer)
    named = list(name_violations(program))
    yield from named
    if named:
        return
    for kernel in program.kernels:
        yield from KernelCheck(program, kernel).violations()
    yield from lifetime_violations(program)
    yield from plan_violations(program)


def buffer_violations(buffer: Buffer) -> Iterator[Problem]:
    """What is wrong with a buffer alone."""
    where = f"buffer {buffer.name!r}"
    if buffer.storage not in STORAGES:
        yield Problem(Code.SCHEMA, where, f"lies in {buffer.storage!r}; give one of {', '.join(STORAGES)}")
    if buffer.length < 0:
        yield Problem(Code.LIMIT, where, f"has {buffer.length} elements; give at least 0")
    if (buffer.storage == FLASH) != (buffer.data is not None):
        yield Problem(Code.DATA, where, f"lies in {buffer.storage}; constants, and only they, have data")
    elif buffer.data is not None and (buffer.data.size, buffer.data.dtype) != (buffer.length, buffer.kind.numpy):
        message = f"has {buffer.data.size} elements of {buffer.data.dtype}, but is {buffer.kind.value}[{buffer.length}]"
        yield Problem(Code.DATA, where, f"{message}; let data and type agree")


def name_violations(program: Program) -> Iterator[Problem]:
    """Inputs, outputs, roles and functions that stand for nothing, or for too much."""
    for names, storage in ((program.inputs, INPUT), (program.outputs, OUTPUT)):
        for name in names:
            if name not in program.buffers or program.buffers[name].storage != storage:
                yield Problem(Code.NAME, f"program {program.name!r}", f"{name!r} is no {storage} buffer; add it")
    seen: set[str] = set()
    for kernel in program.kernels:
        where = f"kernel {kernel.name!r}"
        if kernel.name in seen:
            yield Problem(Code.NAME, where, "two kernels have this name; give each its own")
        seen.add(kernel.name)
        yield from role_violations(program, kernel, where)


def role_violations(program: Program, kernel: Kernel, where: str) -> Iterator[Problem]:
    """What is wrong with the roles of a kernel and the functions that it calls."""
    for role, part in kernel.roles.items():
        buffer = program.buffers.get(part.buffer)
        if buffer is None:
            yield Problem(Code.NAME, where, f"role {role!r} stands for {part.buffer!r}, which is no buffer; add it")
        elif part.offset < 0 or part.length < 0 or part.offset + part.length > buffer.length:
            span = f"{part.offset} to {part.offset + part.length}"
            yield Problem(Code.LIMIT, where, f"role {role!r} is {span} of {buffer.name!r}, which has {buffer.length}")
    used = {item.role for item in walk(kernel.body) if isinstance(item, Store)}
    used |= {part.role for part in all_parts(kernel.body) if isinstance(part, Load)}
    for role in sorted(used - set(kernel.roles)):
        yield Problem(Code.NAME, where, f"uses the role {role!r}, which stands for nothing; add it to the roles")
    for name in sorted({part.function for part in all_parts(kernel.body) if isinstance(part, Call)}):
        if name not in program.functions:
            yield Problem(Code.NAME, where, f"calls {name!r}, which is no function of the program; add it")


def lifetime_violations(program: Program) -> Iterator[Problem]:
    """What is read before it is written, written though it must not be, or never written."""
    ready = {*program.inputs, *(buffer.name for buffer in program.buffers_in(FLASH))}
    for kernel in program.kernels:
        own = {kernel.roles[role].buffer for role in kernel.written}
        for role in kernel.read:
            name = kernel.roles[role].buffer
            if name not in ready and name not in own:
                yield Problem(Code.NAME, f"kernel {kernel.name!r}", f"reads {name!r} before it is written; reorder")
        for name in sorted(own):
            if program.buffers[name].storage in (FLASH, INPUT):
                storage = program.buffers[name].storage
                yield Problem(Code.SCHEMA, f"kernel {kernel.name!r}", f"writes {name!r}, which lies in {storage}")
        ready |= own
    for name in program.outputs:
        if name not in ready:
            yield Problem(Code.OUTPUT, f"output {name!r}", "is never written; add a kernel that writes it")


def plan_violations(program: Program) -> Iterator[Problem]:
    """Buffers beyond the arena, and pairs that share bytes while both are needed."""
    if not program.offsets:
        return
    spans = {name: life for name, life in lives(program).items() if name in program.offsets}
    names = list(spans)
    for index, name in enumerate(names):
        start, end = extent(program, name)
        if start < 0 or end > program.arena_bytes:
            message = f"is {start} to {end} of an arena of {program.arena_bytes} bytes; plan it again"
            yield Problem(Code.LIMIT, f"buffer {name!r}", message)
        for other in names[index + 1 :]:
            if collide(program, name, other, spans):
                yield Problem(Code.LIMIT, f"buffer {name!r}", f"shares bytes with {other!r} while both are needed")


def lives(program: Program) -> dict[str, tuple[int, int]]:
    """The first and the last kernel that touches each buffer of the arena; inputs are there before, outputs after."""
    placed = {name for name in program.offsets if name in program.buffers}
    found = {name: (-1, -1) for name in program.inputs if name in placed}
    for index, kernel in enumerate(program.kernels):
        for role in (*kernel.read, *kernel.written):
            name = kernel.roles[role].buffer
            if program.buffers[name].storage == ARENA or name in placed:
                found[name] = (found.get(name, (index, index))[0], index)
    last = len(program.kernels)
    return {**found, **{name: (found[name][0], last) for name in program.outputs if name in placed}}


def extent(program: Program, name: str) -> tuple[int, int]:
    """The bytes of the arena that a buffer takes."""
    return program.offsets[name], program.offsets[name] + program.buffers[name].bytes


def collide(program: Program, one: str, other: str, spans: dict[str, tuple[int, int]]) -> bool:
    """Whether two buffers overlap in bytes and time, unless one begins in the place where the other ends."""
    (first, last), (begin, end) = spans[one], spans[other]
    (low, high), (start, stop) = extent(program, one), extent(program, other)
    if not (low < stop and start < high and first <= end and begin <= last):
        return False
    handed_on = low == start and (last == begin or end == first)
    return not handed_on

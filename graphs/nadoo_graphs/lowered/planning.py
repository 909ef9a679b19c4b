"""Where buffers lie in the arena: lifetimes, overwriting and order from the memory planner, kernel by kernel."""

from collections.abc import Iterator, Mapping

from attrs import evolve

from nadoo_graphs.lowered.expressions import Load, Name
from nadoo_graphs.lowered.program import ARENA, INPUT, OUTPUT, Kernel, Program
from nadoo_graphs.lowered.statements import For, If, Let, Statement, Store, all_parts, walk
from nadoo_graphs.lowered.types import Kind
from nadoo_graphs.memory import Program as Steps
from nadoo_graphs.memory import Step, plan_program


def plan(
    program: Program,
    *,
    in_place: bool = True,
    reorder: bool = True,
    scratch: Mapping[str, int] | None = None,
    border: bool = False,
) -> Program:
    """The same program in the order that needs least, with an offset for every buffer of the arena.

    `scratch` says how many bytes a kernel needs for itself while it runs; their offset has the kernel's name
    followed by "_scratch". With `border` the arena has room for inputs and outputs too, where callers may keep them;
    an input's bytes are used again once it has been read.
    """
    storages = (ARENA, INPUT, OUTPUT) if border else (ARENA,)
    arena = [buffer for buffer in program.buffers.values() if buffer.storage in storages]
    wide = any(buffer.kind is Kind.I64 for buffer in arena)
    own = scratch or {}
    steps = steps_of(program, in_place, own, {buffer.name: buffer.bytes for buffer in arena})
    found = plan_program(steps, alignment=8 if wide else 4, in_place=in_place, reorder=reorder)
    kernels = {kernel.name: kernel for kernel in program.kernels}
    used = [buffer.name for buffer in arena if buffer.name in found.homes]
    offsets = {name: found.offset(name) for name in used}
    offsets |= {f"{name}_scratch": found.offset(f"{name} (scratch)") for name, size in own.items() if size}
    return evolve(
        program,
        kernels=tuple(kernels[name] for name in found.steps),
        offsets=offsets,
        arena_bytes=found.arena.size,
    )


def steps_of(program: Program, in_place: bool, scratch: Mapping[str, int], arena: dict[str, int]) -> Steps:
    """The kernels as the planner sees them; a buffer that is written in parts begins with its first part."""
    given = tuple(name for name in program.inputs if name in arena)
    known = set(given)
    steps: list[Step] = []
    for kernel in program.kernels:
        written = ordered(kernel, kernel.written, arena)
        fresh = [name for name in written if name not in known]
        reads = [name for name in ordered(kernel, kernel.read, arena) if name in known]
        reads += [name for name in written if name in known and name not in reads]
        over = tuple(overwritable(program, kernel, reads, fresh)) if in_place else ()
        parts, own = len(fresh) < len(written), scratch.get(kernel.name, 0)
        steps.append(Step(kernel.name, tuple(reads), tuple(fresh), in_place=over, scratch=own, barrier=parts))
        known.update(fresh)
    taken = tuple(name for name in program.outputs if name in arena)
    return Steps(steps=tuple(steps), sizes=arena, inputs=given, outputs=taken)


def ordered(kernel: Kernel, roles: tuple[str, ...], arena: dict[str, int]) -> list[str]:
    """The buffers of the arena behind some roles, each once; what stands behind the result comes first."""
    names = [kernel.roles[role].buffer for role in roles]
    return [name for name in dict.fromkeys(names) if name in arena]


def overwritable(program: Program, kernel: Kernel, reads: list[str], fresh: list[str]) -> Iterator[int]:
    """The operands that the kernel's first result may be written over."""
    if len(fresh) != 1:
        return
    for index, name in enumerate(reads):
        if may_overwrite(program, kernel, name, fresh[0]):
            yield index


def may_overwrite(program: Program, kernel: Kernel, operand: str, result: str) -> bool:
    """Whether every element is read in the turn in which it is overwritten, and never afterwards.

    Results as wide as the operand may be visited in any order; narrower ones only one by one from the start.
    """
    takes = [role for role, part in kernel.roles.items() if part.buffer == operand]
    gives = [role for role, part in kernel.roles.items() if part.buffer == result]
    if len(takes) != 1 or len(gives) != 1:
        return False
    if kernel.roles[takes[0]].offset or kernel.roles[gives[0]].offset:
        return False
    wide, narrow = program.buffers[operand].kind.bytes, program.buffers[result].kind.bytes
    if narrow > wide:
        return False
    blocks = list(visiting(kernel.body, takes[0], gives[0]))
    return len(blocks) == 1 and same_turn(blocks[0], takes[0], gives[0], ascending=narrow < wide)


def visiting(statements: tuple[Statement, ...], operand: str, result: str) -> Iterator[tuple[Statement, ...]]:
    """The innermost blocks that touch the operand or the result themselves."""
    own = tuple(item for item in statements if not isinstance(item, For | If))
    if any(touches(item, operand, result) for item in own):
        yield statements
        return
    for statement in statements:
        if not isinstance(statement, For | If):
            continue
        yield from visiting(statement.body, operand, result)


def touches(statement: Statement, operand: str, result: str) -> bool:
    """Whether a statement reads the operand or writes the result."""
    if isinstance(statement, Store) and statement.role == result:
        return True
    return any(isinstance(part, Load) and part.role in (operand, result) for part in all_parts((statement,)))


def same_turn(block: tuple[Statement, ...], operand: str, result: str, *, ascending: bool) -> bool:
    """Whether a block reads and writes at one index only, the last thing being the write."""
    stores = [item for item in walk(block) if isinstance(item, Store)]
    if len(stores) != 1 or stores[0] is not block[-1]:
        return False
    if any(isinstance(item, For) and touches(item, operand, result) for item in block):
        return False
    loads = [part for part in all_parts(block) if isinstance(part, Load) and part.role in (operand, result)]
    same = all(load.role == operand and load.index == stores[0].index for load in loads)
    defined = {item.name for item in walk(block) if isinstance(item, Let)}
    moved = any(getattr(part, "name", None) in defined for part in all_parts((Let("", stores[0].index),)))
    plain = not ascending or isinstance(stores[0].index, Name)
    return same and not moved and plain

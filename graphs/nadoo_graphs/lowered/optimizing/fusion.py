"""Element-wise kernels are computed where their operand is stored: a layer with its activation in one pass."""

from collections.abc import Container

from attrs import evolve, frozen

from nadoo_graphs.lowered.expressions import Expression, Load, Name, Number
from nadoo_graphs.lowered.optimizing.duplicates import writer_counts
from nadoo_graphs.lowered.optimizing.rewriting import rewritten
from nadoo_graphs.lowered.program import ARENA, FLASH, Kernel, Program
from nadoo_graphs.lowered.statements import For, If, Let, Statement, Store, all_parts, walk


@frozen(eq=False)
class Pointwise:
    """A kernel that is one flat loop: its locals, and the one element that it stores in each turn."""

    kernel: Kernel
    variable: str
    locals: tuple[Let, ...]
    store: Store


def fuse_pointwise(program: Program) -> Program:
    """Fuse for as long as something can be fused."""
    while True:
        pair = next_pair(program)
        if pair is None:
            return program
        program = fused(program, *pair)


def next_pair(program: Program) -> tuple[int, int] | None:
    """A producer and the only reader of its result, which works element by element."""
    writers = writer_counts(program)
    for index, kernel in enumerate(program.kernels):
        pointwise = pointwise_of(kernel)
        if pointwise is None:
            continue
        for producer_index in range(index):
            if fusible(program, producer_index, index, pointwise, writers):
                return producer_index, index
    return None


def pointwise_of(kernel: Kernel) -> Pointwise | None:
    """A kernel as a flat loop of locals and one store, each element at its own index."""
    if len(kernel.body) != 1 or not isinstance(kernel.body[0], For):
        return None
    loop = kernel.body[0]
    *before, last = loop.body
    if not isinstance(last, Store) or not all(isinstance(item, Let) for item in before):
        return None
    index = Name(loop.variable)
    plain = loop.start == Number(0) and last.index == index
    return (
        Pointwise(kernel, loop.variable, tuple(item for item in before if isinstance(item, Let)), last)
        if plain
        else None
    )


def fusible(program: Program, first: int, second: int, reader: Pointwise, writers: dict[str, int]) -> bool:
    """Whether a producer may compute what a reader makes of its result."""
    producer, kernel = program.kernels[first], reader.kernel
    if producer.whole or kernel.whole or len(producer.written) != 1 or is_written_again(producer):
        return False
    given = producer.roles[producer.written[0]]
    roles = [role for role, part in kernel.roles.items() if part.buffer == given.buffer]
    if len(roles) != 1 or roles[0] in kernel.written or kernel.roles[roles[0]] != given:
        return False
    buffer = program.buffers[given.buffer]
    alone = buffer.storage == ARENA and given.length == buffer.length and writers[given.buffer] == 1
    readers = [item for item in program.kernels if any(part.buffer == given.buffer for part in item.roles.values())]
    loads = [part for part in all_parts(kernel.body) if isinstance(part, Load) and part.role == roles[0]]
    direct = all(load.index == Name(reader.variable) for load in loads)
    target = kernel.roles[reader.store.role]
    covers = target.length == given.length and writers[target.buffer] == 1
    return alone and len(readers) == 2 and direct and covers and others_are_there(program, first, kernel, given.buffer)


def is_written_again(producer: Kernel) -> bool:
    """Whether a kernel reads its own result, or stores it in more than one place."""
    stores = [item for item in walk(producer.body) if isinstance(item, Store)]
    return len(stores) != 1 or stores[0].role in producer.read


def others_are_there(program: Program, first: int, kernel: Kernel, given: str) -> bool:
    """Whether everything else that the reader reads is complete when the producer runs."""
    written = {
        part.buffer for item in program.kernels[first:] for role, part in item.roles.items() if role in item.written
    }
    return all(
        program.buffers[part.buffer].storage == FLASH or part.buffer == given or part.buffer not in written
        for role, part in kernel.roles.items()
        if role not in kernel.written
    )


def fused(program: Program, first: int, second: int) -> Program:
    """The program with the reader's work done where its operand was stored."""
    producer, kernel = program.kernels[first], program.kernels[second]
    reader = pointwise_of(kernel)
    if reader is None:
        return program
    given = producer.written[0]
    operand = next(role for role, part in kernel.roles.items() if part == producer.roles[given])
    names = {role: fresh(role, producer.roles) for role in kernel.roles if role != operand}
    roles = {role: part for role, part in producer.roles.items() if role != given}
    roles |= {name: kernel.roles[role] for role, name in names.items()}
    joined = evolve(
        producer,
        roles=roles,
        body=replaced(producer.body, reader, operand, names),
        layer=f"{producer.layer} + {kernel.layer}",
        comment=f"{producer.comment}, then {kernel.comment}",
        attributes={**producer.attributes, "fused": (*producer.attributes.get("fused", ()), kernel.operator)},
    )
    kernels = [joined if index == first else item for index, item in enumerate(program.kernels) if index != second]
    return program.with_kernels(tuple(kernels))


def fresh(role: str, known: Container[str]) -> str:
    """A role that the producer does not have."""
    name, count = f"{role}_of", 1
    while name in known:
        count += 1
        name = f"{role}_of{count}"
    return name


def replaced(
    body: tuple[Statement, ...], reader: Pointwise, operand: str, names: dict[str, str]
) -> tuple[Statement, ...]:
    """A body whose store is followed up by the reader's work."""
    found: list[Statement] = []
    for statement in body:
        if isinstance(statement, For | If):
            found.append(evolve(statement, body=replaced(statement.body, reader, operand, names)))
        elif isinstance(statement, Store):
            found += list(follow_up(statement, reader, operand, names))
        else:
            found.append(statement)
    return tuple(found)


def follow_up(store: Store, reader: Pointwise, operand: str, names: dict[str, str]) -> list[Statement]:
    """The reader's turn for one element, with fresh locals."""
    value = Let(f"{reader.kernel.name}_given", store.value)
    given = Name(value.name, value.value.kind)

    def rewrite(part: Expression) -> Expression:
        if isinstance(part, Load):
            return given if part.role == operand else Load(names[part.role], part.index, part.memory)
        if isinstance(part, Name) and part.name == reader.variable:
            return store.index
        return Name(f"{reader.kernel.name}_{part.name}", part.kind) if isinstance(part, Name) else part

    locals_ = [Let(f"{reader.kernel.name}_{item.name}", rewritten(item.value, rewrite)) for item in reader.locals]
    result = rewritten(reader.store.value, rewrite)
    return [value, *locals_, Store(names[reader.store.role], store.index, result, reader.store.memory)]

"""Channel by channel through chains of layers: what lies between two of them shrinks to one channel, or to a few.

A layer that works on channels alone (a depthwise convolution, a pool, a norm by statistics) can follow its producer
within one loop over channels, whatever the producer itself reads; one that mixes few of them, in a loop over portions.
Nothing is computed twice and no bit changes; only the order does, and that is done where the arena becomes smaller.
"""

from collections.abc import Iterator

from attrs import evolve, frozen

from nadoo_graphs.lowered.affine import Affine, affine
from nadoo_graphs.lowered.expressions import Expression, Name, Number
from nadoo_graphs.lowered.kernel_check import KernelCheck
from nadoo_graphs.lowered.optimizing.duplicates import writer_counts
from nadoo_graphs.lowered.optimizing.portions import in_portions, shared_turns
from nadoo_graphs.lowered.optimizing.renaming import moved, with_mark
from nadoo_graphs.lowered.optimizing.rewriting import rewritten, rewritten_body
from nadoo_graphs.lowered.optimizing.simplification import simpler
from nadoo_graphs.lowered.planning import plan
from nadoo_graphs.lowered.program import ARENA, Kernel, Program, Slice
from nadoo_graphs.lowered.statements import For, Let, Statement, parts, walk
from nadoo_graphs.lowered.work import length_of


@frozen(eq=False)
class Pair:
    """Two kernels, their loops with as many turns, and the buffer between them, `area` elements of it a turn."""

    first: int
    second: int
    one: For
    other: For
    buffer: str
    area: int
    portions: bool

    @property
    def turns(self) -> int:
        """How many turns the shared loop has."""
        return length_of(self.one)

    def key(self, program: Program) -> tuple[str, str, int]:
        """What tells one pair of a program from another."""
        return program.kernels[self.first].name, program.kernels[self.second].name, self.turns


def run_depth_first(program: Program) -> Program:
    """Join pairs for as long as the arena becomes smaller; loops that have to be parted for it must make it so."""
    refused: set[tuple[str, str, int]] = set()
    size = plan(program, reorder=False).arena_bytes
    while True:
        pair = next((pair for pair in pairs_of(program) if pair.key(program) not in refused), None)
        if pair is None:
            return program
        trial = joined(program, pair)
        smaller = size + 1 if trial is None else plan(trial, reorder=False).arena_bytes
        if trial is None or smaller > size - pair.portions:
            refused.add(pair.key(program))
            continue
        program, size = trial, smaller


def pairs_of(program: Program) -> Iterator[Pair]:
    """All pairs of a kernel and the only reader of its result, both of them loops over channels."""
    writers = writer_counts(program)
    for second in range(len(program.kernels)):
        for first in range(second):
            yield from pairs_between(program, first, second, writers)


def channel_loop(kernel: Kernel) -> For | None:
    """The loop over channels that a kernel is."""
    if len(kernel.body) != 1 or not isinstance(kernel.body[0], For):
        return None
    loop = kernel.body[0]
    return loop if loop.start == Number(0) and isinstance(loop.stop, Number) and loop.stop.value > 1 else None


def pairs_between(program: Program, first: int, second: int, writers: dict[str, int]) -> Iterator[Pair]:
    """The pairs that two kernels make, if all else that the second reads is there before the first runs."""
    producer, reader = program.kernels[first], program.kernels[second]
    one, other = channel_loop(producer), channel_loop(reader)
    if producer.whole or reader.whole or one is None or other is None:
        return
    shared = [producer.roles[role] for role in producer.written if producer.roles[role] in reader.roles.values()]
    if len(shared) != 1 or len(reader.written) != 1 or not is_between(program, shared[0], writers, (producer, reader)):
        return
    others = {part.buffer for role, part in reader.roles.items() if role not in reader.written} - {shared[0].buffer}
    if others & {item.roles[role].buffer for item in program.kernels[first:] for role in item.written}:
        return
    for turns in shared_turns(one, other):
        area, rest = divmod(shared[0].length, turns)
        if not rest:
            loops = in_portions(one, turns), in_portions(other, turns)
            yield Pair(first, second, *loops, shared[0].buffer, area, portions=loops != (one, other))


def is_between(program: Program, part: Slice, writers: dict[str, int], kernels: tuple[Kernel, Kernel]) -> bool:
    """Whether a buffer is written by the one, read by the other, and touched by nobody else."""
    buffer = program.buffers[part.buffer]
    users = [item for item in program.kernels if any(each.buffer == part.buffer for each in item.roles.values())]
    whole = part.offset == 0 and part.length == buffer.length
    return buffer.storage == ARENA and whole and writers[part.buffer] == 1 and users == list(kernels)


def joined(program: Program, pair: Pair) -> Program | None:
    """Both kernels in one loop over channels, or nothing where an index does not allow it."""
    producer, reader = program.kernels[pair.first], program.kernels[pair.second]
    one, other = pair.one, pair.other
    mark = f"_{len(producer.attributes.get('joined', (producer.operator,))) + 1}"
    names = {
        role: "between" + mark if part.buffer == pair.buffer else role + mark for role, part in reader.roles.items()
    }
    own = {role: "between" + mark if part.buffer == pair.buffer else role for role, part in producer.roles.items()}
    given = contracted(one, own, pair.area, "between" + mark, "")
    taken = contracted(other, names, pair.area, "between" + mark, mark)
    if given is None or taken is None:
        return None
    taken = rewritten_body(taken, lambda part: Name(one.variable) if part == Name(other.variable + mark) else part)
    body = (For(one.variable, one.start, one.stop, (*given, *taken)),)
    return replaced(program, pair, body, {own[role]: part for role, part in producer.roles.items()}, names)


def replaced(
    program: Program, pair: Pair, body: tuple[Statement, ...], first: dict[str, Slice], names: dict[str, str]
) -> Program | None:
    """The program with one kernel in the place of two, if its static check finds nothing."""
    producer, reader = program.kernels[pair.first], program.kernels[pair.second]
    between = {role: part for role, part in first.items() if part.buffer == pair.buffer}
    results = {names[role]: reader.roles[role] for role in reader.written}
    rest = {names[role]: part for role, part in reader.roles.items() if part.buffer != pair.buffer}
    shrunk = {role: evolve(part, length=pair.area) for role, part in between.items()}
    how = f"in {pair.turns} turns over channels: "
    kernel = evolve(
        producer,
        roles={**results, **first, **rest, **shrunk},
        body=body,
        layer=f"{producer.layer} > {reader.layer}",
        comment=f"{how}{producer.comment.removeprefix(how)}; {reader.comment}",
        attributes={
            "joined": (*producer.attributes.get("joined", (producer.operator,)), reader.operator),
            "fused": (*producer.attributes.get("fused", ()), reader.operator),
        },
    )
    buffer = evolve(program.buffers[pair.buffer], length=pair.area, shape=(pair.area,))
    kernels = [
        kernel if index == pair.first else item for index, item in enumerate(program.kernels) if index != pair.second
    ]
    found = program.with_buffers({**program.buffers, pair.buffer: buffer}).with_kernels(tuple(kernels))
    return None if any(KernelCheck(found, kernel).violations()) else found


def contracted(loop: For, names: dict[str, str], area: int, between: str, mark: str) -> tuple[Statement, ...] | None:
    """The body of a loop for one channel: roles and locals renamed, the buffer between seen from its channel."""
    hidden = {item.name for item in walk(loop.body) if isinstance(item, Let) and mentions(item.value, loop.variable)}
    possible = True

    def index_of(role: str, index: Expression) -> Expression:
        nonlocal possible
        if names[role] != between:
            return index
        known = {part.name: Affine({part.name: 1}) for part in parts(index) if isinstance(part, Name)}
        form = affine(index, known)
        usable = form is not None and form.terms.get(loop.variable) == area
        possible = possible and usable and not any(mentions(index, name) for name in hidden)
        channel_free = rewritten(index, lambda part: Number(0) if part == Name(loop.variable) else part)
        return rewritten(channel_free, simpler)

    body = tuple(moved(statement, names, index_of) for statement in loop.body)
    return with_mark(body, mark) if possible else None


def mentions(expression: Expression, name: str) -> bool:
    """Whether a name stands in an expression."""
    return any(isinstance(part, Name) and part.name == name for part in parts(expression))

"""A pool computes each number that it folds where it would have read it: layer and pool in one pass.

That is done where no number is folded twice, so nothing is computed twice. The largest code is the code of the largest
sum, since requantization never turns the order: a layer before a maximum pool requantizes once a window.
"""

from collections.abc import Iterator, Mapping
from math import prod

from attrs import evolve, frozen

from nadoo_graphs.lowered.affine import Affine, affine, distinct
from nadoo_graphs.lowered.expressions import Expression, Load, Name, Number, Operation
from nadoo_graphs.lowered.optimizing.duplicates import writer_counts
from nadoo_graphs.lowered.optimizing.fusion import fresh, others_are_there
from nadoo_graphs.lowered.optimizing.nests import Nest, nest_of
from nadoo_graphs.lowered.optimizing.renaming import moved, with_mark
from nadoo_graphs.lowered.optimizing.rewriting import renamed, rewritten, rewritten_body
from nadoo_graphs.lowered.program import ARENA, Kernel, Program, Slice
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, all_parts, parts, walk
from nadoo_graphs.lowered.types import Kind
from nadoo_graphs.lowered.work import length_of

LARGEST_WINDOW = 16
"""Larger windows are folded one after the other from memory, which the interpreter does much faster."""
READ = "what is read"
"""The operand that is about to be computed in place: no role is called so."""
ORDERED = ("quantized_conv1d", "quantized_conv2d", "quantized_linear")
"""Layers whose codes are in the order of their sums, as long as nothing was fused to them."""


@frozen(eq=False)
class Reading:
    """The one place where a kernel reads an operand, and what the variables of the producer are there."""

    role: str
    place: Mapping[str, Expression]


def fuse_windows(program: Program) -> Program:
    """Fuse for as long as something can be fused."""
    while True:
        found = next(pairs(program), None)
        if found is None:
            return program
        program = found


def pairs(program: Program) -> Iterator[Program]:
    """The program with a producer in its only reader, for every pair that allows it."""
    writers = writer_counts(program)
    for first, producer in enumerate(program.kernels):
        nest = nest_of(producer)
        given = nest and only_result(program, producer, writers)
        if nest is None or given is None:
            continue
        reader = only_reader(program, producer, given)
        if reader is None or producer.whole or reader.whole or not is_no_larger(program, reader, given):
            continue
        reading = reading_of(reader, given, nest)
        if reading is not None and others_are_there(program, first, reader, given.buffer):
            yield fused(program, producer, reader, nest, reading)


def only_reader(program: Program, producer: Kernel, given: Slice) -> Kernel | None:
    """The kernel that reads a whole buffer, if it alone touches it beside its producer."""
    touching = [item for item in program.kernels if any(part.buffer == given.buffer for part in item.roles.values())]
    others = [item for item in touching if item is not producer]
    return others[0] if len(others) == 1 and given in others[0].roles.values() else None


def only_result(program: Program, kernel: Kernel, writers: Mapping[str, int]) -> Slice | None:
    """The whole buffer that a kernel alone writes."""
    part = kernel.roles[kernel.written[0]]
    buffer = program.buffers[part.buffer]
    whole = part.length == buffer.length and writers[part.buffer] == 1
    return part if whole and buffer.storage == ARENA else None


def is_no_larger(program: Program, reader: Kernel, given: Slice) -> bool:
    """Whether what a reader makes takes no more memory than what it reads."""
    size = sum(program.buffer_of(reader, role).bytes for role in reader.written)
    return size <= program.buffers[given.buffer].bytes


def reading_of(reader: Kernel, given: Slice, nest: Nest) -> Reading | None:
    """Where a reader reads each element once at most, in terms of the producer's loops."""
    roles = [role for role, part in reader.roles.items() if part == given]
    loads = [part for part in all_parts(reader.body) if isinstance(part, Load) and part.role == roles[0]]
    if len(roles) != 1 or len(loads) != 1 or roles[0] in reader.written:
        return None
    around, known = surroundings(reader.body, loads[0])
    index = affine(loads[0].index, known)
    counts = {loop.variable: length_of(loop) for loop in around}
    window = prod(length_of(loop) for loop in around if not loop.parallel)
    if index is None or window > LARGEST_WINDOW or not distinct(index, counts):
        return None
    place = places(index, counts, nest)
    return None if place is None else Reading(roles[0], place)


def surroundings(body: tuple[Statement, ...], load: Load) -> tuple[list[For], dict[str, Affine]]:
    """The loops around the place where something is loaded, and the locals there that are sums of their variables."""
    loops: list[For] = []
    known: dict[str, Affine] = {}
    while True:
        place = next(index for index, item in enumerate(body) if any(part is load for part in all_parts((item,))))
        for item in body[:place]:
            form = affine(item.value, known) if isinstance(item, Let) else None
            if isinstance(item, Let) and form is not None:
                known[item.name] = form
        statement = body[place]
        if isinstance(statement, For):
            loops.append(statement)
            known[statement.variable] = Affine({statement.variable: 1})
        if not isinstance(statement, For | If):
            return loops, known
        body = statement.body


def places(index: Affine, counts: Mapping[str, int], nest: Nest) -> dict[str, Expression] | None:
    """What the variables of a nest are where it computes the element of an index: each a sum of the reader's."""
    form = affine(nest.store.index, {loop.variable: Affine({loop.variable: 1}) for loop in nest.loops})
    if form is None or form.constant or index.constant or any(name not in counts for name in index.terms):
        return None
    strides = {loop.variable: form.terms.get(loop.variable, 0) for loop in nest.loops}
    shares: dict[str, list[tuple[str, int]]] = {name: [] for name in strides}
    for name, step in index.terms.items():
        home = home_of(step, strides) if step else None
        if home is not None:
            shares[home].append((name, step // strides[home]))
        elif step:
            return None
    for loop in nest.loops:
        last = sum(factor * (counts[name] - 1) for name, factor in shares[loop.variable])
        if last >= length_of(loop):
            return None
    return {name: weighted(terms) for name, terms in shares.items()}


def home_of(step: int, strides: Mapping[str, int]) -> str | None:
    """The variable with the longest stride that a step is a multiple of."""
    fitting = [name for name, stride in strides.items() if 0 < stride <= step and step % stride == 0]
    return max(fitting, key=lambda name: strides[name]) if fitting else None


def weighted(terms: list[tuple[str, int]]) -> Expression:
    """Σ factor·variable."""
    found: Expression | None = None
    for name, factor in terms:
        item: Expression = Name(name) if factor == 1 else Name(name) * factor
        found = item if found is None else found + item
    return Number(0) if found is None else found


def fused(program: Program, producer: Kernel, reader: Kernel, nest: Nest, reading: Reading) -> Program:
    """The program with the producer's work done where the reader would have read its result."""
    names = {role: fresh(role, producer.roles) for role in reader.roles if role != reading.role}
    mark = f"_of_{producer.name}"
    block = inlined(with_mark(nest.block, mark), reading.place, mark)
    value = inlined_expression(nest.store.value, reading.place, mark)
    body = tuple(moved(item, {**names, reading.role: READ}, lambda role, index: index) for item in reader.body)
    late = late_codes(producer, block, body, READ, value)
    if late is not None:
        body, value = late
    body = tuple(replaced(body, READ, block, value))
    result = producer.written[0]
    roles = {role: part for role, part in producer.roles.items() if role != result}
    roles |= {name: reader.roles[role] for role, name in names.items()}
    joined = evolve(
        producer,
        roles=roles,
        body=body,
        layer=f"{producer.layer} + {reader.layer}",
        comment=f"{producer.comment}, then {reader.comment}",
        attributes={**producer.attributes, "fused": (*producer.attributes.get("fused", ()), reader.operator)},
    )
    kernels = [joined if item is producer else item for item in program.kernels if item is not reader]
    return program.with_kernels(tuple(kernels))


def inlined(block: tuple[Statement, ...], place: Mapping[str, Expression], mark: str) -> tuple[Statement, ...]:
    """The block of a nest at the place of one element."""
    names = {name + mark: item for name, item in place.items()}
    return rewritten_body(block, lambda part: names.get(part.name, part) if isinstance(part, Name) else part)


def inlined_expression(expression: Expression, place: Mapping[str, Expression], mark: str) -> Expression:
    """A value of a nest at the place of one element."""

    def rewrite(part: Expression) -> Expression:
        return place.get(part.name, evolve(part, name=part.name + mark)) if isinstance(part, Name) else part

    return rewritten(expression, rewrite)


def replaced(
    body: tuple[Statement, ...], role: str, block: tuple[Statement, ...], value: Expression
) -> Iterator[Statement]:
    """Statements with a block before the one that loads from a role, and a value in place of the load."""
    for statement in body:
        if isinstance(statement, For | If):
            yield evolve(statement, body=tuple(replaced(statement.body, role, block, value)))
        elif reads(statement, role):
            yield from block
            yield from rewritten_body((statement,), lambda part: value if is_load(part, role) else part)
        else:
            yield statement


def reads(statement: Statement, role: str) -> bool:
    """Whether a statement loads from a role."""
    return any(is_load(part, role) for part in all_parts((statement,)))


def is_load(part: Expression, role: str) -> bool:
    """Whether an expression is a load from a role."""
    return isinstance(part, Load) and part.role == role


def late_codes(
    producer: Kernel, block: tuple[Statement, ...], body: tuple[Statement, ...], role: str, value: Expression
) -> tuple[tuple[Statement, ...], Expression] | None:
    """A reader that keeps the largest sum and turns it into a code at the end, and the sum."""
    facts = producer.attributes
    if producer.operator not in ORDERED or facts.get("requantize") not in ("double", "single") or facts.get("fused"):
        return None
    sums = {item.name for item in block if isinstance(item, Let) and item.value.kind is Kind.I32}
    used = [part for part in parts(value) if isinstance(part, Name) and part.name in sums]
    if len(used) != 1:
        return None
    found = with_late_codes(body, role, used[0], value)
    return None if found is None else (found, used[0])


def with_late_codes(
    body: tuple[Statement, ...], role: str, total: Name, value: Expression
) -> tuple[Statement, ...] | None:
    """The block that begins a maximum, folds it in a loop and uses it: begun lower, and requantized after the loop."""
    place = next((at for at, item in enumerate(body) if isinstance(item, For | If) and reads(item, role)), None)
    if place is None:
        return None
    statement = body[place]
    kept = folded_into(statement, role)
    begin = next((at for at, item in enumerate(body[:place]) if kept and begins(item, kept)), None)
    if kept is None or begin is None:
        inner = with_late_codes(statement.body, role, total, value) if isinstance(statement, For | If) else None
        return None if inner is None else (*body[:place], evolve(statement, body=inner), *body[place + 1 :])
    inside = {item.variable for item in walk((statement,)) if isinstance(item, For)}
    if any(isinstance(part, Name) and part.name in inside for part in parts(value)):
        return None
    code = Let(f"{kept.name}_code", renamed(value, {total.name: kept}))
    after = rewritten_body(body[place + 1 :], lambda part: Name(code.name) if part == kept else part)
    lowest = Let(kept.name, Number(Kind.I32.bounds[0]))
    return (*body[:begin], lowest, *body[begin + 1 : place], statement, code, *after)


def begins(statement: Statement, kept: Name) -> bool:
    """Whether a statement begins a fold with a constant."""
    return isinstance(statement, Let) and statement.name == kept.name and isinstance(statement.value, Number)


def folded_into(statement: Statement, role: str) -> Name | None:
    """The local into which a loop folds the maximum of what it loads from a role."""
    for item in walk((statement,)):
        if isinstance(item, Assign) and reads(item, role) and isinstance(item.value, Operation):
            kept = Name(item.name, item.value.kind)
            first, *rest = item.value.operands
            return kept if item.value.op == "max" and is_load(first, role) and rest == [kept] else None
    return None

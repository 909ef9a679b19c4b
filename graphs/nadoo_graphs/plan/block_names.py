"""The names in a block: each defined once and before it is used, every Y assigned, nothing in a circle."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.plan.document import (
    Item,
    PlanBlock,
    PlanLayer,
    PlanOperation,
    PlanTensor,
    input_ports,
    is_reserved,
    output_ports,
)


@frozen
class Line:
    """One definition in a sequence of definitions: what it reads and what it defines."""

    where: str
    reads: tuple[str, ...]
    defines: tuple[str, ...]


def where_of(block: PlanBlock, index: int) -> str:
    """How a problem names an item."""
    item = block.items[index]
    kind = item.name if not isinstance(item, PlanOperation) else item.type
    return f"block {block.name!r} layers[{index}] {kind!r}"


def reads_of(item: Item) -> tuple[str, ...]:
    """The values and weights that an item reads."""
    if isinstance(item, PlanTensor):
        return ()
    if isinstance(item, PlanLayer):
        return (*item.inputs, *item.weights.values())
    return tuple(name for name in item.inputs if isinstance(name, str))


def defines_of(item: Item) -> tuple[str, ...]:
    """The names that an item defines."""
    if isinstance(item, PlanTensor):
        return (item.name,)
    return item.outputs if isinstance(item, PlanLayer) else (item.output,)


def block_name_problems(block: PlanBlock) -> list[Problem]:
    """Everything that is wrong with the names of a block."""
    lines = [Line(where_of(block, index), reads_of(item), defines_of(item)) for index, item in enumerate(block.items)]
    inputs, outputs = input_ports(len(block.signature.inputs)), output_ports(len(block.signature.outputs))
    return [
        *reserved_problems(lines, outputs),
        *definition_problems(lines, outputs),
        *use_problems(lines, inputs),
        *unassigned_problems(f"block {block.name!r}", lines, outputs),
        *weight_problems(block, lines),
    ]


def reserved_problems(lines: Iterable[Line], outputs: Sequence[str]) -> Iterator[Problem]:
    """X and Y begin the names of ports only."""
    kept = f"names with X or Y at the start are kept for ports such as {', '.join(outputs) or 'Y'}"
    for line in lines:
        for name in line.defines:
            if is_reserved(name) and name not in outputs:
                yield Problem(Code.NAME, line.where, f"defines {name!r}; {kept}; choose another")


def definition_problems(lines: Iterable[Line], outputs: Sequence[str]) -> Iterator[Problem]:
    """Every name is defined once; for an output this has a code of its own."""
    seen: dict[str, str] = {}
    for line in lines:
        for name in line.defines:
            if name in seen:
                code = Code.OUTPUT if name in outputs else Code.NAME
                yield Problem(code, line.where, f"defines {name!r} again, after {seen[name]}; choose another name")
            seen.setdefault(name, line.where)


def use_problems(lines: Sequence[Line], given: Iterable[str]) -> Iterator[Problem]:
    """Every name is defined before it is used; what cannot be put in order is a cycle."""
    known = set(given)
    makers = {name: index for index, line in reversed(list(enumerate(lines))) for name in line.defines}
    for index, line in enumerate(lines):
        for name in dict.fromkeys(line.reads):
            if name in known:
                continue
            if name not in makers:
                yield Problem(Code.NAME, line.where, f"reads {name!r}, which nothing defines; define it before")
            elif index in ancestors(makers[name], lines, makers):
                yield Problem(Code.CYCLE, line.where, f"reads {name!r}, which depends on it; break the circle")
            else:
                message = f"reads {name!r} before it is defined by {lines[makers[name]].where}; move it behind that"
                yield Problem(Code.NAME, line.where, message)
        known.update(line.defines)


def ancestors(index: int, lines: Sequence[Line], makers: Mapping[str, int]) -> set[int]:
    """A line and all that it depends on."""
    found, waiting = {index}, [index]
    while waiting:
        sources = {makers[name] for name in lines[waiting.pop()].reads if name in makers} - found
        found |= sources
        waiting.extend(sources)
    return found


def unassigned_problems(where: str, lines: Iterable[Line], outputs: Iterable[str]) -> list[Problem]:
    """Every output is assigned."""
    defined = {name for line in lines for name in line.defines}
    return [
        Problem(Code.OUTPUT, where, f"{name!r} is never assigned; let one item define it")
        for name in outputs
        if name not in defined
    ]


def weight_problems(block: PlanBlock, lines: Sequence[Line]) -> list[Problem]:
    """A weight is a Tensor; a computed value is an operand."""
    tensors = {item.name for item in block.items if isinstance(item, PlanTensor)}
    defined = {name for line in lines for name in line.defines} | set(input_ports(len(block.signature.inputs)))
    return [
        Problem(Code.NAME, where_of(block, index), f"has {name!r} as {role}, which is no Tensor; weights are Tensors")
        for index, item in enumerate(block.items)
        if isinstance(item, PlanLayer)
        for role, name in item.weights.items()
        if name in defined - tensors
    ]

"""How the blocks of a plan are put together: a list of instances, or the chain that stands where there is none.

A reference is `X` (or `X0`, `X1` …) for what goes into the model, and `name.port` for an output of an instance. The
port `Y` (or `Y0`, `Y1` …) is what comes out of the model, as it is in a block.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.plan.block_names import Line, unassigned_problems, use_problems
from nadoo_graphs.plan.document import (
    PlanBlock,
    PlanInstance,
    PlanModel,
    Signature,
    input_ports,
    is_reserved,
    output_ports,
)
from nadoo_graphs.plan.fields import as_identifier
from nadoo_graphs.plan.resolve import type_problems
from nadoo_graphs.values import ValueType

GRAPH = "graph"


def free_name(base: str, taken: set[str]) -> str:
    """A name that is not taken yet, and is from now on."""
    names = (f"{base}_{index}" if index else base for index in range(len(taken) + 1))
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def chain(model: PlanModel) -> tuple[PlanInstance, ...]:
    """The instances of a plan that lists none: each block reads what the one before gives."""
    found: list[PlanInstance] = []
    taken: set[str] = set()
    inputs = input_ports(len(model.signature.inputs))
    for index, block in enumerate(model.blocks):
        name = free_name(as_identifier(block.name), taken)
        last = index == len(model.blocks) - 1
        outputs = output_ports(len(block.signature.outputs)) if last else inner_ports(len(block.signature.outputs))
        found.append(PlanInstance(block.name, name, inputs, outputs))
        inputs = tuple(f"{name}.{port}" for port in outputs)
    return tuple(found)


def inner_ports(count: int) -> tuple[str, ...]:
    """The ports of an instance that the model does not give out."""
    return ("out",) if count == 1 else tuple(f"out{index}" for index in range(count))


def instances_of(model: PlanModel) -> tuple[PlanInstance, ...]:
    """The uses of the blocks, in order."""
    return chain(model) if model.instances is None else model.instances


def instance_problems(model: PlanModel) -> list[Problem]:
    """Everything that is wrong with how the blocks are put together."""
    found = list(block_problems(model))
    blocks = {block.name: block for block in model.blocks}
    instances = instances_of(model)
    if model.instances is None:
        return [*found, *chain_problems(model)]
    lines = [line_of(index, instance) for index, instance in enumerate(instances)]
    found += use_problems(lines, input_ports(len(model.signature.inputs)))
    found += unassigned_problems(GRAPH, lines, output_ports(len(model.signature.outputs)))
    found += name_problems(lines, instances, model.signature)
    found += count_problems(lines, instances, blocks)
    return [*found, *wire_problems(lines, instances, model, blocks)]


def block_problems(model: PlanModel) -> Iterator[Problem]:
    """Blocks of one name."""
    for name, count in Counter(block.name for block in model.blocks).items():
        if count > 1:
            yield Problem(Code.NAME, f"block {name!r}", f"is defined {count} times; rename all but one")


def line_of(index: int, instance: PlanInstance) -> Line:
    """An instance as a definition: of what it gives out, and of the model's outputs."""
    outer = [port for port in instance.outputs if is_reserved(port)]
    inner = [f"{instance.name}.{port}" for port in instance.outputs]
    return Line(f"{GRAPH}[{index}] {instance.name!r}", instance.inputs, (*inner, *outer))


def chain_problems(model: PlanModel) -> Iterator[Problem]:
    """In a chain every block takes exactly what the one before it gives."""
    source, types = "model input", model.signature.inputs
    for block in model.blocks:
        yield from matching_problems(f"block {block.name!r} input", source, types, block.signature.inputs)
        source, types = f"block {block.name!r}", block.signature.outputs
    yield from matching_problems("model output", source, types, model.signature.outputs)


def matching_problems(
    where: str, source: str, given: Sequence[ValueType], wanted: Sequence[ValueType]
) -> Iterator[Problem]:
    """Types on both sides of a border, one by one."""
    if len(given) != len(wanted):
        message = f"{source} gives {len(given)} values, but {len(wanted)} are taken; make them agree, or list a graph"
        yield Problem(Code.SCHEMA, where, message)
        return
    for found, declared in zip(given, wanted, strict=True):
        yield from type_problems(where, declared, found)


def name_problems(lines: Sequence[Line], instances: Sequence[PlanInstance], signature: Signature) -> Iterator[Problem]:
    """Instances and ports of one name, ports that look like the model's, outputs that are given twice."""
    outputs = output_ports(len(signature.outputs))
    names = Counter(instance.name for instance in instances)
    for line, instance in zip(lines, instances, strict=True):
        if names[instance.name] > 1:
            yield Problem(Code.NAME, line.where, f"the name {instance.name!r} is used twice; rename one instance")
        for port, count in Counter(instance.outputs).items():
            if count > 1 and port not in outputs:
                yield Problem(Code.NAME, line.where, f"port {port!r} is named twice; rename one of them")
            if is_reserved(port) and port not in outputs:
                message = f"port {port!r} begins like the model's own ports {', '.join(outputs)}; choose another"
                yield Problem(Code.NAME, line.where, message)
    given = Counter(port for instance in instances for port in instance.outputs if port in outputs)
    for port, count in given.items():
        if count > 1:
            yield Problem(Code.OUTPUT, GRAPH, f"{port!r} is assigned {count} times; let one instance give it")


def count_problems(
    lines: Sequence[Line], instances: Sequence[PlanInstance], blocks: Mapping[str, PlanBlock]
) -> Iterator[Problem]:
    """Unknown blocks, and another number of inputs or outputs than the block has."""
    for line, instance in zip(lines, instances, strict=True):
        block = blocks.get(instance.block)
        if block is None:
            message = f"uses block {instance.block!r}, which is not defined; blocks: {', '.join(blocks) or 'none'}"
            yield Problem(Code.NAME, line.where, message)
            continue
        for side, given, declared in (
            ("inputs", instance.inputs, block.signature.inputs),
            ("outputs", instance.outputs, block.signature.outputs),
        ):
            if len(given) != len(declared):
                message = f"lists {len(given)} {side}, but block {block.name!r} has {len(declared)}; list each"
                yield Problem(Code.SCHEMA, line.where, message)


def wire_problems(
    lines: Sequence[Line], instances: Sequence[PlanInstance], model: PlanModel, blocks: Mapping[str, PlanBlock]
) -> Iterator[Problem]:
    """Types on both sides of every reference."""
    types = dict(zip(input_ports(len(model.signature.inputs)), model.signature.inputs, strict=True))
    outer = dict(zip(output_ports(len(model.signature.outputs)), model.signature.outputs, strict=True))
    for line, instance in zip(lines, instances, strict=True):
        block = blocks.get(instance.block)
        if block is None:
            continue
        for reference, declared in zip(instance.inputs, block.signature.inputs, strict=False):
            if reference in types:
                yield from type_problems(f"{line.where} input {reference}", declared, types[reference])
        for port, given in zip(instance.outputs, block.signature.outputs, strict=False):
            types.setdefault(f"{instance.name}.{port}", given)
            if port in outer:
                yield from type_problems(f"{line.where} output {port}", outer[port], given)

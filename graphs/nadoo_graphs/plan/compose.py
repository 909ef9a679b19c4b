"""From a graph to its document: blocks, how they are put together, and what `x_origin` keeps of the rest."""

from collections.abc import Iterator, Sequence

from attrs import evolve

from nadoo_graphs.formats import FormatTable
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import TENSOR
from nadoo_graphs.plan.block_names import defines_of
from nadoo_graphs.plan.block_writer import Source, WrittenBlock, write_block
from nadoo_graphs.plan.data import DataFile
from nadoo_graphs.plan.document import (
    Bounds,
    Meta,
    ModelOrigin,
    NodeOrigin,
    PlanBlock,
    PlanInstance,
    PlanModel,
    PlanTensor,
    Signature,
    input_ports,
    origins_of,
    output_ports,
)
from nadoo_graphs.plan.fields import as_identifier
from nadoo_graphs.plan.instances import chain, free_name, inner_ports
from nadoo_graphs.plan.partition import entries, exits, partition
from nadoo_graphs.plan.sharing import Use, share
from nadoo_graphs.saving.assembly import node_symbols
from nadoo_graphs.values import Value


def plan_of(graph: ModelGraph, files: dict[str, DataFile], formats: FormatTable) -> PlanModel:
    """The document of a graph."""
    places = {name: place for place, name in enumerate(graph.order())}
    source = Source(graph, formats, files, places)
    blocks, uses = share(written_blocks(source))
    blocks[0] = with_unused(source, blocks, sum(use.block == 0 for use in uses))
    inputs = [Value(node.name) for node in graph.inputs]
    signature = Signature(tuple(map(graph.type, inputs)), tuple(map(graph.type, graph.outputs)))
    finite = all(file.finite for file in files.values())
    model = PlanModel(
        name=graph.name,
        signature=signature,
        blocks=tuple(blocks),
        instances=instances(graph, blocks, uses),
        meta=Meta(symbols_of_graph(graph), allow_nonfinite=not finite),
        origin=model_origin(source),
    )
    return evolve(model, instances=None) if is_chain(model) else model


def written_blocks(source: Source) -> list[WrittenBlock]:
    """The blocks of all groups; a single one takes every input and gives every output."""
    graph = source.graph
    groups = partition(graph)
    if len(groups) == 1:
        inputs = [Value(node.name) for node in graph.inputs]
        return [write_block(source, groups[0].name, groups[0].nodes, inputs, graph.outputs)]
    return [
        write_block(source, group.name, group.nodes, entries(graph, group.nodes), exits(graph, group.nodes))
        for group in groups
    ]


def with_unused(source: Source, blocks: Sequence[PlanBlock], uses: int) -> PlanBlock:
    """The first block, with the tensors that no block refers to: they belong to the state dict all the same."""
    first = blocks[0]
    taken = {name for item in first.items for name in defines_of(item)}
    missing = [
        source.constant(free_name(as_identifier(name.rpartition(".")[2]), taken), name, nodes * uses)
        for name, nodes in unused(source, blocks)
    ]
    return evolve(first, items=(*missing, *first.items)) if missing else first


def unused(source: Source, blocks: Sequence[PlanBlock]) -> Iterator[tuple[str, tuple[NodeOrigin, ...]]]:
    """Tensor nodes that nothing reads, and tensors that no node refers to."""
    constants = [item for block in blocks for item in block.items if isinstance(item, PlanTensor)]
    nodes = {origin.node for item in constants for origin in origins_of(item)}
    named = {item.origin.name for item in constants if item.origin}
    for node in source.graph.nodes(op=TENSOR):
        if node.name not in nodes:
            named.add(node.tensors["value"])
            yield node.tensors["value"], (source.origin(node),)
    yield from ((name, ()) for name in source.graph.tensors if name not in named)


def instances(graph: ModelGraph, blocks: Sequence[PlanBlock], uses: Sequence[Use]) -> tuple[PlanInstance, ...]:
    """Every use of a block, with references to what it reads."""
    inputs = [Value(node.name) for node in graph.inputs]
    references = dict(zip(inputs, input_ports(len(inputs)), strict=True))
    outer = dict(zip(output_ports(len(graph.outputs)), graph.outputs, strict=True))
    taken: set[str] = set()
    found: list[PlanInstance] = []
    for use in uses:
        block, written = blocks[use.block], use.written
        name = free_name(as_identifier(block.name), taken)
        read = tuple(references[value] for value in written.inputs)
        ports = given_ports(written.outputs, outer, whole=len(uses) == 1)
        references.update((value, f"{name}.{port}") for value, port in zip(written.outputs, ports, strict=True))
        found.append(PlanInstance(block.name, name, read, ports))
    return tuple(found)


def given_ports(values: Sequence[Value], outer: dict[str, Value], *, whole: bool) -> tuple[str, ...]:
    """The ports of a use: the model's own for what the model returns."""
    if whole:
        return output_ports(len(values))
    own = {value: port for port, value in outer.items()}
    return tuple(own.get(value, port) for value, port in zip(values, inner_ports(len(values)), strict=True))


def is_chain(model: PlanModel) -> bool:
    """Whether the blocks stand in a row, each used once, so that no graph need be listed."""
    return len(model.instances or ()) == len(model.blocks) and model.instances == chain(model)


def symbols_of_graph(graph: ModelGraph) -> dict[str, Bounds]:
    """The symbols with their bounds; those that the contract does not bound are at least 1."""
    used = {name for node in graph.nodes() for name in node_symbols(node)}
    bounds = graph.contract.symbols
    return {name: bounds.get(name, (1, None)) for name in [*bounds, *sorted(used - set(bounds))]}


def model_origin(source: Source) -> ModelOrigin:
    """What a plan has no place for but `x_origin`."""
    graph = source.graph
    return ModelOrigin(
        inputs=tuple(source.origin(node) for node in graph.inputs),
        output=graph.output.name,
        contract=graph.contract.without_examples(),
        aliases=dict(graph.aliases),
        state_order=graph.state_order,
    )

"""Exporting a graph as a plan: a document of blocks, and a data file for each tensor, all of it or nothing."""

from collections.abc import Sequence
from pathlib import Path

from attrs import evolve

from nadoo_graphs.errors import Code, GraphError, LoadError, Problem, SaveError
from nadoo_graphs.formats import FormatTable, standard_formats
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import TENSOR
from nadoo_graphs.plan.block_names import defines_of
from nadoo_graphs.plan.block_writer import Source, WrittenBlock, write_block
from nadoo_graphs.plan.check import document_problems
from nadoo_graphs.plan.data import DataFile, data_files, stored_bytes
from nadoo_graphs.plan.document import (
    MODEL_FILE,
    Bounds,
    Meta,
    ModelOrigin,
    PlanBlock,
    PlanInstance,
    PlanModel,
    PlanTensor,
    Signature,
    input_ports,
    output_ports,
)
from nadoo_graphs.plan.encode import encode_model
from nadoo_graphs.plan.fields import as_identifier
from nadoo_graphs.plan.instances import chain, free_name, inner_ports
from nadoo_graphs.plan.partition import entries, exits, partition
from nadoo_graphs.plan.sharing import Use, share
from nadoo_graphs.plan.text import text_of
from nadoo_graphs.saving.assembly import guarded, node_symbols
from nadoo_graphs.saving.folder import Commit, committing
from nadoo_graphs.saving.stored import is_finite
from nadoo_graphs.saving.write import custom_problems
from nadoo_graphs.values import Value


def export_plan(
    graph: ModelGraph,
    folder: str | Path,
    *,
    overwrite: bool = False,
    allow_nonfinite: bool = False,
    formats: FormatTable | None = None,
) -> Path:
    """Write a graph as `model.json` with its data files into a folder; give the path of the document.

    The folder is relocatable. Example inputs are not written; parameters that are not finite only if that is allowed.
    """
    home, table = Path(folder), formats or standard_formats()
    document = home / MODEL_FILE
    try:
        problems = [*guarded(graph.violations), *custom_problems(graph), *nonfinite_problems(graph, allow_nonfinite)]
        problems += existing_problems(document, overwrite=overwrite)
        if problems:
            raise SaveError(problems)
        files = data_files(graph, table)
        text = checked_text(plan_of(graph, files, table), graph, table)
    except GraphError as error:
        raise SaveError(error.problems, f"graph {graph.name!r} cannot be exported:") from error
    with committing(home) as commit:
        for name, file in files.items():
            place_file(commit, file, stored_bytes(graph.tensors[name], table))
        commit.commit(MODEL_FILE, lambda path: write_bytes(path, text))
    return document


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file."""
    path.write_bytes(content)


def place_file(commit: Commit, file: DataFile, content: memoryview) -> None:
    """Write one data file."""
    commit.place(file.name, lambda path: write_bytes(path, content))


def existing_problems(document: Path, *, overwrite: bool) -> list[Problem]:
    """A plan that stands there already is not replaced by accident."""
    if overwrite or not document.exists():
        return []
    message = "exists already; choose another folder, or export with overwrite=True"
    return [Problem(Code.DATA, f"file {str(document)!r}", message)]


def nonfinite_problems(graph: ModelGraph, allowed: bool) -> list[Problem]:
    """Parameters with NaN or infinities; masks and other buffers may hold them."""
    message = "holds NaN or infinities; find where they arise, or export with allow_nonfinite=True"
    return [
        Problem(Code.NONFINITE, f"tensor {name!r}", message)
        for name, record in graph.tensors.items()
        if not allowed and record.role == "parameter" and not is_finite(record.value)
    ]


def checked_text(model: PlanModel, graph: ModelGraph, formats: FormatTable) -> bytes:
    """The bytes of a document, judged as an import would judge them."""
    text = text_of(encode_model(model))
    problems = document_problems(text, graph.ops, formats, opaque_targets(graph))
    if problems:
        raise LoadError(problems)
    return text


def opaque_targets(graph: ModelGraph) -> frozenset[str]:
    """The operators of torch that a graph calls; whoever exports it vouches for them."""
    return frozenset(str(node.attributes["target"]) for node in graph.nodes(op="opaque"))


def plan_of(graph: ModelGraph, files: dict[str, DataFile], formats: FormatTable) -> PlanModel:
    """The document of a graph."""
    places = {name: place for place, name in enumerate(graph.order())}
    source = Source(graph, formats, files, places)
    blocks, uses = share(written_blocks(source))
    blocks[0] = with_unused(source, blocks)
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


def with_unused(source: Source, blocks: Sequence[PlanBlock]) -> PlanBlock:
    """The first block, with the tensors that no block refers to: they belong to the state dict all the same."""
    constants = [item for block in blocks for item in block.items if isinstance(item, PlanTensor) and item.origin]
    written = {item.origin.name for item in constants if item.origin}
    nodes = {origin.node for item in constants if item.origin for origin in item.origin.nodes}
    first = blocks[0]
    taken = {item.name for item in first.items if isinstance(item, PlanTensor)} | names_in(first)
    dead = [node for node in source.graph.nodes(op=TENSOR) if node.name not in nodes]
    unread = {node.tensors["value"] for node in dead}
    missing: list[PlanTensor] = []
    for node in dead:
        name = node.tensors["value"]
        local = free_name(as_identifier(name.rpartition(".")[2]), taken)
        missing.append(source.constant(local, name, (source.origin(node),)))
    for name in source.graph.tensors:
        if name not in written | unread:
            missing.append(source.constant(free_name(as_identifier(name.rpartition(".")[2]), taken), name))
    return evolve(first, items=(*missing, *first.items)) if missing else first


def names_in(block: PlanBlock) -> set[str]:
    """The names that are defined in a block."""
    return {name for item in block.items for name in defines_of(item)}


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

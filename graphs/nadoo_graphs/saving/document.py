"""The document of a saved graph: everything but the content of tensors, as one JSON value, and back.

Writing goes from the graph to plain JSON values; reading gives frozen values and never touches a graph or a file, so
that what `save` writes can be read back and judged before anything is committed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from attrs import evolve, field, frozen

from nadoo_graphs.contract import Contract, InputContract, Structure
from nadoo_graphs.decoding import (
    decode_input,
    decode_node,
    decode_report,
    decode_structure,
    decode_type_fields,
)
from nadoo_graphs.encoding import encode_attribute, encode_node, encode_structure, encode_type
from nadoo_graphs.errors import Code
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.parts import Part
from nadoo_graphs.saving.stored import StoredTensor
from nadoo_graphs.tensors import ROLES, TensorRole
from nadoo_graphs.values import Value

SCHEMA = "nadoo-graph"
VERSION = 1
SHA256 = re.compile(r"[0-9a-f]{64}")
STRUCTURES = ("arguments", "keywords", "results")


@frozen
class TensorEntry:
    """One row of the tensor table: what lies in the data file, and what a module needs to know of it."""

    stored: StoredTensor
    role: TensorRole
    persistent: bool
    trainable: bool


@frozen
class GraphDocument:
    """What a document says, in the values of the graph."""

    name: str
    nodes: tuple[tuple[Node, tuple[Value, ...]], ...]
    contract: Contract
    tensors: tuple[TensorEntry, ...]
    aliases: Mapping[str, str]
    state_order: tuple[str, ...]
    examples: tuple[StoredTensor, ...]
    tensors_file: str | None
    examples_file: str | None


@frozen
class DataFiles:
    """The data files of a graph: their names, and what of each tensor is stored."""

    tensors: Sequence[StoredTensor] = ()
    examples: Sequence[StoredTensor] = ()
    names: Mapping[str, str] = field(factory=dict[str, str])


def encode_document(graph: ModelGraph, files: DataFiles) -> dict[str, Any]:
    """The document of a graph whose tensors lie in these files."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "name": graph.name,
        "nodes": [encode_node(node, graph.operands(node)) for node in graph.nodes()],
        "contract": encode_contract(graph.contract, files.examples),
        "tensors": {entry.name: encode_tensor(graph, entry) for entry in files.tensors},
        "aliases": dict(graph.aliases),
        "state_order": list(graph.state_order),
        "files": dict(files.names),
    }


def encode_tensor(graph: ModelGraph, entry: StoredTensor) -> dict[str, Any]:
    """One row of the tensor table."""
    record = graph.tensors[entry.name]
    flags = {"role": record.role, "persistent": record.persistent, "trainable": record.trainable}
    return {**encode_stored(entry), **flags}


def encode_stored(entry: StoredTensor) -> dict[str, Any]:
    """Type and hash of a tensor."""
    return {**encode_type(entry.type), "sha256": entry.sha256}


def encode_contract(contract: Contract, examples: Iterable[StoredTensor]) -> dict[str, Any]:
    """The border of a graph; what it does not have is left out."""
    by_name = {entry.name: encode_stored(entry) for entry in examples}
    report = contract.report
    encoded = {
        "inputs": [encode_input(item, by_name.get(item.name)) for item in contract.inputs],
        "outputs": list(contract.outputs),
        **{key: encoded_structure(getattr(contract, key)) for key in STRUCTURES},
        "symbols": {name: list(bounds) for name, bounds in contract.symbols.items()},
        "report": {
            "train_only": list(report.train_only),
            "opaque": list(report.opaque),
            "notes": list(report.notes),
            "fallback": report.fallback,
        },
    }
    return {key: value for key, value in encoded.items() if value is not None}


def encoded_structure(structure: Structure | None) -> dict[str, Any] | None:
    """A structure where there is one."""
    return None if structure is None else encode_structure(structure)


def encode_input(item: InputContract, example: dict[str, Any] | None) -> dict[str, Any]:
    """One input; its example is a row like those of the tensor table."""
    encoded = {
        "name": item.name,
        "type": encode_type(item.type),
        "minimum": encode_attribute(item.minimum),
        "maximum": encode_attribute(item.maximum),
        "example": example,
    }
    return {key: value for key, value in encoded.items() if value is not None}


def decode_document(part: Part) -> GraphDocument:
    """What a document of the current version says; what is wrong stands in the problems of the part."""
    keys = ("schema", "version", "name", "nodes", "contract", "tensors", "aliases", "state_order", "files")
    fields = part.fields(keys)
    fields["schema"].choice((SCHEMA,))
    fields["version"].integer(VERSION, VERSION)
    files = fields["files"].fields((), {"tensors": None, "examples": None})
    contract, examples = decode_contract(fields["contract"])
    return GraphDocument(
        name=fields["name"].text(),
        nodes=tuple(decode_node(item) for item in fields["nodes"].items()),
        contract=contract,
        tensors=tuple(decode_tensor(name, row) for name, row in fields["tensors"].members().items()),
        aliases={name: item.name() for name, item in fields["aliases"].members().items()},
        state_order=tuple(item.name() for item in fields["state_order"].items()),
        examples=examples,
        tensors_file=decode_file(files["tensors"]),
        examples_file=decode_file(files["examples"]),
    )


def decode_file(part: Part) -> str | None:
    """The name of a data file, where there is one."""
    return None if part.nothing() else part.name()


def decode_tensor(name: str, part: Part) -> TensorEntry:
    """One row of the tensor table."""
    fields = part.fields(("dtype", "shape", "sha256", "role", "persistent", "trainable"), {"format": None})
    role = cast("TensorRole", fields["role"].choice(ROLES))
    flags = fields["persistent"].flag(), fields["trainable"].flag()
    return TensorEntry(decode_stored(name, part, fields), role, *flags)


def decode_example(name: str, part: Part) -> StoredTensor:
    """The row of an input's example."""
    return decode_stored(name, part, part.fields(("dtype", "shape", "sha256"), {"format": None}))


def decode_stored(name: str, part: Part, fields: Mapping[str, Part]) -> StoredTensor:
    """Type and hash of a tensor, which has no symbolic size."""
    value = decode_type_fields(part, fields)
    digest = fields["sha256"].text()
    if not all(isinstance(size, int) for size in value.shape):
        fields["shape"].refuse("has a symbolic size; the sizes of a tensor are numbers", Code.SYMBOL)
    if not SHA256.fullmatch(digest):
        fields["sha256"].refuse("must be 64 hexadecimal digits in lower case")
    return StoredTensor(name, value, digest)


def decode_contract(part: Part) -> tuple[Contract, tuple[StoredTensor, ...]]:
    """The border of a graph, and the rows of its examples."""
    missing: dict[str, Any] = dict.fromkeys(STRUCTURES)
    fields = part.fields(("inputs", "outputs", "symbols", "report"), missing)
    inputs, examples = decode_inputs(fields["inputs"].items())
    contract = Contract(
        inputs=inputs,
        outputs=tuple(item.text() for item in fields["outputs"].items()),
        symbols={name: decode_bounds(item) for name, item in fields["symbols"].members().items()},
        report=decode_report(fields["report"]),
    )
    given = {key: decode_structure(fields[key]) for key in STRUCTURES if not fields[key].nothing()}
    return evolve(contract, **given), examples


def decode_inputs(parts: Iterable[Part]) -> tuple[tuple[InputContract, ...], tuple[StoredTensor, ...]]:
    """The inputs, and the rows of the examples that some of them have."""
    inputs: dict[str, InputContract] = {}
    examples: list[StoredTensor] = []
    for part in parts:
        found = decode_input(part)
        if found.name in inputs:
            part.refuse(f"is a second input called {found.name!r}; rename one of them", Code.NAME)
        inputs[found.name] = found
        row = part.mapping().get("example")
        if row is not None:
            examples.append(decode_example(found.name, part.child(row, "example")))
    return tuple(inputs.values()), tuple(examples)


def decode_bounds(part: Part) -> tuple[int, int | None]:
    """The smallest and the largest value of a symbol; null for no largest."""
    items = part.items()
    if len(items) != 2:
        part.refuse("must be an array of the smallest and the largest value, or null for no largest")
        return 0, None
    lowest = items[0].integer(0)
    return lowest, None if items[1].nothing() else items[1].integer(lowest)

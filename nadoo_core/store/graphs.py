"""Graphs in the store: one document, every large tensor a file of its own, and all small ones together in one.

A step that changes one tensor of a gigabyte writes that tensor; all others are links to what is there. Every file is
named by a hash of its content and checked against it whenever it is read, so what a crash of the machine left
half-written is found then, and nothing has to wait for the disk now.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from nadoo_core.errors import StoreError
from nadoo_core.store.entry import Entry, damaged
from nadoo_core.store.files import link_or_copy, write_synced
from nadoo_graphs.errors import GraphError

if TYPE_CHECKING:
    import torch

    from nadoo_graphs.formats import FormatTable
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.ops import OpTable
    from nadoo_graphs.saving.stored import StoredTensor

GRAPH_FILE = "graph.json"
SMALL = "small"
SMALL_BYTES = 256 * 1024


@frozen
class Objects:
    """The shared files of a store, by the hash of their content."""

    folder: Path

    def place(self, digest: str) -> Path:
        """Where a content lies, if it does."""
        return self.folder / digest[:2] / digest

    def put(self, digest: str, content: memoryview, target: Path) -> None:
        """Let a file of an entry have a content, by a link to the shared file where there is one."""
        shared = self.place(digest)
        if shared.exists() and shared.stat().st_size == len(content):
            link_or_copy(shared, target)
            return
        target.write_bytes(content)
        shared.parent.mkdir(parents=True, exist_ok=True)
        shared.unlink(missing_ok=True)
        link_or_copy(target, shared)


def write_graph(graph: "ModelGraph", folder: Path, objects: Objects) -> dict[str, str]:
    """Write a graph into an empty folder, and give the hash of the content behind every file."""
    from nadoo_graphs.saving.write import data_files, document_text, require_valid
    from nadoo_graphs.tensors import content_bytes

    require_valid(graph)
    files = [file for file in data_files(graph, graph.formats) if file.table]
    text = document_text(graph, files)
    write_synced(folder / GRAPH_FILE, text)
    rows = {row.sha256: file.tensors[row.name] for file in files for row in file.table}
    large = {digest: value for digest, value in rows.items() if value.nbytes >= SMALL_BYTES}
    for digest, value in large.items():
        objects.put(digest, content_bytes(value), folder / digest)
    small = b"".join(content_bytes(rows[digest]) for digest in sorted(rows) if digest not in large)
    digest = hashlib.sha256(small).hexdigest()
    objects.put(digest, memoryview(small), folder / digest)
    return {**{name: name for name in large}, SMALL: digest, GRAPH_FILE: hashlib.sha256(text).hexdigest()}


def load_graph(entry: Entry, ops: "OpTable | None" = None) -> "ModelGraph":
    """The graph of an entry; whatever is wrong with its files is a `StoreError`."""
    try:
        graph = read_graph(entry, ops)
    except (GraphError, OSError, ValueError, KeyError) as error:
        said = str(error.problems[0].message) if isinstance(error, GraphError) else str(error)
        raise StoreError(damaged(entry.key, said)) from error
    if graph.fingerprint() != entry.record.get("fingerprint"):
        raise StoreError(damaged(entry.key, "its graph has another fingerprint"))
    return graph


def read_graph(entry: Entry, ops: "OpTable | None") -> "ModelGraph":
    """Put a graph together from its document and its tensors."""
    from nadoo_graphs.ops import standard_ops
    from nadoo_graphs.parts import Part
    from nadoo_graphs.saving.assembly import assemble
    from nadoo_graphs.saving.document import decode_document
    from nadoo_graphs.saving.read import STANDARD, Trust, record_of, with_examples

    text = (entry.graph_folder / GRAPH_FILE).read_bytes()
    if hashlib.sha256(text).hexdigest() != entry.files[GRAPH_FILE]:
        raise ValueError(f"{GRAPH_FILE} has another content")
    document = decode_document(Part(json.loads(text), [], GRAPH_FILE))
    rows = [row.stored for row in document.tensors]
    table = ops or standard_ops()
    tensors = read_tensors(entry, [*rows, *document.examples], table.formats)
    trust = Trust(table, table.formats, nonfinite=True, operators=(), limits=STANDARD, migrations={})
    records = {row.stored.name: record_of(row, tensors[row.stored.sha256], trust) for row in document.tensors}
    examples = {row.name: tensors[row.sha256][row.name] for row in document.examples}
    return assemble(with_examples(document, examples), records, table)


def read_tensors(
    entry: Entry, rows: "Sequence[StoredTensor]", formats: "FormatTable"
) -> "dict[str, dict[str, torch.Tensor]]":
    """The tensors of an entry by hash and name, each checked against its hash."""
    from nadoo_graphs.saving.stored import from_stored
    from nadoo_graphs.tensors import content_digest

    places = contents(entry, rows, formats)
    found: dict[str, dict[str, torch.Tensor]] = {}
    for row in rows:
        stored = as_tensor(row, places[row.sha256], formats)
        if content_digest(stored) != row.sha256:
            raise ValueError(f"tensor {row.name!r} has another content")
        found.setdefault(row.sha256, {})[row.name] = from_stored(stored, row.type, formats)
    return found


def contents(entry: Entry, rows: "Sequence[StoredTensor]", formats: "FormatTable") -> dict[str, memoryview]:
    """The bytes behind every hash: those of a file of its own, or a piece of the file with all small ones."""
    small = memoryview((entry.graph_folder / entry.files[SMALL]).read_bytes())
    sizes = {row.sha256: stored_bytes(row, formats) for row in rows}
    position, places = 0, dict[str, memoryview]()
    for digest in sorted(sizes):
        if digest in entry.files:
            places[digest] = read_bytes(entry.graph_folder / digest)
            continue
        places[digest] = memoryview(bytearray(small[position : position + sizes[digest]]))
        position += sizes[digest]
    return places


def read_bytes(path: Path) -> memoryview:
    """The content of a file in memory that may be written to, as torch wants it, without a second copy."""
    buffer = memoryview(bytearray(path.stat().st_size))
    with path.open("rb") as file:
        count = file.readinto(buffer)
    return buffer[:count]


def stored_bytes(row: "StoredTensor", formats: "FormatTable") -> int:
    """How many bytes a tensor takes as it is stored."""
    from nadoo_graphs.saving.stored import layout, layout_bytes

    return layout_bytes(*layout(row.type, formats))


def as_tensor(row: "StoredTensor", content: memoryview, formats: "FormatTable") -> "torch.Tensor":
    """The tensor of some bytes."""
    import torch

    from nadoo_graphs.saving.stored import layout
    from nadoo_graphs.tensors import torch_dtype

    dtype, shape = layout(row.type, formats)
    if len(content) != stored_bytes(row, formats):
        raise ValueError(f"tensor {row.name!r} has {len(content)} of {stored_bytes(row, formats)} bytes")
    if not len(content):
        return torch.empty(shape, dtype=torch_dtype(dtype))
    return torch.frombuffer(content, dtype=torch_dtype(dtype)).reshape(shape)

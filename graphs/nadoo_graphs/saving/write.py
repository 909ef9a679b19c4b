"""Saving: a graph as a folder of one JSON document and its data files, all of it or nothing."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from attrs import frozen
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

from nadoo_graphs.encoding import canonical, encode_type
from nadoo_graphs.errors import Code, GraphError, Problem, SaveError
from nadoo_graphs.formats import FormatTable
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.parts import Part
from nadoo_graphs.saving.assembly import border_problems, guarded, name_problems
from nadoo_graphs.saving.document import STRUCTURES, DataFiles, decode_document, encode_document
from nadoo_graphs.saving.folder import committing, remove_others
from nadoo_graphs.saving.opaque import opaque_problems
from nadoo_graphs.saving.paths import GRAPH_FILE, SUFFIX
from nadoo_graphs.saving.stored import StoredTensor, is_stored_plainly, to_stored
from nadoo_graphs.saving.tensor_file import METADATA
from nadoo_graphs.tensors import TensorRecord, content_digest

NAME_DIGITS = 16


@frozen
class DataFile:
    """One data file that is to be written: its table and its tensors."""

    kind: str
    table: tuple[StoredTensor, ...]
    tensors: Mapping[str, torch.Tensor]

    @property
    def name(self) -> str:
        """A name that the content decides, so that a new file never overwrites one that an old graph refers to."""
        rows = [[entry.name, encode_type(entry.type), entry.sha256] for entry in self.table]
        digest = hashlib.sha256(canonical(sorted(rows, key=lambda row: str(row[0]))).encode()).hexdigest()
        return f"{self.kind}-{digest[:NAME_DIGITS]}{SUFFIX}"

    def write(self, path: Path) -> None:
        """Write the tensors in the safetensors format."""
        save_file(separate(self.tensors), path)


def save(graph: ModelGraph, folder: str | Path, *, formats: FormatTable | None = None) -> Path:
    """Write a graph into a folder, atomically; the folder holds the old graph or the new one, whatever happens."""
    home = Path(folder)
    try:
        require_valid(graph)
        files = [file for file in data_files(graph, formats or graph.formats) if file.table]
        text = document_text(graph, files)
    except GraphError as error:
        raise SaveError(error.problems, f"graph {graph.name!r} cannot be saved:") from error
    with committing(home) as commit:
        for file in files:
            commit.place(file.name, file.write)
        commit.commit(GRAPH_FILE, lambda path: write_bytes(path, text))
        remove_others(home, [file.name for file in files])
    return home


def write_bytes(path: Path, text: bytes) -> None:
    """Write the document."""
    path.write_bytes(text)


def require_valid(graph: ModelGraph) -> None:
    """Refuse what could not be loaded again."""
    problems = [*guarded(graph.violations), *custom_problems(graph), *guarded(lambda: opaque_problems(graph, None))]
    problems = problems or guarded(lambda: border_problems(graph))
    if METADATA in graph.tensors:
        problems.append(Problem(Code.NAME, f"tensor {METADATA!r}", "is a name that safetensors keeps; rename it"))
    if problems:
        raise SaveError(problems)


def custom_problems(graph: ModelGraph) -> list[Problem]:
    """Containers of a user's own class: rebuilding one would mean running code that a file names."""
    structures = [getattr(graph.contract, key) for key in STRUCTURES]
    return [
        Problem(
            Code.SCHEMA,
            "contract",
            f"holds a container of class {item.type_name!r}, which no file can; {CUSTOM_ADVICE}",
        )
        for structure in structures
        if structure is not None
        for item in structure.walk()
        if item.kind == "custom"
    ]


CUSTOM_ADVICE = "let the model take and return tuples, lists, dictionaries or named tuples, and capture it again"


def data_files(graph: ModelGraph, formats: FormatTable) -> tuple[DataFile, DataFile]:
    """The tensors in the order of the state dict, and the example inputs."""
    names = [name for name in graph.state_order if name in graph.tensors]
    parameters = data_file("tensors", ((name, graph.tensors[name]) for name in names), formats)
    given = [(item.name, item.example) for item in graph.contract.inputs if item.example is not None]
    examples = ((name, TensorRecord(value.detach(), "constant")) for name, value in given)
    return parameters, data_file("examples", examples, formats)


def data_file(kind: str, records: Iterable[tuple[str, TensorRecord]], formats: FormatTable) -> DataFile:
    """The table and the stored form of some tensors."""
    table: list[StoredTensor] = []
    tensors: dict[str, torch.Tensor] = {}
    for name, record in records:
        stored = to_stored(record.value, record.type, formats)
        plain = is_stored_plainly(record.type, formats)
        table.append(StoredTensor(name, record.type, record.digest() if plain else content_digest(stored)))
        tensors[name] = stored
    return DataFile(kind, tuple(table), tensors)


def document_text(graph: ModelGraph, files: Sequence[DataFile]) -> bytes:
    """The bytes of the document, read back and judged as a load would judge them."""
    tables = {file.kind: file.table for file in files}
    names = {file.kind: file.name for file in files}
    document = encode_document(graph, DataFiles(tables.get("tensors", ()), tables.get("examples", ()), names))
    try:
        text = canonical(document).encode()
    except (TypeError, ValueError) as error:
        message = f"holds a value that JSON cannot ({error}); give attributes of the kinds that nodes may have"
        raise SaveError(Problem(Code.SCHEMA, "document", message)) from error
    problems: list[Problem] = []
    decoded = decode_document(Part(json.loads(text), problems, GRAPH_FILE))
    problems = problems or name_problems(decoded)
    if problems:
        raise SaveError(problems)
    return text


def separate(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors with a storage each, as the library wants them; views of one storage are copied."""
    seen: set[int] = set()
    found: dict[str, torch.Tensor] = {}
    for name, value in tensors.items():
        storage = value.untyped_storage()
        shares = storage.data_ptr() in seen or storage.nbytes() != value.nbytes
        found[name] = value.clone() if shares else value
        seen.add(storage.data_ptr())
    return found

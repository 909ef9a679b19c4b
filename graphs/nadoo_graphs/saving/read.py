"""Loading: a folder is believed only after everything in it has been checked, and nothing of it is ever executed."""

from collections.abc import Collection, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import torch
from attrs import evolve, frozen

from nadoo_graphs.errors import Code, GraphError, LoadError, Problem
from nadoo_graphs.formats import FormatTable
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import OpTable, standard_ops
from nadoo_graphs.parts import Part
from nadoo_graphs.saving.allow_list import allowed_operators
from nadoo_graphs.saving.assembly import assemble, graph_problems, name_problems
from nadoo_graphs.saving.document import GraphDocument, TensorEntry, decode_document
from nadoo_graphs.saving.limits import Limits
from nadoo_graphs.saving.migrations import MIGRATIONS, Migration, migrated
from nadoo_graphs.saving.paths import GRAPH_FILE, SUFFIX, inside, reason, regular_size
from nadoo_graphs.saving.stored import StoredTensor, is_stored_plainly, layout
from nadoo_graphs.saving.strict_json import parse
from nadoo_graphs.saving.tensor_file import Reading, read_tensors
from nadoo_graphs.tensors import DigestMemo, TensorRecord, torch_dtype

STANDARD = Limits()


@frozen
class Trust:
    """What a load may believe beyond a file: tables of ours, and what the user vouches for."""

    ops: OpTable
    formats: FormatTable
    nonfinite: bool
    operators: Collection[str]
    limits: Limits
    migrations: Mapping[int, Migration]


def load(
    folder: str | Path,
    *,
    ops: OpTable | None = None,
    formats: FormatTable | None = None,
    allow_nonfinite: bool = False,
    allow_operators: Collection[str] = (),
    limits: Limits = STANDARD,
    migrations: Mapping[int, Migration] = MIGRATIONS,
) -> ModelGraph:
    """The graph in a folder. Every problem is reported at once as a `LoadError`; nothing is executed or written.

    `allow_nonfinite` admits parameters with NaN or infinities, `allow_operators` opaque operators beyond the list.
    """
    operators = allowed_operators() | set(allow_operators)
    table = ops or standard_ops()
    tables = table, formats or table.formats
    title = f"{str(folder)!r} was refused:"
    try:
        graph, problems = read_graph(Path(folder), Trust(*tables, allow_nonfinite, operators, limits, migrations))
    except GraphError as error:
        raise LoadError(error.problems, title) from error
    except (OSError, ValueError, MemoryError, RecursionError) as error:
        raise LoadError(Problem(Code.DATA, GRAPH_FILE, f"cannot be read: {reason(error)}"), title) from error
    if graph is None or problems:
        raise LoadError(problems, title)
    return graph


def read_graph(home: Path, trust: Trust) -> tuple[ModelGraph | None, list[Problem]]:
    """The graph and everything that is wrong with it; no graph where the document says too little for one."""
    problems: list[Problem] = []
    document = decode_document(Part(read_document(home, trust), problems, GRAPH_FILE))
    if problems:
        return None, problems
    tensors = read_table(
        home, document.tensors_file, [row.stored for row in document.tensors], document, trust, problems
    )
    examples = read_table(home, document.examples_file, document.examples, document, trust, problems)
    names = name_problems(document)
    if names:
        return None, [*problems, *names]
    records = {row.stored.name: record_of(row, tensors, trust) for row in document.tensors}
    graph = assemble(with_examples(document, examples), records, trust.ops)
    return graph, [*problems, *graph_problems(graph, document, trust.operators)]


def read_document(home: Path, trust: Trust) -> Any:
    """The JSON document in the present version."""
    path = inside(home, GRAPH_FILE)
    size = regular_size(path)
    trust.limits.require("document_bytes", size, GRAPH_FILE)
    with path.open("rb") as file:
        document = migrated(parse(file.read(size + 1), GRAPH_FILE), trust.migrations, GRAPH_FILE)
    for key in ("nodes", "tensors"):
        value: Any = document.get(key)
        trust.limits.require(key, len(value) if isinstance(value, Sized) else 0, GRAPH_FILE)
    return document


def read_table(
    home: Path,
    name: str | None,
    table: Sequence[StoredTensor],
    document: GraphDocument,
    trust: Trust,
    problems: list[Problem],
) -> dict[str, torch.Tensor]:
    """The tensors of one data file; what is wrong with it is added to the problems."""
    found = [*file_problems(name, table), *format_problems(table, trust.formats)]
    if found or name is None:
        problems.extend(found)
        return {}
    finite = () if trust.nonfinite else [row.stored.name for row in document.tensors if row.role == "parameter"]
    names = frozenset(finite) if name == document.tensors_file else frozenset[str]()
    try:
        reading = Reading(table, names, trust.formats, trust.limits)
        tensors, complaints = read_tensors(inside(home, name), reading)
    except LoadError as error:
        tensors, complaints = {}, list(error.problems)
    problems.extend(complaints)
    return tensors


def file_problems(name: str | None, table: Sequence[StoredTensor]) -> list[Problem]:
    """Tensors without a file, a file without tensors, or a file of another kind."""
    where = f"{GRAPH_FILE}.files"
    if name is None:
        message = f"names no data file for {len(table)} tensors, such as {table[0].name!r}; add it" if table else ""
        return [Problem(Code.DATA, where, message)] if table else []
    if not table:
        return [Problem(Code.SCHEMA, where, f"names {name[:60]!r}, but no tensor lies there; remove it")]
    if not name.endswith(SUFFIX):
        return [Problem(Code.PATH, where, f"names {name[:60]!r}; a data file ends in {SUFFIX}")]
    return []


def format_problems(table: Sequence[StoredTensor], formats: FormatTable) -> list[Problem]:
    """Formats that no table knows, or that do not go with the dtype."""
    found: list[Problem] = []
    for entry in table:
        try:
            layout(entry.type, formats)
        except GraphError as error:
            where = f"tensor {entry.name!r}"
            found.extend(
                Problem(problem.code, where, f"{problem.where} {problem.message}") for problem in error.problems
            )
    return found


def record_of(row: TensorEntry, tensors: Mapping[str, torch.Tensor], trust: Trust) -> TensorRecord:
    """The record of a tensor; one whose data is bad still has its type, so that the rest can be checked."""
    stored = row.stored
    value = tensors.get(stored.name)
    memo = DigestMemo()
    if value is None:
        value = torch.empty(stored.shape, dtype=torch_dtype(stored.type.dtype), device="meta")
    elif is_stored_plainly(stored.type, trust.formats):
        memo.version, memo.digest = value._version, stored.sha256  # noqa: SLF001
    return TensorRecord(value, row.role, row.persistent, row.trainable, stored.type.format, memo)


def with_examples(document: GraphDocument, examples: Mapping[str, torch.Tensor]) -> GraphDocument:
    """The document with the example inputs in its contract."""
    inputs = tuple(evolve(item, example=examples.get(item.name)) for item in document.contract.inputs)
    return evolve(document, contract=evolve(document.contract, inputs=inputs))

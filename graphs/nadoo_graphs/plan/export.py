"""Exporting a graph as a plan: a document of blocks, and a data file for each tensor, all of it or nothing."""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from nadoo_graphs.errors import Code, GraphError, Problem, SaveError
from nadoo_graphs.formats import FormatTable, standard_formats
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops.structure import OPAQUE
from nadoo_graphs.parts import Part
from nadoo_graphs.plan.check import check_model
from nadoo_graphs.plan.compose import plan_of
from nadoo_graphs.plan.data import DataFile, data_files, located, stored_bytes
from nadoo_graphs.plan.decode import decode_model
from nadoo_graphs.plan.document import MODEL_FILE, PlanModel
from nadoo_graphs.plan.encode import encode_model
from nadoo_graphs.plan.read import STANDARD, constants_of, read_model
from nadoo_graphs.plan.text import text_of
from nadoo_graphs.saving.assembly import guarded
from nadoo_graphs.saving.folder import Commit, committing
from nadoo_graphs.saving.stored import is_finite
from nadoo_graphs.saving.write import custom_problems


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
    stale = referenced(document, table) - {file.name for file in files.values()}
    with committing(home) as commit:
        for name, file in files.items():
            place_file(commit, file, stored_bytes(graph.tensors[name], table))
        commit.commit(MODEL_FILE, lambda path: write_bytes(path, text))
        remove(home, stale)
    return document


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file."""
    path.write_bytes(content)


def place_file(commit: Commit, file: DataFile, content: memoryview) -> None:
    """Write one data file."""
    commit.place(file.name, lambda path: write_bytes(path, content))


def referenced(document: Path, formats: FormatTable) -> set[str]:
    """The data files of the plan that is replaced; none where no plan stands."""
    if not document.is_file():
        return set()
    try:
        model, problems = read_model(document, formats, STANDARD)
    except GraphError:
        return set()
    return set() if problems else {constant.data for constant in constants_of(model).values()}


def remove(home: Path, names: Iterable[str]) -> None:
    """Remove data files that nothing refers to any more; failing is harmless."""
    for name in names:
        with suppress(OSError, GraphError):
            located(home, name).unlink()


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
    """The bytes of a document, read back and judged as an import would judge them."""
    text = text_of(encode_model(model))
    problems: list[Problem] = []
    decoded = decode_model(Part(json.loads(text), problems, MODEL_FILE), formats)
    problems = problems or check_model(decoded, graph.ops, formats, opaque_targets(graph))[1]
    if problems:
        raise SaveError(problems)
    return text


def opaque_targets(graph: ModelGraph) -> frozenset[str]:
    """The operators of torch that a graph calls; whoever exports it vouches for them."""
    return frozenset(str(node.attributes["target"]) for node in graph.nodes(op=OPAQUE))

"""Importing a plan: a document is believed only after everything in it has been checked, and nothing is executed."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from attrs import frozen

from nadoo_graphs.errors import Code, GraphError, LoadError, Problem
from nadoo_graphs.formats import FormatTable, standard_formats
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import OpTable, standard_ops
from nadoo_graphs.parts import Part
from nadoo_graphs.plan.assembly import Assembly
from nadoo_graphs.plan.check import check_model
from nadoo_graphs.plan.data import DataReader
from nadoo_graphs.plan.decode import decode_model
from nadoo_graphs.plan.document import MODEL_FILE, PlanModel, PlanTensor
from nadoo_graphs.saving.allow_list import allowed_operators
from nadoo_graphs.saving.assembly import assemble, graph_problems, name_problems
from nadoo_graphs.saving.document import GraphDocument
from nadoo_graphs.saving.limits import Limits
from nadoo_graphs.saving.paths import reason, regular_size
from nadoo_graphs.saving.strict_json import parse
from nadoo_graphs.tensors import TensorRecord

STANDARD = Limits()


@frozen
class Trust:
    """What an import may believe beyond a file: tables of ours, and what the user vouches for."""

    ops: OpTable
    formats: FormatTable
    nonfinite: bool
    operators: Collection[str]
    limits: Limits


def import_plan(
    path: str | Path,
    *,
    ops: OpTable | None = None,
    formats: FormatTable | None = None,
    allow_nonfinite: bool = False,
    allow_operators: Collection[str] = (),
    limits: Limits = STANDARD,
) -> ModelGraph:
    """The graph of a plan, given as its folder or its document. Every problem is reported at once as a `LoadError`.

    `allow_nonfinite` admits weights with NaN or infinities, `allow_operators` torch's operators beyond the list.
    """
    trust = trusted(ops, formats, allow_nonfinite, allow_operators, limits)
    graph, problems = read_plan(Path(path), trust)
    if graph is None or problems:
        raise LoadError(problems, f"{str(path)!r} was refused:")
    return graph


def validate_plan(
    path: str | Path,
    *,
    ops: OpTable | None = None,
    formats: FormatTable | None = None,
    allow_nonfinite: bool = False,
    allow_operators: Collection[str] = (),
    limits: Limits = STANDARD,
) -> tuple[Problem, ...]:
    """Everything that is wrong with a plan; nothing for one that `import_plan` takes."""
    return read_plan(Path(path), trusted(ops, formats, allow_nonfinite, allow_operators, limits))[1]


def trusted(
    ops: OpTable | None,
    formats: FormatTable | None,
    allow_nonfinite: bool,
    allow_operators: Collection[str],
    limits: Limits,
) -> Trust:
    """What the caller gave, and the standard for the rest."""
    operators = allowed_operators() | set(allow_operators)
    return Trust(ops or standard_ops(), formats or standard_formats(), allow_nonfinite, operators, limits)


def read_plan(path: Path, trust: Trust) -> tuple[ModelGraph | None, tuple[Problem, ...]]:
    """The graph and everything that is wrong with the plan."""
    file = path / MODEL_FILE if path.is_dir() else path
    try:
        graph, problems = checked(file, trust)
    except GraphError as error:
        return None, error.problems
    except (OSError, ValueError, MemoryError, RecursionError) as error:
        return None, (Problem(Code.DATA, file.name, f"cannot be read: {reason(error)}"),)
    return graph, tuple(dict.fromkeys(problems))


def read_model(file: Path, formats: FormatTable, limits: Limits) -> tuple[PlanModel, list[Problem]]:
    """The document of a file, and what is wrong with its form."""
    size = regular_size(file)
    limits.require("document_bytes", size, file.name)
    with file.open("rb") as stream:
        value = parse(stream.read(size + 1), file.name)
    limits.require("nodes", count_items(value), file.name)
    problems: list[Problem] = []
    return decode_model(Part(value, problems, file.name), formats), problems


def count_items(value: Any) -> int:
    """How many items the blocks of a document have, whatever else it may be."""
    return sum(len(entries(block, "layers")) for block in entries(value, "blocks"))


def entries(value: Any, key: str) -> list[Any]:
    """The array under a key, where there is one."""
    found: Any = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    return cast("list[Any]", found) if isinstance(found, list) else []


def checked(file: Path, trust: Trust) -> tuple[ModelGraph | None, list[Problem]]:
    """One import, each step only if those before leave enough to go on."""
    model, problems = read_model(file, trust.formats, trust.limits)
    if problems:
        return None, problems
    blocks, problems = check_model(model, trust.ops, trust.formats, trust.operators)
    reader = DataReader(file.parent, trust.formats, trust.limits, trust.nonfinite or model.meta.allow_nonfinite)
    contents, complaints = reader.read(constants_of(model))
    problems += complaints
    if problems:
        return None, problems
    assembly = Assembly(model, blocks)
    assembly.build()
    if assembly.problems:
        return None, assembly.problems
    document = assembly.document()
    names = name_problems(document)
    if names:
        return None, names
    values = {constant.name: contents[key_of(constant.item)] for constant in assembly.constants.values()}
    graph = assemble(document, records(document, values), trust.ops)
    return graph, graph_problems(graph, document, trust.operators)


def constants_of(model: PlanModel) -> dict[str, PlanTensor]:
    """Every constant once, by its place in the data files."""
    items = (item for block in model.blocks for item in block.items if isinstance(item, PlanTensor))
    return {key_of(item): item for item in items}


def key_of(item: PlanTensor) -> str:
    """How a constant is told from others, and named in messages."""
    return f"tensor {item.name!r} ({item.type}, {item.data!r} at {item.offset}, {item.length}, {item.sha256})"


def records(document: GraphDocument, values: Mapping[str, torch.Tensor]) -> dict[str, TensorRecord]:
    """The tensors with what the document says of them."""
    return {
        row.stored.name: TensorRecord(
            values[row.stored.name], row.role, row.persistent, row.trainable, row.stored.type.format
        )
        for row in document.tensors
    }

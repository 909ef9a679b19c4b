"""The files of an exported folder, and reading them back."""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from attrs import frozen

from nadoo_c.errors import ExportError, unexported
from nadoo_c.printing.build_files import cmake_text, makefile_text, test_text
from nadoo_c.printing.data import vectors_header, vectors_text, weights_text
from nadoo_c.printing.model import Unit, header_text, model_text
from nadoo_c.printing.readme import readme_text
from nadoo_c.vectors import Vectors
from nadoo_graphs.lowered import Program, check
from nadoo_graphs.lowered.reading import read
from nadoo_graphs.lowered.text import text

Array = np.ndarray[Any, Any]
PRINTED_VECTORS = 4
LARGEST_PRINTED = 1 << 16


@frozen(eq=False)
class Folder:
    """What a verification needs of an exported folder."""

    path: Path
    unit: Unit
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    report: dict[str, Any]


def write_folder(
    path: Path, unit: Unit, vectors: Vectors, outputs: tuple[Array, ...], report: Mapping[str, Any]
) -> None:
    """Write everything that a firmware engineer gets."""
    write_sources(path, unit)
    write_results(path, unit, vectors, outputs, report)


def write_sources(path: Path, unit: Unit) -> None:
    """Write the model: what does not depend on any verification, and takes the longest."""
    files = {
        "model.h": header_text(unit),
        "model.c": model_text(unit),
        "weights.c": weights_text(unit),
        "test_model.c": test_text(unit),
        "CMakeLists.txt": cmake_text(unit),
        "Makefile": makefile_text(unit),
        "program.txt": text(unit.program),
    }
    for name, content in files.items():
        (path / name).write_text(content, encoding="utf-8")


def write_results(
    path: Path, unit: Unit, vectors: Vectors, outputs: tuple[Array, ...], report: Mapping[str, Any]
) -> None:
    """Write what was verified and measured beside the model."""
    count = printed(unit, vectors)
    files = {
        "test_vectors.h": vectors_header(unit, count),
        "test_vectors.c": vectors_text(unit, vectors.inputs, outputs, count),
        "README.md": readme_text(unit, report),
        "report.json": json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    }
    for name, content in files.items():
        (path / name).write_text(content, encoding="utf-8")
    arrays = {f"in_{index}": array for index, array in enumerate(vectors.inputs)}
    arrays |= {f"out_{index}": array for index, array in enumerate(outputs)}
    np.savez_compressed(path / "vectors.npz", **arrays)  # type: ignore[arg-type]


def printed(unit: Unit, vectors: Vectors) -> int:
    """How many samples are printed as C: a few, and one of a very large model."""
    elements = sum(buffer.length for _, buffer, _ in unit.parameters())
    return max(1, min(PRINTED_VECTORS, vectors.samples, LARGEST_PRINTED // max(elements, 1)))


def read_folder(path: Path) -> Folder:
    """An exported folder; what is missing or damaged is named."""
    wanted = ("model.c", "model.h", "weights.c", "program.txt", "report.json", "vectors.npz")
    missing = [name for name in wanted if not (path / name).is_file()]
    if missing:
        message = f"lacks {', '.join(missing)}; give a folder that `nadoo export --to c` wrote"
        raise unexported(f"folder {str(path)!r}", message)
    report = read_report(path)
    program = read(program_text(path))
    check(program)
    unit = Unit(program, str(report["name"]))
    return Folder(path, unit, *read_vectors(path, program), report)


def program_text(path: Path) -> str:
    """The lowered program of a folder."""
    try:
        return (path / "program.txt").read_text(encoding="utf-8")
    except ValueError as error:
        raise damaged(path / "program.txt", error) from error


def read_report(path: Path) -> dict[str, Any]:
    """The report of a folder."""
    try:
        report: dict[str, Any] = json.loads((path / "report.json").read_text(encoding="utf-8"))
        str(report["name"])
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path / "report.json", error) from error
    return report


def damaged(path: Path, error: Exception) -> ExportError:
    """The error of a file that cannot be read."""
    return unexported(f"file {str(path)!r}", f"is damaged ({error}); export the model again")


def read_vectors(path: Path, program: Program) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """The inputs and outputs that were verified; nothing is unpickled."""
    try:
        with np.load(path / "vectors.npz", allow_pickle=False) as file:
            inputs = tuple(file[f"in_{index}"] for index in range(len(program.inputs)))
            outputs = tuple(file[f"out_{index}"] for index in range(len(program.outputs)))
    except (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error) as error:
        raise damaged(path / "vectors.npz", error) from error
    return inputs, outputs

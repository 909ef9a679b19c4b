"""Device files: TOML read strictly, so that a misspelt fact or an absurd number cannot become a wrong estimate."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from nadoo_core.cost.calibrated import Calibrated, read_calibration
from nadoo_core.cost.device import Device
from nadoo_core.errors import CoreCode, DeviceError, OptionError, Problem
from nadoo_core.options import did_you_mean, shown, structure, unstructure

SUFFIX = ".toml"
MOST_BYTES = 1024**2
SOURCES, CALIBRATION = "sources", "calibration"
Structured = TypeVar("Structured")


def read_device(path: Path) -> Device:
    """The device of a file, called like the file if it has no name; all that is wrong with it is said at once."""
    tables = read_tables(path, "device file")
    if isinstance(tables.get(CALIBRATION), str):
        tables[CALIBRATION] = beside(path, tables[CALIBRATION])
    return device_of_tables({"name": path.stem.lower(), **tables}, path.name)


def write_device(path: Path, device: Device) -> None:
    """Write a device so that it reads as the same one; the file is there as a whole or not at all."""
    from nadoo_core.options.toml_text import toml_text
    from nadoo_core.store.files import write_whole

    said = {key: value for key, value in unstructure(device).items() if value not in (None, {}, [], "")}
    write_whole(path, toml_text(said).encode())


def read_tables(path: Path, kind: str) -> dict[str, Any]:
    """The tables of a TOML file; `kind` is what messages call such a file."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        problem = Problem(CoreCode.DEVICE, f"{kind} {str(path)!r}", f"cannot be read: {said}")
        raise DeviceError(problem) from error
    return parse_tables(text, path.name)


def parse_tables(text: str, title: str) -> dict[str, Any]:
    """The tables of a text."""
    if len(text) > MOST_BYTES:
        raise DeviceError(Problem(CoreCode.DEVICE, title, f"has more than {MOST_BYTES} bytes; a device takes a page"))
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a number or a nesting is too large"
        raise DeviceError(Problem(CoreCode.DEVICE, title, f"is not TOML: {said}; mend it there")) from error


def beside(path: Path, name: str) -> Calibrated:
    """The calibration that a device file names, which lies beside or below it."""
    folder = path.parent.resolve()
    found = (folder / name).resolve()
    if not found.is_relative_to(folder):
        message = f"is {name!r}, which leads out of the folder of the device file; put the calibration beside it"
        raise DeviceError(Problem(CoreCode.DEVICE, f"{path.name}: {CALIBRATION}", message))
    return read_calibration(found)


def parse_device(text: str, title: str) -> Device:
    """The device of a text; `title` is what messages call it."""
    return device_of_tables(parse_tables(text, title), title)


def device_of_tables(tables: Mapping[str, Any], title: str) -> Device:
    """The device of the tables of a file."""
    sources = tables.get(SOURCES, {})
    given = {key: value for key, value in tables.items() if key != SOURCES}
    problems = list(source_problems(sources, given, title))
    try:
        device = structured(Device, named_sources(given, sources if not problems else {}), title)
    except DeviceError as error:
        raise DeviceError([*problems, *error.problems]) from error
    if problems:
        raise DeviceError(problems)
    return device


def structured(cls: type[Structured], tables: Mapping[str, Any], title: str) -> Structured:
    """The value that tables stand for, or an error that names the file and each field that is wrong."""
    try:
        return structure(cls, tables, title)
    except OptionError as error:
        raise DeviceError(at_field(item, title) for item in error.problems) from error


def at_field(problem: Problem, title: str) -> Problem:
    """A problem with its file and field apart."""
    field = problem.where.removeprefix(title).removeprefix(".")
    return Problem(problem.code, f"{title}: {field}" if field else title, problem.message)


def source_problems(sources: Any, given: Mapping[str, Any], title: str) -> Iterable[Problem]:
    """What is wrong with the list of documents, and with the facts that name them."""
    where = f"{title}: {SOURCES}"
    if not isinstance(sources, Mapping):
        yield Problem(CoreCode.DEVICE, where, f"is {shown(sources)}; give a table of short names and documents")
        return
    documents = cast("Mapping[str, Any]", sources)
    for key, document in documents.items():
        if not isinstance(document, str) or not document:
            yield Problem(CoreCode.DEVICE, f"{where}.{key}", f"is {shown(document)}; give the name of a document")
    if not documents:
        return
    for path, name in used_sources(given):
        if name not in documents:
            message = f"is {shown(name)}, which is not in [sources]; {did_you_mean(name, documents)}"
            yield Problem(CoreCode.DEVICE, f"{title}: {path}.source", message)


def used_sources(value: Any, path: str = "") -> Iterable[tuple[str, str]]:
    """Where a source is named, and which."""
    if not isinstance(value, Mapping):
        return
    table = cast("Mapping[str, Any]", value)
    for key, item in table.items():
        if key == "source" and isinstance(item, str) and "value" in table:
            yield path, item
        yield from used_sources(item, f"{path}.{key}" if path else str(key))


def named_sources(value: Any, sources: Mapping[str, str]) -> Any:
    """The tables with the documents in place of their short names."""
    if not isinstance(value, Mapping):
        return value
    table = cast("Mapping[str, Any]", value)
    return {
        key: sources.get(item, item) if key == "source" and isinstance(item, str) else named_sources(item, sources)
        for key, item in table.items()
    }

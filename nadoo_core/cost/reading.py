"""Device files: TOML read strictly, so that a misspelt fact or an absurd number cannot become a wrong estimate."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from nadoo_core.cost.device import Device
from nadoo_core.errors import CoreCode, DeviceError, OptionError, Problem
from nadoo_core.options import did_you_mean, shown, structure

SUFFIX = ".toml"
MOST_BYTES = 1024**2
SOURCES = "sources"


def read_device(path: Path) -> Device:
    """The device of a file; everything that is wrong with the file is said at once."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        problem = Problem(CoreCode.DEVICE, f"device file {str(path)!r}", f"cannot be read: {said}")
        raise DeviceError(problem) from error
    return parse_device(text, path.name)


def parse_device(text: str, title: str) -> Device:
    """The device of a text; `title` is what messages call it."""
    if len(text) > MOST_BYTES:
        raise DeviceError(Problem(CoreCode.DEVICE, title, f"has more than {MOST_BYTES} bytes; a device takes a page"))
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a number or a nesting is too large"
        raise DeviceError(Problem(CoreCode.DEVICE, title, f"is not TOML: {said}; mend it there")) from error
    return device_of_tables(tables, title)


def device_of_tables(tables: Mapping[str, Any], title: str) -> Device:
    """The device of the tables of a file."""
    sources = tables.get(SOURCES, {})
    given = {key: value for key, value in tables.items() if key != SOURCES}
    problems = list(source_problems(sources, given, title))
    try:
        device = structure(Device, named_sources(given, sources if not problems else {}), title)
    except OptionError as error:
        raise DeviceError([*problems, *(at_field(item, title) for item in error.problems)]) from error
    if problems:
        raise DeviceError(problems)
    return device


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

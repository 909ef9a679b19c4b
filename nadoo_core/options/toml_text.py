"""A document as TOML, which Python reads and does not write; enough for recipes, devices and calibrations."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(document: Mapping[str, Any]) -> str:
    """Plain values first, then a table or a list of tables each; None is left out, as TOML has none."""
    return "\n".join(section(document, ())).lstrip("\n") + "\n"


def section(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """The lines of a table: what fits on a line, then the tables in it that hold tables, each with its heading.

    Below the top a table of plain values stays on the line of its key.
    """
    apart = {key for key, value in table.items() if (holds_tables if path else is_table)(value)}
    listed: set[str] = set() if path else {key for key, value in table.items() if is_table_list(value)}
    yield from entries({key: value for key, value in table.items() if key not in apart | listed})
    for key, value in table.items():
        name = ".".join(map(key_text, (*path, key)))
        if key in apart:
            yield from ("", f"[{name}]", *section(value, (*path, key)))
        for item in value if key in listed else ():
            yield from ("", f"[[{name}]]", *entries(item))


def is_table(value: Any) -> bool:
    """Whether a value has keys."""
    return isinstance(value, Mapping)


def holds_tables(value: Any) -> bool:
    """Whether a value is a table with tables in it, or lists of them."""
    return is_table(value) and any(is_table(item) or is_table_list(item) for item in value.values())


def is_table_list(value: Any) -> bool:
    """Whether a value is a list of tables, such as the steps."""
    return isinstance(value, list | tuple) and bool(value) and all(map(is_table, value))  # pyright: ignore[reportUnknownArgumentType]


def entries(table: Mapping[str, Any]) -> Iterator[str]:
    """One line an entry, nested tables inline; a list of tables has a line for each."""
    return (f"{key_text(key)} = {entry_text(value)}" for key, value in table.items() if value is not None)


def entry_text(value: Any) -> str:
    """A value after its key; only lists may go over lines in TOML."""
    if not is_table_list(value):
        return value_text(value)
    return "\n".join(["[", *(f"    {value_text(item)}," for item in value), "]"])


def key_text(key: str) -> str:
    """A key, in quotes where it needs them."""
    return key if BARE.fullmatch(key) else json.dumps(key)


def value_text(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(value_text(item) for item in value)}]"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, Mapping):
        inside = (f"{key_text(key)} = {value_text(item)}" for key, item in value.items() if item is not None)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return f"{{ {', '.join(inside)} }}" if value else "{}"
    return str(value) if isinstance(value, int) else json.dumps(value)

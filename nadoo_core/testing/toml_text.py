"""A document as TOML, which Python reads and does not write; enough for recipes that are drawn or made by a test."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(document: Mapping[str, Any]) -> str:
    """Plain values first, then a table or a list of tables each; None is left out, as TOML has none."""
    plain = {key: value for key, value in document.items() if not is_table(value) and not is_table_list(value)}
    lines = list(entries(plain))
    for key, value in document.items():
        if is_table(value):
            lines += ["", f"[{key_text(key)}]", *entries(value)]
        for table in value if is_table_list(value) else ():
            lines += ["", f"[[{key_text(key)}]]", *entries(table)]
    return "\n".join(lines).lstrip("\n") + "\n"


def is_table(value: Any) -> bool:
    """Whether a value has keys."""
    return isinstance(value, Mapping)


def is_table_list(value: Any) -> bool:
    """Whether a value is a list of tables, such as the steps."""
    return isinstance(value, list | tuple) and bool(value) and all(map(is_table, value))  # pyright: ignore[reportUnknownArgumentType]


def entries(table: Mapping[str, Any]) -> Iterator[str]:
    """One line an entry, nested tables inline."""
    return (f"{key_text(key)} = {value_text(value)}" for key, value in table.items() if value is not None)


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
        return f"{{ {', '.join(entries(value))} }}" if value else "{}"  # pyright: ignore[reportUnknownArgumentType]
    return str(value) if isinstance(value, int) else json.dumps(value)

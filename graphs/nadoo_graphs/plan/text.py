"""The one text of a document: keys in the order of the schema, floats with 17 digits, short parts on one line.

The same document always gives the same bytes, so a plan can be hashed, and compared line by line by a person.
"""

import json
import math
from typing import Any, cast

WIDTH = 120
DIGITS = ".17g"


def text_of(value: Any) -> bytes:
    """The bytes of a document."""
    return f"{render(value, 0)}\n".encode()


def render(value: Any, depth: int) -> str:
    """A value on one line where it fits, else one line an entry."""
    line = one_line(value)
    if not isinstance(value, dict | list) or len(line) + 2 * depth <= WIDTH:
        return line
    indent = "  " * (depth + 1)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    body = ",\n".join(f"{indent}{entry}" for entry in entries(value, depth + 1))
    return f"{opening}\n{body}\n{'  ' * depth}{closing}"


def entries(value: Any, depth: int) -> list[str]:
    """The entries of a container, each as its own text."""
    if isinstance(value, list):
        return [render(item, depth) for item in cast("list[Any]", value)]
    pairs = cast("dict[str, Any]", value).items()
    return [f"{quoted(key)}: {render(item, depth)}" for key, item in pairs]


def one_line(value: Any) -> str:
    """A value without a line break."""
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return f"{{{', '.join(f'{quoted(key)}: {one_line(item)}' for key, item in pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(one_line(item) for item in cast('list[Any]', value))}]"
    return number(value) if isinstance(value, float) else quoted(value)


def quoted(value: Any) -> str:
    """A text, an integer, true, false or null as JSON has it."""
    return json.dumps(value, ensure_ascii=False)


def number(value: float) -> str:
    """A float with as many digits as tell it from every other, and a point or an exponent that tell it is one."""
    if not math.isfinite(value):
        message = f"{value} is not a JSON number"
        raise ValueError(message)
    digits = format(value, DIGITS)
    return digits if {".", "e"} & set(digits) else f"{digits}.0"

"""What all parts of a plan have in common: keys that extend them, identifiers, and one thing or several."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nadoo_graphs.errors import Code
from nadoo_graphs.parts import NOTHING, Part, shown

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
EXTENSION = "x_"
ORIGIN = "x_origin"


def opened(
    part: Part, required: Sequence[str], optional: Mapping[str, Any] = NOTHING
) -> tuple[dict[str, Part], dict[str, Any]]:
    """The entries of an object, and apart from them the keys that extend it and that nobody here understands."""
    given = part.mapping()
    extra = {key: value for key, value in given.items() if key.startswith(EXTENSION) and key not in optional}
    if not extra:
        return part.fields(required, optional), extra
    known = Part({key: value for key, value in given.items() if key not in extra}, part.problems, part.key, part.parent)
    known.title = part.title
    return known.fields(required, optional), extra


def identifier(part: Part) -> str:
    """A name of letters, digits and _, a letter first."""
    name = part.name()
    if name and not IDENTIFIER.fullmatch(name):
        part.refuse(f"{shown(name)} is no identifier; use letters, digits and _, a letter first", Code.NAME)
    return name


def several(part: Part) -> list[Part]:
    """One thing without brackets, or all in an array."""
    return part.items() if isinstance(part.value, list) else [part]


def as_identifier(text: str) -> str:
    """A text as an identifier that no port can be: what is not allowed becomes _."""
    name = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text) or "_"
    return f"_{name}" if name[0].isdigit() or name[0] in "XY" else name

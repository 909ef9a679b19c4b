"""How messages show a value, and the nearest right spelling of a wrong name."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

LONGEST = 80
MOST_LISTED = 20


def shown(value: Any) -> str:
    """A value as a person would have written it, cut where it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a table"
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write down integers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The advice about a name that does not exist: the nearest ones, or else all of them."""
    known = sorted(set(names))
    near = get_close_matches(name, known, 3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    if not known:
        return "there are none"
    more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    return f"allowed: {', '.join(known[:MOST_LISTED])}{more}"

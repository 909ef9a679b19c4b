"""Values of a recipe that somebody else will read: numbers, texts, lists and tables, with nothing odd among them."""

import math
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from nadoo_core.options import Place, shown
from nadoo_core.options.bounds import HIGHEST, LOWEST

ALLOWED = "a text, a number, true, false, a list or a table"
DEEPEST = 32
Value = TypeVar("Value")


class PlainTable(dict[str, Any]):
    """The annotation of a table with keys of any name, whose values are as TOML has them but for its traps.

    TOML knows nan, infinities, integers of any length and dates; none of them is what a recipe means.
    """

    option_text = "a table"

    @classmethod
    def read_option(cls, value: Any, place: Place, _arguments: tuple[Any, ...]) -> Any:
        """The table, or the mark of a failed reading with every odd value noted."""
        if not isinstance(value, Mapping):
            return place.refuse(f"is {shown(value)}; give a table")
        before = len(place.problems)
        check_plain(value, place)
        return cls(cast("Mapping[str, Any]", value)) if before == len(place.problems) else place_failed(place)

    @classmethod
    def option_schema(cls, _arguments: tuple[Any, ...]) -> dict[str, Any]:
        """Any object."""
        return {"type": "object"}


def place_failed(place: Place) -> Any:
    """The mark of a failed reading whose reasons are noted already."""
    return place.trial().refuse("")


def check_plain(value: Any, place: Place, depth: int = 0) -> None:
    """Note every value that a recipe cannot mean, however deep it lies."""
    if depth > DEEPEST:
        place.refuse(f"is nested more than {DEEPEST} times; flatten it")
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[str, Any]", value).items():
            check_plain(item, place.key(key), depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast("list[Any]", value)):
            check_plain(item, place.item(index), depth + 1)
    else:
        check_single(value, place)


def check_single(value: Any, place: Place) -> None:
    """Note a single value that is no text, truth value, integer of 64 bits or finite number."""
    if isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if not LOWEST <= value <= HIGHEST:
            place.refuse(f"is {shown(value)}; give an integer from -2^63 to 2^63 - 1")
        return
    if not isinstance(value, float):
        place.refuse(f"is {type(value).__name__} {value}; give {ALLOWED}")
    elif not math.isfinite(value):
        place.refuse(f"is {shown(value)}; give a finite number")


def copied(value: Value) -> Value:
    """A plain value with tables and lists of its own, so that merging never changes what it was merged from."""
    if isinstance(value, dict):
        return cast("Value", {key: copied(item) for key, item in cast("dict[str, Any]", value).items()})
    if isinstance(value, list):
        return cast("Value", [copied(item) for item in cast("list[Any]", value)])
    return value

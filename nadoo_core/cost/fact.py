"""A fact about hardware: a number with the document that it comes from, and how far that can be trusted."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, cast

from attrs import evolve, frozen

from nadoo_core.errors import CoreCode
from nadoo_core.options import FAILED, Bounds, Place, did_you_mean, json_schema, read, shown

Quality: TypeAlias = Literal["measured", "datasheet", "vendor_page", "secondary", "derived", "memory", "stated"]
"""How a number is known, the best first: measured, printed by the maker, repeated by others, computed, or recalled.

"stated" marks what a caller said about a device of their own.
"""
MEANINGS: Mapping[str, str] = {
    "measured": "measured, or counted in an emulator",
    "datasheet": "printed in the maker's data sheet or manual",
    "vendor_page": "said on a page of the maker",
    "secondary": "said by somebody else about the maker's part",
    "derived": "computed from other facts, as the note says",
    "memory": "common knowledge that was not looked up",
    "stated": "said by whoever described the device",
}
PLAIN_SOURCE = "stated without a source"
Value = TypeVar("Value", float, int, bool)
KEYS = ("value", "source", "quality", "note", "verified")
Sentence: TypeAlias = Annotated[str, Bounds(min_length=1, max_length=500)]


@frozen
class Fact(Generic[Value]):
    """One number or yes-or-no with where it comes from; a fact that is not known is absent and never a guess."""

    option_text: ClassVar[str] = "a number, or a table with the keys value, source and quality"

    value: Value
    source: str
    quality: Quality
    note: str = ""
    verified: bool = False
    """Whether the document itself was looked at when the number was written down."""

    @classmethod
    def read_option(cls, value: Any, place: Place, arguments: tuple[Any, ...]) -> Any:
        """A fact from its table, or from a plain number, which its file states without a source."""
        kind = arguments[0] if arguments else float
        if isinstance(value, cls):
            found = read(kind, value.value, place)
            return FAILED if found is FAILED else evolve(value, value=found)
        if isinstance(value, int | float | str):
            found = read(kind, value, place)
            return FAILED if found is FAILED else cls(found, PLAIN_SOURCE, "stated")
        if not isinstance(value, Mapping):
            return place.refuse(f"is {shown(value)}; give {cls.option_text}")
        return read_fact(cls, cast("Mapping[Any, Any]", value), place, kind)

    @classmethod
    def option_schema(cls, arguments: tuple[Any, ...]) -> dict[str, Any]:
        """The table, for editors."""
        properties = {
            "value": json_schema(arguments[0] if arguments else float),
            "source": {"type": "string", "minLength": 1},
            "quality": json_schema(Quality),
            "note": {"type": "string"},
            "verified": {"type": "boolean"},
        }
        required = ["value", "source", "quality"]
        table = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        return {"anyOf": [properties["value"], table]}

    def write_option(self) -> dict[str, Any]:
        """The table that reads as this fact."""
        table = {"value": self.value, "source": self.source, "quality": self.quality}
        more = {"note": self.note, "verified": self.verified}
        return {**table, **{key: said for key, said in more.items() if said}}


def read_fact(cls: type[Fact[Any]], table: Mapping[Any, Any], place: Place, kind: Any) -> Any:
    """The parts of a fact; all that is wrong with them is noted."""
    before = len(place.problems)
    for key in table:
        if key not in KEYS:
            message = f"the key {shown(key)} is unknown; {did_you_mean(str(key), KEYS)}"
            place.refuse(message, CoreCode.UNKNOWN_KEY)
    plain = evolve(place, bounds=Bounds(), unit=None)
    kinds = {"source": Sentence, "quality": Quality, "note": str, "verified": bool}
    parts = {key: read(kinds[key], table[key], plain.key(key)) for key in kinds if key in table}
    if "value" in table:
        parts["value"] = read(kind, table["value"], evolve(place.key("value"), bounds=place.bounds))
    for key in ("value", "source", "quality"):
        if key not in table:
            place.refuse(
                f"the key {key!r} is missing; a fact has a value, a source and a quality", CoreCode.MISSING_KEY
            )
    return FAILED if len(place.problems) > before else cls(**parts)

"""Reading a JSON document strictly: what it says, or everything that is wrong with it.

A `Part` is one place in a document. Each of its methods gives what it promises, or notes a problem and gives something
harmless of the same kind, so that one pass over a document finds all of its problems.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from nadoo_graphs.building import LONGEST_NAME
from nadoo_graphs.errors import Code, Problem

LONGEST_TEXT = 65_536
LOWEST = -(2**63)
HIGHEST = 2**63 - 1
LONGEST_SHOWN = 60
MOST_SHOWN_BITS = 65
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Part:
    """One value in a document, where it stands, and the list that takes what is wrong with it."""

    __slots__ = ("key", "parent", "problems", "title", "value")

    def __init__(self, value: Any, problems: list[Problem], key: str | int = "", parent: "Part | None" = None) -> None:
        self.value = value
        self.problems = problems
        self.key = key
        self.parent = parent
        self.title = ""

    @property
    def where(self) -> str:
        """The path from the root of the document; a part with a title is named by it too."""
        title = f" {shown(self.title)}" if self.title else ""
        if self.parent is None:
            return f"{self.key}{title}"
        named = isinstance(self.key, str) and self.key.isidentifier() and len(self.key) <= LONGEST_SHOWN
        step = f".{self.key}" if named else f"[{shown(self.key)}]"
        return f"{self.parent.where}{step}{title}"

    def entitle(self, key: str) -> None:
        """Let a text inside an object stand in the path of all that is said of the object."""
        title = cast("dict[str, Any]", self.value).get(key) if isinstance(self.value, dict) else None
        self.title = title if isinstance(title, str) else ""

    def refuse(self, message: str, code: Code = Code.SCHEMA) -> None:
        """Note what is wrong here."""
        self.problems.append(Problem(code, self.where, message))

    def expected(self, what: str) -> None:
        """Note that something else stands here."""
        self.refuse(f"must be {what}, not {shown(self.value)}")

    def fields(self, required: Sequence[str], optional: Mapping[str, Any] = NOTHING) -> dict[str, "Part"]:
        """The entries of an object with known keys; what is optional and absent has the value given for it."""
        given = self.mapping()
        found = {key: Part(given.get(key, default), self.problems, key, self) for key, default in optional.items()}
        for key in required:
            found[key] = self.child(given[key], key) if key in given else self.missing(key)
        if len(given) > len(found) or not given.keys() <= found.keys():
            for key in sorted(given.keys() - found.keys()):
                self.refuse(f"unknown key {shown(key)}; allowed: {', '.join(sorted(found))}")
        return found

    def missing(self, key: str) -> "Part":
        """Note that a key is missing; what is read in its place takes its complaints nowhere."""
        if isinstance(self.value, dict):
            self.refuse(f"key {key!r} is missing; add it")
        return Part(None, [], key, self)

    def mapping(self) -> Mapping[str, Any]:
        """An object with any keys."""
        if isinstance(self.value, dict):
            return cast("dict[str, Any]", self.value)
        self.expected("an object")
        return {}

    def members(self) -> dict[str, "Part"]:
        """The entries of an object whose keys are names."""
        given = self.mapping()
        for key in given:
            self.child(key, "key").name()
        return {key: self.child(value, key) for key, value in given.items()}

    def items(self) -> list["Part"]:
        """The elements of an array."""
        if isinstance(self.value, list):
            return [self.child(item, index) for index, item in enumerate(cast("list[Any]", self.value))]
        self.expected("an array")
        return []

    def child(self, value: Any, key: str | int) -> "Part":
        """A part of this part."""
        return Part(value, self.problems, key, self)

    def text(self, longest: int = LONGEST_TEXT) -> str:
        """A text of bounded length that UTF-8 can hold."""
        if not isinstance(self.value, str):
            self.expected("a text")
            return ""
        if len(self.value) > longest:
            self.refuse(f"has {len(self.value)} characters; at most {longest} are read", Code.LIMIT)
        elif not encodable(self.value):
            self.refuse("holds half of a surrogate pair, which no text may; replace it")
        else:
            return self.value
        return ""

    def name(self) -> str:
        """A name: printable and neither empty nor long."""
        name = self.text(LONGEST_NAME)
        if isinstance(self.value, str) and (not self.value or not self.value.isprintable()):
            message = f"is not a name: 1 to {LONGEST_NAME} printable characters are allowed"
            self.refuse(f"{shown(self.value)} {message}", Code.NAME)
        return name

    def choice(self, allowed: Iterable[str], code: Code = Code.SCHEMA) -> str:
        """One of a few texts; the first of them stands in for anything else."""
        options = tuple(allowed)
        if isinstance(self.value, str) and self.value in options:
            return self.value
        self.refuse(f"is {shown(self.value)}; allowed: {', '.join(options)}", code)
        return options[0]

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.expected("true or false")
        return self.value is True

    def integer(self, lowest: int = LOWEST, highest: int = HIGHEST) -> int:
        """An integer within bounds; true and 1.0 are none."""
        if type(self.value) is not int:
            self.expected("an integer")
        elif not lowest <= self.value <= highest:
            self.refuse(f"is {shown(self.value)}; it must be from {lowest} to {highest}", Code.LIMIT)
        else:
            return self.value
        return max(0, lowest)

    def nothing(self) -> bool:
        """Whether null stands here."""
        return self.value is None


def shown(value: Any) -> str:
    """A value as a message shows it: short, whatever it is."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and value.bit_length() > MOST_SHOWN_BITS:
        return f"a number of {value.bit_length()} bits"
    text = repr(value[:LONGEST_SHOWN]) if isinstance(value, str) else repr(value)
    return f"{text}…" if isinstance(value, str) and len(value) > LONGEST_SHOWN else text


def encodable(text: str) -> bool:
    """Whether UTF-8 can hold a text; JSON can name half a surrogate pair, which it cannot."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)

"""Values by layer: `{"layer1.*" = "int4", "head" = "int8"}`, or one value for all of them."""

import fnmatch
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from attrs import field, frozen

from nadoo_core.errors import CoreCode, Problem
from nadoo_core.options import FAILED, Place, did_you_mean, json_schema, read, shown
from nadoo_core.options.writing import unstructure
from nadoo_graphs.node import frozen_mapping

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.node import Node

Held = TypeVar("Held")
EVERY = "*"
WILD = frozenset("*?[")


@frozen
class LayerTable(Generic[Held]):
    """Globs of node names with a value each; the most specific glob wins, and of equals the one listed last."""

    option_text: ClassVar[str] = "one value for all, or a table of globs of node names and values"

    entries: Mapping[str, Held] = field(converter=frozen_mapping)

    @classmethod
    def read_option(cls, value: Any, place: Place, arguments: tuple[Any, ...]) -> Any:
        """A table of globs, or one value for every node."""
        given: Any = cast("LayerTable[Any]", value).entries if isinstance(value, LayerTable) else value
        kind = arguments[0] if arguments else Any
        if not isinstance(given, Mapping):
            found = read(kind, given, place)
            return found if found is FAILED else cls({EVERY: found})
        table = cast("Mapping[str, Any]", given)
        if not table:
            return place.refuse("is an empty table; give at least one glob, such as '*'")
        entries = {glob: read(kind, item, place.key(glob)) for glob, item in table.items()}
        return FAILED if any(item is FAILED for item in entries.values()) else cls(entries)

    def write_option(self) -> Any:
        """The table, or the one value that all nodes have."""
        only = unstructure(self.entries.get(EVERY))
        return only if set(self.entries) == {EVERY} and not isinstance(only, dict) else unstructure(self.entries)

    @classmethod
    def option_schema(cls, arguments: tuple[Any, ...]) -> dict[str, Any]:
        """One value, or a table of them."""
        held = json_schema(arguments[0] if arguments else Any)
        return {"anyOf": [held, {"type": "object", "minProperties": 1, "additionalProperties": held}]}

    def value(self, node: "Node | str", default: Held | None = None) -> Held | None:
        """The value for a node, or the default where no glob fits its name."""
        name = node if isinstance(node, str) else node.name
        fitting = [glob for glob in self.entries if fnmatch.fnmatchcase(name, glob)]
        return self.entries[max(reversed(fitting), key=specificity)] if fitting else default

    def problems(self, graph: "ModelGraph", where: str) -> list[Problem]:
        """Globs that fit no node."""
        return [
            Problem(CoreCode.SELECTOR, where, f"{shown(glob)} fits no node; {did_you_mean(glob, names(graph))}")
            for glob in self.entries
            if not any(fnmatch.fnmatchcase(name, glob) for name in names(graph))
        ]


def names(graph: "ModelGraph") -> Iterator[str]:
    """The names that a glob may fit; an input is a value like others, whose format may be chosen."""
    return (node.name for node in graph.nodes() if node.op != "output")


def specificity(glob: str) -> tuple[bool, int]:
    """A name without wildcards is more specific than any glob, and among globs the one with more letters."""
    return not WILD & set(glob), sum(character not in WILD for character in glob)

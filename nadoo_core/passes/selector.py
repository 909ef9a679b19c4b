"""Selectors: which nodes a pass works on, as a recipe says it; one that fits nothing stops the run."""

import fnmatch
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast

from attrs import evolve, field, frozen

from nadoo_core.errors import CoreCode, Problem
from nadoo_core.options import FAILED, Place, did_you_mean, json_schema, option, option_fields, option_metadata, shown
from nadoo_core.options.reading import read_class
from nadoo_core.options.schema import field_schema
from nadoo_core.options.writing import unstructure

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.node import Node

Take: TypeAlias = Literal["all", "first", "last"]
UNTOUCHABLE = frozenset({"input", "output", "opaque"})
"""The border, and what no row describes: no selector hands these to a pass."""
ONLY_BY_NAME = frozenset({"tensor", "write"})
"""Operators that are no work of the model; they are selected only where they are asked for."""
TEXT_LISTS = ("op", "name", "module", "exclude")


def texts(value: str | Iterable[str]) -> tuple[str, ...]:
    """One text or several."""
    return (value,) if isinstance(value, str) else tuple(value)


@frozen(kw_only=True)
class Selector:
    """Nodes by operator, name, module type and size; what it leaves open in op and module is as the pass has it.

    Short forms: a text or list of texts is `name`, "first" and "last" are `take`.
    """

    option_text: ClassVar[str] = "a glob of node names, a list of them, 'first', 'last' or a table"

    op: tuple[str, ...] = field(default=(), converter=texts, metadata=option_metadata("operators, such as linear"))
    name: tuple[str, ...] = field(default=(), converter=texts, metadata=option_metadata("globs of node names"))
    module: tuple[str, ...] = field(
        default=(), converter=texts, metadata=option_metadata("globs of module types, such as BasicBlock")
    )
    exclude: tuple[str, ...] = field(default=(), converter=texts, metadata=option_metadata("globs of names to spare"))
    min_parameters: int | None = option(default=None, minimum=0, help="least number of elements in a node's tensors")
    max_parameters: int | None = option(default=None, minimum=0, help="largest number of elements in its tensors")
    take: Take = option(default="all", help="all that fit, or only the first or last in order of execution")

    # --- reading and writing --------------------------------------------------------------------------------------

    @classmethod
    def read_option(cls, value: Any, place: Place, arguments: tuple[Any, ...]) -> Any:
        """Any of the short forms, a table, or a selector; completed by the default of the option."""
        default = place.default if isinstance(place.default, Selector) else cls()
        table = value if isinstance(value, cls) else as_table(value)
        if table is None:
            return place.refuse(f"is {shown(value)}; give {cls.option_text}")
        found = read_class(cls, table, place)
        return found if found is FAILED else cast(Selector, found).completed(default)

    def completed(self, default: "Selector") -> "Selector":
        """The selector with operators and module types of another one where it names none."""
        return evolve(self, op=self.op or default.op, module=self.module or default.module)

    def write_option(self) -> dict[str, Any]:
        """What a recipe would say: the parts that are not as by default."""
        said = {item.key: (getattr(self, item.attribute), item.default_value()) for item in option_fields(type(self))}
        return {key: unstructure(value) for key, (value, default) in said.items() if value != default}

    @classmethod
    def option_schema(cls, arguments: tuple[Any, ...]) -> dict[str, Any]:
        """The short forms and the table."""
        globs = json_schema(str | tuple[str, ...])
        properties = {item.key: field_schema(item) for item in option_fields(cls)}
        for key in TEXT_LISTS:
            properties[key] = {**globs, "description": properties[key]["description"]}
        table = {"type": "object", "properties": properties, "additionalProperties": False}
        return {"anyOf": [*globs["anyOf"], table]}

    # --- looking --------------------------------------------------------------------------------------------------

    def matches(self, graph: "ModelGraph") -> tuple["Node", ...]:
        """The nodes that fit, in order of execution."""
        found = tuple(node for node in graph.nodes() if self.admits(node) and self.admits_size(graph, node))
        return {"all": found, "first": found[:1], "last": found[-1:]}[self.take]

    def admits(self, node: "Node") -> bool:
        """Whether a node fits but for its size."""
        if node.op in UNTOUCHABLE or (node.op in ONLY_BY_NAME and node.op not in self.op):
            return False
        module = node.origin.module_type
        return (
            fits(node.op, self.op)
            and fits(node.name, self.name)
            and (fits(module, self.module) or fits(module.rpartition(".")[2], self.module))
            and not (self.exclude and fits(node.name, self.exclude))
        )

    def admits_size(self, graph: "ModelGraph", node: "Node") -> bool:
        """Whether a node's tensors hold as many elements as they should."""
        if self.min_parameters is None and self.max_parameters is None:
            return True
        size = sum(graph.tensor(name).numel() for name in set(node.tensors.values()))
        least, most = self.min_parameters, self.max_parameters
        return (least is None or size >= least) and (most is None or size <= most)

    def problems(self, graph: "ModelGraph", where: str) -> list[Problem]:
        """Parts that fit nothing in a graph, each with its nearest spelling; else that the whole fits nothing."""
        nodes = [node for node in graph.nodes() if node.op not in UNTOUCHABLE]
        names = [node.name for node in nodes]
        full = [node.origin.module_type for node in nodes if node.origin.module_type]
        types = [*full, *(item.rpartition(".")[2] for item in full)]
        parts = {
            "op": (self.op, [*graph.ops.by_name, *(node.op for node in nodes)], [node.op for node in nodes]),
            "name": (self.name, names, names),
            "module": (self.module, types, types),
            "exclude": (self.exclude, names, names),
        }
        found = [
            Problem(CoreCode.SELECTOR, f"{where}.{part}", f"{shown(glob)} fits no node; {did_you_mean(glob, offered)}")
            for part, (globs, known, offered) in parts.items()
            for glob in globs
            if not any(fnmatch.fnmatchcase(item, glob) for item in known)
        ]
        return found if found or self.matches(graph) else [self.nothing_fits(graph, where)]

    def nothing_fits(self, graph: "ModelGraph", where: str) -> Problem:
        """The complaint of a selector whose parts are fine, but together leave nothing."""
        present = sorted({node.op for node in graph.nodes() if node.op not in UNTOUCHABLE})
        said = ", ".join(f"{key} = {shown(value)}" for key, value in self.write_option().items()) or "any node"
        message = f"fits no node of {graph.name!r} ({said}); the graph has the operators {', '.join(present) or 'none'}"
        return Problem(CoreCode.SELECTOR, where, f"{message}; change it, or set allow_no_change = true")


def fits(text: str, globs: tuple[str, ...]) -> bool:
    """Whether one of the globs fits, or there are none."""
    return not globs or any(fnmatch.fnmatchcase(text, glob) for glob in globs)


def as_table(value: Any) -> dict[str, Any] | None:
    """A short form as the table that it stands for; None for what is no form of a selector."""
    if isinstance(value, str):
        return {"take": value} if value in {"first", "last"} else {"name": (value,)}
    if isinstance(value, list | tuple):
        return {"name": value}
    if not isinstance(value, dict):
        return None
    table = cast("dict[str, Any]", value)
    return {key: (item,) if key in TEXT_LISTS and isinstance(item, str) else item for key, item in table.items()}

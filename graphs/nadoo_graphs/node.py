"""What stands at a vertex of the graph: one application of one operator."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias, TypeVar

from attrs import evolve, field, frozen

from nadoo_graphs.sizes import Symbolic
from nadoo_graphs.values import ValueType

Attribute: TypeAlias = bool | int | float | str | Symbolic | tuple["Attribute", ...] | None
Key = TypeVar("Key")
Held = TypeVar("Held")

INPUT = "input"
OUTPUT = "output"
TENSOR = "tensor"


def frozen_mapping(mapping: Mapping[Key, Held]) -> Mapping[Key, Held]:
    """A mapping that nobody can write to, not even through the one it was made from."""
    return mapping if isinstance(mapping, MappingProxyType) else MappingProxyType(dict(mapping))


@frozen
class Origin:
    """Where a node comes from: the module it was in, the user's line, and the nodes that a pass made it from."""

    module: str = ""
    module_type: str = ""
    source: str = ""
    nodes: tuple[str, ...] = ()


@frozen
class Node:
    """One application of an operator; operands are not here but on the edges, so that rewiring leaves nodes alone."""

    name: str
    op: str
    attributes: Mapping[str, Attribute] = field(factory=dict[str, Attribute], converter=frozen_mapping, hash=False)
    tensors: Mapping[str, str] = field(factory=dict[str, str], converter=frozen_mapping, hash=False)
    outputs: tuple[ValueType, ...] = ()
    origin: Origin = Origin()

    @property
    def type(self) -> ValueType:
        """The type of the first output, which for most operators is the only one."""
        return self.outputs[0]

    def with_outputs(self, outputs: tuple[ValueType, ...]) -> "Node":
        """The same application with other output types."""
        return evolve(self, outputs=outputs)


@frozen
class NodeSpec:
    """A node that an edit is asked to make; its output types are inferred, its name may be left to the graph."""

    op: str
    attributes: Mapping[str, Attribute] = field(factory=dict[str, Attribute], converter=frozen_mapping)
    tensors: Mapping[str, object] = field(factory=dict[str, object], converter=frozen_mapping)
    name: str | None = None

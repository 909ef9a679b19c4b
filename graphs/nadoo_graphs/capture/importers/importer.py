"""How one ATen call becomes one row of the operator table.

An importer is a function from the call's arguments, by their schema names with defaults filled in, to an `Imported`;
None means that the row does not describe this use, and the call stays as an opaque node.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import field, frozen

from nadoo_graphs.node import Attribute
from nadoo_graphs.sizes import Symbolic
from nadoo_graphs.values import Value, ValueType


@frozen
class TensorName:
    """A parameter, buffer or constant of the model, used directly as an argument."""

    name: str


Tensorial: TypeAlias = Value | TensorName
Argument: TypeAlias = bool | int | float | str | Symbolic | Value | TensorName | tuple["Argument", ...] | None


@frozen
class AtenCall:
    """One call of an ATen overload: dtypes, devices and memory formats are texts, sizes may be symbolic."""

    overload: str
    arguments: Mapping[str, Argument]
    outputs: tuple[ValueType, ...]
    type_of: Callable[[Tensorial], ValueType]

    def __getitem__(self, name: str) -> Argument:
        return self.arguments[name]

    def values(self, *names: str) -> tuple[Tensorial, ...] | None:
        """The named arguments when all of them are tensors; None when one is a number."""
        found = tuple(self.arguments[name] for name in names)
        return found if all(isinstance(item, Value | TensorName) for item in found) else None  # type: ignore[return-value]


@frozen
class Imported:
    """The row's name, operands in order, tensors by role, and attributes."""

    op: str
    operands: tuple[Tensorial, ...]
    tensors: Mapping[str, Tensorial] = field(factory=dict[str, Tensorial])
    attributes: Mapping[str, Attribute] = field(factory=dict[str, Attribute])


Importer: TypeAlias = Callable[[AtenCall], Imported | None]

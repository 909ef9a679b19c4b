"""What the tests of layers share: a row's call on real tensors, inferred, executed and counted."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from torch import Tensor

from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops import Call, Op, Run
from nadoo_graphs.sizes import Size
from nadoo_graphs.values import ValueType


def type_of(tensor: Tensor) -> ValueType:
    """The type that a tensor has."""
    return ValueType(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def optional(**tensors: Tensor | None) -> dict[str, Tensor]:
    """The tensors that are there, by role."""
    return {role: tensor for role, tensor in tensors.items() if tensor is not None}


@frozen
class Use:
    """One row applied to tensors; types that no tensor has, such as symbolic ones, are given instead of tensors."""

    row: Op
    operands: Sequence[Any]
    tensors: Mapping[str, Any]
    attributes: Mapping[str, Attribute]

    @property
    def call(self) -> Call:
        """What inference sees, after the row has checked its attributes."""
        attributes = self.row.complete(self.attributes)
        problems = self.row.problems("layer", attributes)
        if problems:
            raise GraphError(problems)
        operands = tuple(known(item) for item in self.operands)
        tensors = {role: known(item) for role, item in self.tensors.items()}
        return Call("layer", self.row.name, operands, tensors, attributes)

    @property
    def types(self) -> tuple[ValueType, ...]:
        """The inferred types."""
        return self.row.infer(self.call)

    @property
    def macs(self) -> Size:
        """The counted multiply-accumulates."""
        return self.row.macs(self.call, self.types)

    @property
    def elementary(self) -> Size:
        """The counted elementary operations."""
        return self.row.elementary(self.call, self.types)

    def run(self, *, training: bool = False) -> Any:
        """What torch computes."""
        attributes = self.row.complete(self.attributes)
        if self.row.execute is not None:
            return self.row.execute(Run(tuple(self.operands), self.tensors, attributes))
        assert self.row.module is not None
        return self.row.module(attributes).train(training)(*self.operands, **self.tensors)

    def outputs(self) -> tuple[Tensor, ...]:
        """What torch computes, as a tuple."""
        found = self.run()
        return (found,) if isinstance(found, Tensor) else tuple(found)


def known(item: Any) -> ValueType:
    """A type given as such, or a tensor's."""
    return type_of(item) if isinstance(item, Tensor) else item


def use(
    rows: Sequence[Op], name: str, *operands: Any, tensors: Mapping[str, Any] | None = None, **attributes: Any
) -> Use:
    """The row of a name among a family's, applied."""
    row = next(row for row in rows if row.name == name)
    return Use(row, operands, tensors or {}, attributes)


def same_as_torch(applied: Use) -> bool:
    """Whether inference gives exactly the shapes and dtypes that torch gives."""
    return applied.types == tuple(type_of(output) for output in applied.outputs())


def agrees(applied: Use) -> bool:
    """Whether inference and torch give the same types, or neither gives anything."""
    try:
        inferred = applied.types
    except GraphError:
        return gives_nothing(applied)
    return inferred == tuple(type_of(output) for output in applied.outputs())


def gives_nothing(applied: Use) -> bool:
    """Whether torch raises, or gives an output without elements, as some of its kernels do where others raise."""
    try:
        return not all(output.numel() for output in applied.outputs())
    except (RuntimeError, IndexError, ValueError):
        return True

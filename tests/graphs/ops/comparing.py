"""What the tests of rows share: a row's inference and execution held against what torch gives."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from attrs import frozen
from hypothesis import strategies as st
from torch import Tensor

from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops import Call, Op, Run
from nadoo_graphs.sizes import Size, Symbolic, bind, symbol
from nadoo_graphs.values import ValueType

DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
BATCH = symbol("N")


def by_name(rows: Iterable[Op]) -> dict[str, Op]:
    """Rows as a test asks for them."""
    return {row.name: row for row in rows}


def type_of(tensor: Tensor) -> ValueType:
    """The type that a tensor really has."""
    return ValueType(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def types_of(result: Any) -> tuple[ValueType, ...]:
    """The types of all results of an execution."""
    return tuple(map(type_of, result)) if isinstance(result, tuple | list) else (type_of(result),)


def infer(
    row: Op,
    operands: Iterable[ValueType],
    attributes: Mapping[str, Attribute] | None = None,
    tensors: Mapping[str, ValueType] | None = None,
) -> tuple[ValueType, ...]:
    """A row's inference, its attributes checked and completed as a graph does it."""
    return row.infer(call(row, operands, attributes, tensors))


def call(
    row: Op,
    operands: Iterable[ValueType],
    attributes: Mapping[str, Attribute] | None = None,
    tensors: Mapping[str, ValueType] | None = None,
) -> Call:
    """What inference and counting see."""
    given = row.complete(attributes or {})
    assert row.problems("tested", given) == []
    return Call("tested", row.name, tuple(operands), tensors or {}, given)


def execute(
    row: Op,
    operands: Iterable[Any],
    attributes: Mapping[str, Attribute] | None = None,
    tensors: Mapping[str, Any] | None = None,
) -> Any:
    """A row's execution, or its module's in evaluation."""
    given = row.complete(attributes or {})
    if row.module is not None:
        return row.module(given).eval()(*operands, **(tensors or {}))
    assert row.execute is not None
    return row.execute(Run(tuple(operands), tensors or {}, given))


def agree(row: Op, operands: tuple[Tensor, ...], attributes: Mapping[str, Attribute] | None = None) -> None:
    """Inference gives what torch gives, and refuses exactly what torch refuses."""
    expected = attempt(lambda: types_of(execute(row, operands, attributes)))
    found = attempt(lambda: infer(row, map(type_of, operands), attributes))
    both_refuse = isinstance(found, GraphError) and isinstance(expected, Exception)
    assert both_refuse or found == expected, f"{row.name}: torch gives {expected}, the row {found}"


def attempt(act: Callable[[], Any]) -> Any:
    """What an act gives, or how it was refused."""
    try:
        return act()
    except (GraphError, RuntimeError, IndexError, ValueError, NotImplementedError) as refusal:
        return refusal


def same(found: Any, expected: Any) -> bool:
    """Whether two results agree in every bit; NaN is NaN."""
    if isinstance(expected, tuple | list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return (
        type_of(found) == type_of(expected)
        and torch.equal(
            torch.nan_to_num(found) if found.is_floating_point() else found,
            torch.nan_to_num(expected) if expected.is_floating_point() else expected,
        )
        and torch.equal(found.isnan(), expected.isnan())
    )


@frozen
class Example:
    """One use of a row: operands with a batch N, attributes, and what users would have written."""

    row: str
    operands: tuple[ValueType, ...]
    attributes: Mapping[str, Attribute]
    reference: Callable[..., Any]

    def __str__(self) -> str:
        return f"{self.row}{dict(self.attributes)}"


def example(
    row: str,
    shapes: Iterable[tuple[Size, ...] | ValueType],
    reference: Callable[..., Any],
    **attributes: Attribute,
) -> Example:
    """An example whose operands are float32 unless a type is given."""
    types = tuple(item if isinstance(item, ValueType) else ValueType(item, "float32") for item in shapes)
    return Example(row, types, attributes, reference)


def tensor(kind: ValueType, batch: int) -> Tensor:
    """Numbers of a type, its batch filled in; whole numbers are valid indices of an axis of 2."""
    shape = kind.bound({"N": batch}).shape
    dtype = getattr(torch, kind.dtype)
    if dtype.is_floating_point:
        return torch.randn(shape, dtype=dtype)
    return torch.randint(0, 2, shape).to(dtype)


def bound_attributes(attributes: Mapping[str, Attribute], batch: int) -> dict[str, Any]:
    """Attributes with the batch filled in, as execution sees them."""

    def bound(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(bound, value))
        return bind(value, {"N": batch}) if isinstance(value, Symbolic) else value

    return {name: bound(value) for name, value in attributes.items()}


def check_example(row: Op, one: Example) -> None:
    """Inference over a symbolic batch gives torch's types for every batch, and execution torch's bits."""
    symbolic = infer(row, one.operands, one.attributes)
    for batch in (1, 2, 5):
        operands = [tensor(kind, batch) for kind in one.operands]
        found = execute(row, operands, bound_attributes(one.attributes, batch))
        assert same(found, one.reference(*operands))
        assert types_of(found) == tuple(kind.bound({"N": batch}) for kind in symbolic)


shapes = st.lists(st.integers(0, 3), max_size=4).map(tuple)
dtypes = st.sampled_from(DTYPES)


@st.composite
def tensors(draw: st.DrawFn, shape: st.SearchStrategy[tuple[int, ...]] = shapes) -> Tensor:
    """Ones of any shape and dtype: their types are what matters."""
    return torch.ones(draw(shape), dtype=getattr(torch, draw(dtypes)))


@st.composite
def broadcastable(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Two tensors that mostly broadcast, of any dtypes."""
    whole = draw(st.lists(st.integers(0, 3), max_size=3))
    parts: list[Tensor] = []
    for _ in range(2):
        kept = whole[draw(st.integers(0, len(whole))) :]
        shape = [draw(st.sampled_from((size, size, size, 1, 2))) for size in kept]
        parts.append(torch.ones(shape, dtype=getattr(torch, draw(dtypes))))
    return parts[0], parts[1]

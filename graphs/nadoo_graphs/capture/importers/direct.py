"""Importers for overloads whose arguments are a row's operands and attributes: each is one table entry."""

from collections.abc import Iterable, Mapping
from typing import TypeGuard

from nadoo_graphs.capture.importers.importer import (
    Argument,
    AtenCall,
    Imported,
    Importer,
    Tensorial,
    TensorName,
)
from nadoo_graphs.node import Attribute
from nadoo_graphs.values import Value

NOTHING: Mapping[str, Argument] = {}
FIXED: Mapping[str, Attribute] = {}


def is_tensorial(argument: Argument) -> TypeGuard[Tensorial]:
    """Whether an argument is a tensor, whether computed or held by the model."""
    return isinstance(argument, Value | TensorName)


def attribute(argument: Argument) -> Attribute:
    """An argument as an attribute; a tensor inside is for the caller to exclude first."""
    if isinstance(argument, Value | TensorName):
        raise TypeError(f"argument {argument} is a tensor and cannot be an attribute; make it an operand")
    return tuple(attribute(item) for item in argument) if isinstance(argument, tuple) else argument


def is_plain(argument: Argument) -> bool:
    """Whether an argument holds no tensor."""
    return all(map(is_plain, argument)) if isinstance(argument, tuple) else not is_tensorial(argument)


def direct(
    op: str,
    operands: Iterable[str] = ("self",),
    attributes: tuple[str, ...] | Mapping[str, str] = (),
    *,
    only: Mapping[str, Argument] = NOTHING,
    fixed: Mapping[str, Attribute] = FIXED,
) -> Importer:
    """The importer that hands arguments on.

    `attributes` are the row's names, or map them to the overload's; `only` are arguments that must have these
    values; `fixed` are attributes that follow from the overload.
    """
    names, tensors = as_mapping(attributes), tuple(operands)

    def importer(call: AtenCall) -> Imported | None:
        found = call.values(*tensors)
        plain = all(is_plain(call[name]) for name in names.values())
        if found is None or not plain or any(call[name] != value for name, value in only.items()):
            return None
        given = {name: attribute(call[source]) for name, source in names.items()}
        return Imported(op, found, attributes={**given, **fixed})

    return importer


def as_mapping(attributes: tuple[str, ...] | Mapping[str, str]) -> dict[str, str]:
    """Row attribute to argument; a plain name is both."""
    return {name: name for name in attributes} if isinstance(attributes, tuple) else dict(attributes)


def listed(op: str, argument: str, attributes: Iterable[str] = ()) -> Importer:
    """The importer of an overload that takes its operands as a list, such as `cat`."""
    names = tuple(attributes)

    def importer(call: AtenCall) -> Imported | None:
        tensors = call[argument]
        operands = tensors if isinstance(tensors, tuple) else ()
        found = tuple(item for item in operands if is_tensorial(item))
        if not found or len(found) != len(operands):
            return None
        return Imported(op, found, attributes={name: attribute(call[name]) for name in names})

    return importer


def dims(argument: Argument) -> Attribute:
    """A list of axes: one axis is a list of one, and no axes mean all."""
    if argument is None or argument == ():
        return None
    return attribute(argument if isinstance(argument, tuple) else (argument,))


def own_device(call: AtenCall) -> bool:
    """Whether a call asks for no device, layout or memory that a row could not name."""
    plain: dict[str, tuple[Argument, ...]] = {
        "device": (None, "cpu", "device:cpu"),
        "layout": (None, "strided", "torch.strided"),
        "pin_memory": (None, False),
        "memory_format": (None, "preserve_format", "torch.preserve_format"),
    }
    return all(call.arguments.get(name) in allowed for name, allowed in plain.items())

"""Convolutions as they are called by rank, and the one call that decomposition makes of all of them."""

from functools import partial

from nadoo_graphs.capture.importers.importer import Argument, AtenCall, Imported, Importer
from nadoo_graphs.capture.importers.linear import import_layer, present
from nadoo_graphs.node import Attribute

MOST_AXES = 3
NAMES = ("stride", "padding", "dilation")
TRANSPOSED_NAMES = ("stride", "padding", "output_padding", "dilation")


def spread(argument: Argument, axes: int) -> tuple[int, ...] | None:
    """One integer an axis, as ATen reads one for all of them; None for anything else, such as a symbol."""
    items = argument if isinstance(argument, tuple) else (argument,)
    numbers = tuple(item for item in items if type(item) is int)
    if len(numbers) != len(items) or len(numbers) not in {1, axes}:
        return None
    return numbers * axes if len(numbers) == 1 else numbers


def windows(call: AtenCall, axes: int, names: tuple[str, ...]) -> dict[str, Attribute] | None:
    """The named arguments with one integer an axis and the groups; None when one of them is symbolic."""
    found: dict[str, Attribute] = {name: spread(call[name], axes) for name in names}
    groups = call["groups"]
    return None if type(groups) is not int or None in found.values() else {**found, "groups": groups}


def import_convolution(axes: int, call: AtenCall) -> Imported | None:
    """A convolution with padding in numbers."""
    attributes = windows(call, axes, NAMES)
    return None if attributes is None else import_layer(call, f"conv{axes}d", attributes)


def import_padded(axes: int, call: AtenCall) -> Imported | None:
    """A convolution with padding by name."""
    attributes, padding = windows(call, axes, ("stride", "dilation")), call["padding"]
    if attributes is None or not isinstance(padding, str):
        return None
    return import_layer(call, f"conv{axes}d", {**attributes, "padding": padding})


def import_transposed(axes: int, call: AtenCall) -> Imported | None:
    """A transposed convolution."""
    attributes = windows(call, axes, TRANSPOSED_NAMES)
    return None if attributes is None else import_layer(call, f"conv_transpose{axes}d", attributes)


def import_any(call: AtenCall) -> Imported | None:
    """The general convolution, whose axes are those of its input."""
    axes = call.type_of(present(call, "input")["input"]).rank - 2
    if not 1 <= axes <= MOST_AXES:
        return None
    return import_transposed(axes, call) if call["transposed"] else import_convolution(axes, call)


IMPORTERS: dict[str, Importer] = {
    **{f"aten.conv{axes}d.default": partial(import_convolution, axes) for axes in (1, 2, 3)},
    **{f"aten.conv{axes}d.padding": partial(import_padded, axes) for axes in (1, 2, 3)},
    "aten.conv_transpose1d.default": partial(import_transposed, 1),
    "aten.conv_transpose2d.input": partial(import_transposed, 2),
    "aten.conv_transpose3d.input": partial(import_transposed, 3),
    "aten.convolution.default": import_any,
}

"""Which ATen overloads give a value another shape or dtype, join values, take them apart, pick and fill."""

from nadoo_graphs.capture.importers import creation, indexing, joining
from nadoo_graphs.capture.importers.direct import dims, direct, own_device
from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer


def to_shape(op: str) -> Importer:
    """The shape of the result is written out: the overload takes it from another tensor, or in parts."""

    def importer(call: AtenCall) -> Imported | None:
        operands = call.values("self")
        return Imported(op, operands, attributes={"shape": call.outputs[0].shape}) if operands else None

    return importer


def reversed_axes(call: AtenCall) -> Imported | None:
    """`x.T`: all axes in opposite order."""
    operands = call.values("self")
    if operands is None:
        return None
    return Imported("permute", operands, attributes={"dims": (*reversed(range(rank(call))),)})


def matrix_transpose(call: AtenCall) -> Imported | None:
    """`x.mT` and `t()`: the last two axes exchanged; what has fewer stays opaque."""
    operands = call.values("self")
    if operands is None or rank(call) < 2:
        return None
    return Imported("transpose", operands, attributes={"dim0": -2, "dim1": -1})


def rank(call: AtenCall) -> int:
    """How many axes the operand of a call that keeps them has."""
    return call.outputs[0].rank


def moved_axis(call: AtenCall) -> Imported | None:
    """`movedim` with one axis."""
    operands, source, destination = call.values("self"), call["source"], call["destination"]
    if operands is None or not isinstance(source, int) or not isinstance(destination, int):
        return None
    order = [dim for dim in range(rank(call)) if dim != source % rank(call)]
    order.insert(destination % rank(call), source % rank(call))
    return Imported("permute", operands, attributes={"dims": tuple(order)})


def squeeze(call: AtenCall) -> Imported | None:
    """Named axes, one or several."""
    operands = call.values("self")
    named = dims(call["dim"])
    if operands is None or named is None:
        return None
    return Imported("squeeze", operands, attributes={"dim": named})


def cast(call: AtenCall) -> Imported | None:
    """A change of dtype alone: another device or memory format stays opaque."""
    operands = call.values("self")
    if operands is None or not own_device(call):
        return None
    return Imported("cast", operands, attributes={"dtype": call.outputs[0].dtype})


def contiguous(call: AtenCall) -> Imported | None:
    """A copy in rows, unless channels come last; torch gives its default as a number."""
    found = clone(call)
    if found is None or found.attributes["memory_format"] is not None:
        return found
    return Imported("clone", found.operands, attributes={"memory_format": "contiguous_format"})


def clone(call: AtenCall) -> Imported | None:
    """A copy, with its memory format."""
    operands, layout = call.values("self"), call.arguments.get("memory_format")
    if operands is None:
        return None
    name = layout.removeprefix("torch.") if isinstance(layout, str) else None
    return Imported("clone", operands, attributes={"memory_format": name})


IMPORTERS: dict[str, Importer] = {
    **joining.IMPORTERS,
    **indexing.IMPORTERS,
    **creation.IMPORTERS,
    "aten.flatten.using_ints": direct("flatten", attributes=("start_dim", "end_dim")),
    "aten.ravel.default": direct("flatten", fixed={"start_dim": 0, "end_dim": -1}),
    "aten.reshape.default": direct("reshape", attributes=("shape",)),
    "aten.view.default": direct("reshape", attributes={"shape": "size"}),
    "aten._unsafe_view.default": direct("reshape", attributes={"shape": "size"}),
    "aten.view_as.default": to_shape("reshape"),
    "aten.reshape_as.default": to_shape("reshape"),
    "aten.unflatten.int": to_shape("reshape"),
    "aten.permute.default": direct("permute", attributes=("dims",)),
    "aten.numpy_T.default": reversed_axes,
    "aten.movedim.int": moved_axis,
    "aten.transpose.int": direct("transpose", attributes=("dim0", "dim1")),
    "aten.swapaxes.default": direct("transpose", attributes={"dim0": "axis0", "dim1": "axis1"}),
    "aten.swapdims.default": direct("transpose", attributes=("dim0", "dim1")),
    "aten.t.default": matrix_transpose,
    "aten.mT.default": matrix_transpose,
    "aten.squeeze.default": direct("squeeze"),
    "aten.squeeze.dim": squeeze,
    "aten.squeeze.dims": squeeze,
    "aten.unsqueeze.default": direct("unsqueeze", attributes=("dim",)),
    "aten.expand.default": direct("expand", attributes={"shape": "size"}),
    "aten.broadcast_to.default": direct("expand", attributes={"shape": "size"}),
    "aten.expand_as.default": to_shape("expand"),
    "aten.repeat.default": direct("repeat", attributes=("repeats",)),
    "aten.roll.default": direct("roll", attributes=("shifts", "dims")),
    "aten.flip.default": direct("flip", attributes=("dims",)),
    "aten.unfold.default": direct("unfold", attributes=("dimension", "size", "step")),
    "aten.pad.default": direct("pad", attributes=("pad", "mode", "value")),
    "aten.constant_pad_nd.default": direct("pad", attributes=("pad", "value"), fixed={"mode": "constant"}),
    "aten.to.dtype": cast,
    "aten.to.dtype_layout": cast,
    "aten.to.other": cast,
    "aten._to_copy.default": cast,
    "aten.type_as.default": cast,
    "aten.clone.default": clone,
    "aten.contiguous.default": contiguous,
    "aten.lift_fresh_copy.default": direct("clone"),
    "aten.detach.default": direct("detach"),
}

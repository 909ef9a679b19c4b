"""Which ATen overloads pick elements out of a value."""

from nadoo_graphs.capture.importers.direct import attribute, direct, is_tensorial
from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer, Tensorial
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.indexing import OPEN_END


def slice_importer(call: AtenCall) -> Imported | None:
    """An end beyond every axis is no end."""
    operands = call.values("self")
    start, end = call["start"], call["end"]
    if operands is None or is_tensorial(start) or is_tensorial(end):
        return None
    attributes: dict[str, Attribute] = {
        "dim": attribute(call["dim"]),
        "start": 0 if start is None else attribute(start),
        "end": None if end == OPEN_END else attribute(end),
        "step": attribute(call["step"]),
    }
    return Imported("slice", operands, attributes=attributes)


def narrow(call: AtenCall) -> Imported | None:
    """A slice by its length."""
    operands, start, length = call.values("self"), call["start"], call["length"]
    if operands is None or not isinstance(start, int) or not isinstance(length, int) or start < 0:
        return None
    attributes = {"dim": attribute(call["dim"]), "start": start, "end": start + length}
    return Imported("slice", operands, attributes=attributes)


def index(call: AtenCall) -> Imported | None:
    """Indices on some of the axes; None leaves an axis whole."""
    operands, places = call.values("self"), call["indices"]
    if operands is None or not isinstance(places, tuple):
        return None
    given = tuple(place is not None for place in places)
    indices = tuple(place for place in places if is_tensorial(place))
    if len(indices) != sum(given):
        return None
    return Imported("index", (*operands, *indices), attributes={"given": given})


def where(call: AtenCall) -> Imported | None:
    """Each side is an operand or a number."""
    condition = call.values("condition")
    if condition is None:
        return None
    operands: list[Tensorial] = [*condition]
    attributes: dict[str, Attribute] = {}
    for name, side in (("on_true", call["self"]), ("on_false", call["other"])):
        if is_tensorial(side):
            operands.append(side)
        else:
            attributes[name] = attribute(side)
    return Imported("where", tuple(operands), attributes=attributes)


IMPORTERS: dict[str, Importer] = {
    "aten.slice.Tensor": slice_importer,
    "aten.narrow.default": narrow,
    "aten.select.int": direct("select", attributes=("dim", "index")),
    "aten.index.Tensor": index,
    "aten.index_select.default": direct("index_select", ("self", "index"), ("dim",)),
    "aten.gather.default": direct("gather", ("self", "index"), ("dim",), only={"sparse_grad": False}),
    "aten.where.self": where,
    "aten.where.ScalarOther": where,
    "aten.where.ScalarSelf": where,
    "aten.where.Scalar": where,
    "aten.masked_fill.Scalar": direct("masked_fill", ("self", "mask"), ("value",)),
    "aten.masked_fill.Tensor": direct("masked_fill", ("self", "mask", "value")),
    "aten.tril.default": direct("tril", attributes=("diagonal",)),
    "aten.triu.default": direct("triu", attributes=("diagonal",)),
}

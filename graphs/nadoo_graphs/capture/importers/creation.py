"""Which ATen overloads make a value from nothing but numbers."""

from nadoo_graphs.capture.importers.direct import attribute, is_plain, own_device
from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer
from nadoo_graphs.node import Attribute


def constant(value: int | str) -> Importer:
    """A value filled with one number, which may be an argument."""

    def importer(call: AtenCall) -> Imported | None:
        number = call[value] if isinstance(value, str) else value
        if not own_device(call) or not is_plain(number):
            return None
        attributes = {
            "shape": call.outputs[0].shape,
            "value": attribute(number),
            "dtype": call.outputs[0].dtype,
        }
        return Imported("full", (), attributes=attributes)

    return importer


def constant_beside(value: int | str, *, like: bool) -> Importer:
    """A value filled with one number, on the device of an operand; `like` takes the shape from it too."""
    plain = constant(value)

    def importer(call: AtenCall) -> Imported | None:
        operands, found = call.values("self"), plain(call)
        if operands is None or found is None:
            return None
        attributes = {**found.attributes, "shape": None} if like else found.attributes
        return Imported("full", operands, attributes=attributes)

    return importer


def arange(call: AtenCall) -> Imported | None:
    """Whole numbers only: the length of another range depends on rounding."""
    bounds = {name: call.arguments[name] for name in ("start", "end", "step") if name in call.arguments}
    whole = all(not isinstance(bound, float) and is_plain(bound) for bound in bounds.values())
    if not whole or not own_device(call):
        return None
    attributes: dict[str, Attribute] = {name: attribute(bound) for name, bound in bounds.items()}
    return Imported("arange", (), attributes={**attributes, "dtype": call.outputs[0].dtype})


def eye(call: AtenCall) -> Imported | None:
    """An identity matrix, or a rectangle of one."""
    if not own_device(call):
        return None
    columns = attribute(call.arguments.get("m"))
    return Imported("eye", (), attributes={"n": attribute(call["n"]), "m": columns, "dtype": call.outputs[0].dtype})


IMPORTERS: dict[str, Importer] = {
    "aten.zeros.default": constant(0),
    "aten.ones.default": constant(1),
    "aten.full.default": constant("fill_value"),
    "aten.scalar_tensor.default": constant("s"),
    "aten.new_zeros.default": constant_beside(0, like=False),
    "aten.new_ones.default": constant_beside(1, like=False),
    "aten.new_full.default": constant_beside("fill_value", like=False),
    "aten.zeros_like.default": constant_beside(0, like=True),
    "aten.ones_like.default": constant_beside(1, like=True),
    "aten.full_like.default": constant_beside("fill_value", like=True),
    "aten.arange.default": arange,
    "aten.arange.start": arange,
    "aten.arange.start_step": arange,
    "aten.eye.default": eye,
    "aten.eye.m": eye,
}

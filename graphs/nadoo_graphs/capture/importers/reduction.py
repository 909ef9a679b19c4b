"""Which ATen overloads fold axes or order them."""

from nadoo_graphs.capture.importers.direct import attribute, dims, direct, is_plain
from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer
from nadoo_graphs.node import Attribute

KEPT = ("keepdim", "dtype")


def folding(op: str) -> Importer:
    """A fold along the axes that the overload names, if it names any."""

    def importer(call: AtenCall) -> Imported | None:
        operands = call.values("self")
        if operands is None:
            return None
        named: dict[str, Attribute] = {name: attribute(call[name]) for name in KEPT if name in call.arguments}
        return Imported(op, operands, attributes={"dim": dims(call.arguments.get("dim")), **named})

    return importer


def one_axis(op: str) -> Importer:
    """A fold along one axis, or all of them."""

    def importer(call: AtenCall) -> Imported | None:
        operands = call.values("self")
        if operands is None:
            return None
        names = [name for name in ("dim", *KEPT) if name in call.arguments]
        return Imported(op, operands, attributes={name: attribute(call[name]) for name in names})

    return importer


def spread(op: str) -> Importer:
    """A variance or deviation: unbiased means that the denominator is lowered by one."""
    fold = folding(op)

    def importer(call: AtenCall) -> Imported | None:
        found = fold(call)
        if found is None:
            return None
        correction = attribute(call.arguments.get("correction"))
        lowered = int(call.arguments.get("unbiased") is not False) if correction is None else correction
        return Imported(op, found.operands, attributes={**found.attributes, "correction": lowered})

    return importer


def norm(call: AtenCall) -> Imported | None:
    """A norm, along some axes or all."""
    found = folding("vector_norm")(call)
    order = call.arguments.get("ord")
    if found is None or not is_plain(order):
        return None
    attributes = {**found.attributes, "ord": 2 if order is None else attribute(order)}
    return Imported("vector_norm", found.operands, attributes=attributes)


def sort(call: AtenCall) -> Imported | None:
    """A sort, stable or not."""
    operands = call.values("self")
    if operands is None:
        return None
    attributes: dict[str, Attribute] = {
        "dim": attribute(call["dim"]),
        "descending": attribute(call["descending"]),
        "stable": call.arguments.get("stable") is True,
    }
    return Imported("sort", operands, attributes=attributes)


FOLDS = {
    "mean": ("default", "dim"),
    "sum": ("default", "dim_IntList"),
    "amax": ("default",),
    "amin": ("default",),
    "any": ("default", "dim", "dims"),
    "all": ("default", "dim", "dims"),
}

ONE_AXIS = {
    "max": ("default", "dim"),
    "min": ("default", "dim"),
    "argmax": ("default",),
    "argmin": ("default",),
    "prod": ("default", "dim_int"),
    "cumsum": ("default",),
    "cumprod": ("default",),
}

SPREADS = ("default", "dim", "correction")

IMPORTERS: dict[str, Importer] = {
    **{f"aten.{op}.{overload}": folding(op) for op, overloads in FOLDS.items() for overload in overloads},
    **{f"aten.{op}.{overload}": one_axis(op) for op, overloads in ONE_AXIS.items() for overload in overloads},
    **{f"aten.{op}.{overload}": spread(op) for op in ("var", "std") for overload in SPREADS},
    "aten.logsumexp.default": direct("logsumexp", attributes=("dim", "keepdim")),
    "aten.linalg_vector_norm.default": norm,
    "aten.topk.default": direct("topk", attributes=("k", "dim", "largest", "sorted")),
    "aten.sort.default": sort,
    "aten.sort.stable": sort,
}

"""Importers that arithmetic and comparisons share: one overload for tensors, and some for numbers."""

from nadoo_graphs.capture.importers.direct import attribute, is_tensorial
from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer

UNARY = ("self",)
BINARY = ("self", "other")


def binary(op: str, *, left: str = "self", right: str = "other", alpha: bool = False) -> Importer:
    """The importer of an overload with two sides, one of which may be a number; `alpha` must be 1."""

    def importer(call: AtenCall) -> Imported | None:
        one, two = call[left], call[right]
        if alpha and call["alpha"] != 1:
            return None
        if is_tensorial(one) and is_tensorial(two):
            return Imported(op, (one, two))
        if is_tensorial(one):
            return Imported(op, (one,), attributes={"other": attribute(two)})
        if is_tensorial(two):
            return Imported(op, (two,), attributes={"other": attribute(one), "reversed": True})
        return None

    return importer

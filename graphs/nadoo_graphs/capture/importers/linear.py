"""Linear layers, and how any layer with a weight is imported."""

from collections.abc import Mapping
from typing import cast

from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer, Tensorial, TensorName
from nadoo_graphs.node import Attribute
from nadoo_graphs.values import Value


def present(call: AtenCall, *names: str) -> dict[str, Tensorial]:
    """The named tensor arguments that were given; an optional one may be None."""
    found = {name: call[name] for name in names}
    return {name: item for name, item in found.items() if isinstance(item, Value | TensorName)}


def named(tensors: Mapping[str, Tensorial]) -> bool:
    """Whether all of these are tensors of the model, rather than values that it computes."""
    return all(isinstance(item, TensorName) for item in tensors.values())


def plain(call: AtenCall, *names: str) -> dict[str, Attribute]:
    """The named arguments that are no tensors, as attributes of the same names."""
    return {name: cast("Attribute", call[name]) for name in names}


def import_layer(call: AtenCall, op: str, attributes: Mapping[str, Attribute]) -> Imported | None:
    """A layer's call as the row `op`, or as its `computed_` sibling when weight or bias is computed."""
    source, tensors = present(call, "input"), present(call, "weight", "bias")
    if not source or "weight" not in tensors:
        return None
    if named(tensors):
        return Imported(op, (source["input"],), tensors, attributes)
    return Imported(f"computed_{op}", (source["input"], *tensors.values()), {}, attributes)


def import_linear(call: AtenCall) -> Imported | None:
    """A linear layer."""
    return import_layer(call, "linear", {})


IMPORTERS: dict[str, Importer] = {"aten.linear.default": import_linear}

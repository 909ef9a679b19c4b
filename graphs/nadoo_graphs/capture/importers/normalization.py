"""Normalizations, whole and as decomposition leaves them.

An eval capture cannot tell a momentum of None from 0.0, nor does it mention the counter of batches; both are
filled in from the layer that owns the call.
"""

from collections.abc import Mapping

from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer
from nadoo_graphs.capture.importers.linear import named, plain, present
from nadoo_graphs.node import Attribute

AFFINE = ("weight", "bias")
STATISTICS = ("running_mean", "running_var")


def import_norm(call: AtenCall, op: str, attributes: Mapping[str, Attribute]) -> Imported | None:
    """A norm whose tensors are all the model's own; computed ones leave the call opaque."""
    roles = (name for name in (*AFFINE, *STATISTICS) if name in call.arguments)
    source, tensors = present(call, "input"), present(call, *roles)
    if not source or not named(tensors):
        return None
    return Imported(op, (source["input"],), tensors, attributes)


def import_statistical(call: AtenCall, op: str, by_batch: str) -> Imported | None:
    """A norm that may keep statistics; one that overwrites them even in eval is left as it is."""
    if call.arguments.get(by_batch) and call.arguments.get(STATISTICS[0]) is not None:
        return None
    return import_norm(call, op, plain(call, "momentum", "eps"))


def import_batch_norm(call: AtenCall) -> Imported | None:
    """A batch norm, whole or in one of its native forms, whose first output is the result."""
    return import_statistical(call, "batch_norm", "training")


def import_instance_norm(call: AtenCall) -> Imported | None:
    """An instance norm."""
    return import_statistical(call, "instance_norm", "use_input_stats")


def import_layer_norm(call: AtenCall) -> Imported | None:
    """A layer norm, whole or native."""
    return import_norm(call, "layer_norm", plain(call, "normalized_shape", "eps"))


def import_rms_norm(call: AtenCall) -> Imported | None:
    """A root-mean-square norm, whole or fused."""
    return import_norm(call, "rms_norm", plain(call, "normalized_shape", "eps"))


def import_group_norm(call: AtenCall) -> Imported | None:
    """A group norm, whole or native; the two name the number of groups differently."""
    name = "num_groups" if "num_groups" in call.arguments else "group"
    return import_norm(call, "group_norm", {"num_groups": plain(call, name)[name], **plain(call, "eps")})


IMPORTERS: dict[str, Importer] = {
    "aten.batch_norm.default": import_batch_norm,
    "aten._native_batch_norm_legit_no_training.default": import_batch_norm,
    "aten._native_batch_norm_legit.no_stats": import_batch_norm,
    "aten.instance_norm.default": import_instance_norm,
    "aten.layer_norm.default": import_layer_norm,
    "aten.native_layer_norm.default": import_layer_norm,
    "aten.rms_norm.default": import_rms_norm,
    "aten._fused_rms_norm.default": import_rms_norm,
    "aten.group_norm.default": import_group_norm,
    "aten.native_group_norm.default": import_group_norm,
}

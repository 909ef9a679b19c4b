"""What the exported program forgets and the owning module still knows: settings that matter only in training."""

from collections.abc import Mapping

from attrs import evolve
from torch import nn

from nadoo_graphs.capture.importers.importer import Imported, TensorName
from nadoo_graphs.ops.attention_module import Attention
from nadoo_graphs.ops.normalization_module import BatchNorm
from nadoo_graphs.torch_private import NormBase


def restored(imported: Imported, owner: nn.Module, path: str, known: Mapping[str, object]) -> Imported:
    """The imported call with the owner's training settings put back; `path` is where the owner's tensors are."""
    if imported.op == "batch_norm" and isinstance(owner, NormBase | BatchNorm):
        return batch_norm(imported, owner, path, known)
    if imported.op == "sdpa" and isinstance(owner, nn.MultiheadAttention | Attention):
        return evolve(imported, attributes={**imported.attributes, "dropout": float(owner.dropout)})
    return imported


def batch_norm(imported: Imported, owner: NormBase | BatchNorm, path: str, known: Mapping[str, object]) -> Imported:
    """Momentum None means a cumulative average, which needs the count of batches."""
    counter = ".".join(part for part in (path, "num_batches_tracked") if part)
    tensors = dict(imported.tensors)
    if counter in known and "running_mean" in tensors:
        tensors["num_batches_tracked"] = TensorName(counter)
    momentum = None if owner.momentum is None else float(owner.momentum)
    return evolve(imported, tensors=tensors, attributes={**imported.attributes, "momentum": momentum})

"""Embeddings with a table of the model's own, and every kind of dropout."""

from functools import partial

from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer
from nadoo_graphs.capture.importers.linear import named, plain, present

DROPOUTS = ("dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout")


def import_embedding(call: AtenCall) -> Imported | None:
    """A look-up; a table that the model computes, or a symbolic padding index, leaves the call opaque."""
    tensors, indices = present(call, "weight"), present(call, "indices")
    if not named(tensors) or not indices or type(call["padding_idx"]) is not int:
        return None
    attributes = plain(call, "padding_idx", "scale_grad_by_freq", "sparse")
    return Imported("embedding", (indices["indices"],), tensors, attributes)


def import_dropout(op: str, call: AtenCall) -> Imported | None:
    """A dropout; one that is on in a model captured in eval is on always."""
    source = present(call, "input")
    return Imported(op, (source["input"],), {}, {**plain(call, "p"), "always": call["train"] is True})


IMPORTERS: dict[str, Importer] = {
    "aten.embedding.default": import_embedding,
    **{f"aten.{name}.default": partial(import_dropout, name) for name in DROPOUTS},
}

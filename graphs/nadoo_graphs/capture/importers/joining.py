"""Which ATen overloads put values together or take one apart."""

from nadoo_graphs.capture.importers.direct import direct, listed
from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer


def split(call: AtenCall) -> Imported | None:
    """Parts of one size: their sizes are read off the results."""
    operands, dim = call.values("self"), call["dim"]
    if operands is None or not isinstance(dim, int):
        return None
    sizes = tuple(part.shape[dim] for part in call.outputs)
    return Imported("split", operands, attributes={"sizes": sizes, "dim": dim})


IMPORTERS: dict[str, Importer] = {
    "aten.cat.default": listed("cat", "tensors", ("dim",)),
    "aten.concat.default": listed("cat", "tensors", ("dim",)),
    "aten.concatenate.default": listed("cat", "tensors", ("dim",)),
    "aten.stack.default": listed("stack", "tensors", ("dim",)),
    "aten.split.Tensor": split,
    "aten.split.sizes": direct("split", attributes={"sizes": "split_size", "dim": "dim"}),
    "aten.split_with_sizes.default": direct("split", attributes={"sizes": "split_sizes", "dim": "dim"}),
    "aten.chunk.default": direct("chunk", attributes=("chunks", "dim")),
    "aten.unbind.int": direct("unbind", attributes=("dim",)),
}

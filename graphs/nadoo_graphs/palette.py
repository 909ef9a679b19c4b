"""The colours of a drawing: one for each family of operators, light enough for dark text on any background."""

from collections.abc import Iterable, Mapping

from attrs import frozen

from nadoo_graphs.node import INPUT, OUTPUT, TENSOR, Node
from nadoo_graphs.ops import (
    Op,
    activation,
    arithmetic,
    attention,
    comparison,
    convolution,
    creation,
    embedding,
    indexing,
    joining,
    linear,
    normalization,
    pooling,
    rectifier,
    recurrent,
    reduction,
    shaping,
)
from nadoo_graphs.ops.structure import OPAQUE


@frozen
class Paint:
    """A family of operators, its place in the legend and its colours."""

    place: int
    family: str
    fill: str
    edge: str


BORDER = Paint(0, "input and output", "#e3e6ea", "#6e7781")
PLUGIN = Paint(11, "other", "#ffffff", "#57606a")
FAMILIES: tuple[tuple[Paint, tuple[str, ...], tuple[tuple[Op, ...], ...]], ...] = (
    (BORDER, (INPUT, OUTPUT), ()),
    (Paint(1, "convolution", "#a9cdfb", "#2f6fc1"), (), (convolution.ROWS,)),
    (Paint(2, "linear", "#b9b8f5", "#5a52c4"), ("matmul", "addmm"), (linear.ROWS, embedding.ROWS)),
    (Paint(3, "attention", "#dcb3f2", "#8a3fb5"), (), (attention.ROWS,)),
    (Paint(4, "recurrent", "#f3b4d6", "#b53579"), (), (recurrent.ROWS,)),
    (Paint(5, "normalization", "#a5e3d4", "#1f8a73"), (), (normalization.ROWS,)),
    (Paint(6, "activation", "#ffd59b", "#c2750c"), (), (activation.ROWS, rectifier.ROWS)),
    (Paint(7, "pooling", "#f9b7ab", "#c24a36"), (), (pooling.ROWS,)),
    (Paint(8, "arithmetic", "#bfe6a4", "#4d8a1f"), (), (arithmetic.ROWS, comparison.ROWS, reduction.ROWS)),
    (Paint(9, "shape", "#eadfb4", "#8f7a1e"), (), (shaping.ROWS, joining.ROWS, indexing.ROWS, creation.ROWS)),
    (Paint(10, "tensor", "#cfd9e2", "#4a6378"), (TENSOR, "write"), ()),
    (Paint(12, "opaque", "#f0f0f0", "#a40e26"), (OPAQUE,), ()),
)


def paints_of(nodes: Iterable[Node]) -> Mapping[str, Paint]:
    """The paint of each node by name; the operators of plugins share one."""
    by_op = {row.name: paint for paint, _, families in FAMILIES for rows in families for row in rows}
    by_op.update((op, paint) for paint, names, _ in FAMILIES for op in names)
    return {node.name: by_op.get(node.op, PLUGIN) for node in nodes}

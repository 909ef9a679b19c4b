"""Kinds of layers: which published rate holds for a node."""

from typing import TYPE_CHECKING

from nadoo_core.cost.device import Kind
from nadoo_graphs.sizes import bind

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.node import Node

PREFIXES = ("computed_", "quantized_", "encoded_")
"""Rows of the same layer with another weight."""
CONVOLUTION, LINEAR = "conv", "linear"
CHANNELS = 1


def kind_of(graph: "ModelGraph", node: "Node") -> Kind:
    """The kind of a node; a convolution with one input channel a group is depthwise, what is no layer is other."""
    base = node.op
    for prefix in PREFIXES:
        base = base.removeprefix(prefix)
    if base == LINEAR:
        return "linear"
    if not base.startswith(CONVOLUTION):
        return "other"
    groups = node.attributes.get("groups", 1)
    channels = bind(graph.type(graph.operands(node)[0]).shape[CHANNELS], {"N": 1})
    return "depthwise" if isinstance(groups, int) and groups > 1 and groups == channels else "conv"

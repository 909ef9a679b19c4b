"""The module that a node runs as, for rows that are no plain call of torch."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node


def leaf_of(graph: ModelGraph, node: Node, attributes: Mapping[str, Any]) -> nn.Module | None:
    """The stateless module of a node; None where its row is executed as a call."""
    row = graph.ops[node.op]
    if row.layer is not None:
        return row.layer(graph.making(node, attributes))
    return None if row.module is None else row.module(attributes)

"""Which weights became smaller, for people: the table of the passes that remove channels."""

from collections.abc import Mapping
from typing import TypeAlias

from nadoo_core.passes import Context
from nadoo_graphs.graph import ModelGraph

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


def shapes_of(graph: ModelGraph) -> Shapes:
    """The shape of every tensor."""
    return {name: tuple(record.value.shape) for name, record in graph.tensors.items()}


def tell(graph: ModelGraph, context: Context, before: Shapes) -> None:
    """A line for every weight that became smaller."""
    rows = [
        {"tensor": name, "before": list(before[name]), "after": list(shape)}
        for name, shape in shapes_of(graph).items()
        if name in before and before[name] != shape
    ]
    if rows:
        context.table("channels", rows)

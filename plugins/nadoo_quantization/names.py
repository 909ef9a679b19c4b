"""Names of the tensors that quantization adds, which must be free in the state dict and in the module of a graph."""

from collections.abc import Iterator

from nadoo_graphs.graph import ModelGraph


def tensor_name(graph: ModelGraph, node: str, role: str) -> str:
    """`<node>.<role>`, or a name near it where a tensor stands in the way of that path."""
    return next(name for name in candidates(node, role) if is_free(graph, name))


def candidates(node: str, role: str) -> Iterator[str]:
    """The name that is wanted, then others."""
    yield f"{node}.{role}"
    flat = f"{node}_{role}".replace(".", "_")
    yield flat
    index = 1
    while True:
        yield f"{flat}_{index}"
        index += 1


def is_free(graph: ModelGraph, name: str) -> bool:
    """Whether no tensor has this name, stands where one of its containers would, or lies inside of it."""
    parts = name.split(".")
    path = {".".join(parts[: count + 1]) for count in range(len(parts))}
    return not any(other in path or other.startswith(f"{name}.") for other in graph.state_order)

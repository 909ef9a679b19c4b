"""Why a layer cannot take in what comes after it, in the words of a refusal."""

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node


def layer_in_use(graph: ModelGraph, layer: Node) -> str | None:
    """Several read the layer's result as it is, or its tensors cannot be replaced."""
    readers = [reader.name for reader, _ in graph.consumers(layer)]
    if len(readers) > 1:
        return f"{layer.name!r} is read by {', '.join(sorted(set(readers)))}, which need it as it is"
    return tensors_in_use(graph, layer)


def tensors_in_use(graph: ModelGraph, layer: Node) -> str | None:
    """Another node needs a tensor of the layer as it is, or the tensor is quantized."""
    for role, name in layer.tensors.items():
        others = [user for user in graph.tensor_users(name) if user != layer.name]
        if others:
            return f"{layer.name!r} shares its {role} with {', '.join(others)}"
        if graph.record(name).format is not None:
            return f"the {role} of {layer.name!r} is held as {graph.record(name).format}; do this before quantizing"
    return None

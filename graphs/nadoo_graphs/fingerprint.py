"""The identity of a graph: a hash over what it computes, blind to the order in which it was built."""

import hashlib

from nadoo_graphs.encoding import canonical, encode_node, encode_structure, encode_type
from nadoo_graphs.graph import ModelGraph


def fingerprint(graph: ModelGraph) -> str:
    """The sha256 over nodes, wiring, tensor contents and the border; origins do not count."""
    digest = hashlib.sha256()
    for name in sorted(graph.nx):
        encoded = encode_node(graph[name], graph.operands(name))
        encoded.pop("origin", None)
        digest.update(canonical(encoded).encode())
    for name, record in sorted(graph.tensors.items()):
        flags = [name, record.role, record.persistent, record.trainable, record.format, record.digest()]
        digest.update(canonical(flags).encode())
    digest.update(canonical(sorted(graph.aliases.items())).encode())
    digest.update(canonical(border(graph)).encode())
    return digest.hexdigest()


def border(graph: ModelGraph) -> dict[str, object]:
    """The part of the contract that decides what the graph accepts and returns."""
    contract = graph.contract
    structures = (contract.arguments, contract.keywords, contract.results)
    return {
        "inputs": [[node.name, encode_type(node.type)] for node in graph.inputs],
        "structures": [None if item is None else encode_structure(item) for item in structures],
        "symbols": {name: list(bounds) for name, bounds in contract.symbols.items()},
    }

"""A graph before and after, run together node by node on the same examples, so that each layer can be mended in turn.

By the time a layer of the changed graph runs, everything before it has been mended; so its inputs are what it will
really get, errors included, and its outputs can be brought as near to the original's as its own weights allow.
"""

from collections.abc import Iterator

import torch
from attrs import frozen
from torch import Tensor

from nadoo_graphs.execution.interpreter import Interpreter
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, OUTPUT, Node
from nadoo_graphs.values import Value


@frozen
class Pair:
    """One node of both graphs, what each of them reads there, and what the original gives."""

    before: Node
    after: Node
    original: tuple[Tensor, ...]
    actual: tuple[Tensor, ...]
    wanted: tuple[Tensor, ...]


def side_by_side(before: ModelGraph, after: ModelGraph, inputs: Tensor) -> Iterator[Pair]:
    """Every node that both graphs have, before the changed graph runs it; tensors changed then take effect."""
    old, new = Interpreter(before, []), Interpreter(after, [])
    with torch.no_grad():
        old.begin([inputs])
        new.begin([inputs])
        for node in before.nodes():
            if node.op in {INPUT, OUTPUT} or before.ops[node.op].effect:
                continue
            original, actual = values(old, before, node), values(new, after, after[node.name])
            wanted = old.run(node)
            yield Pair(node, after[node.name], original, actual, wanted)
            given = new.run(after[node.name])
            old.store(node, wanted)
            new.store(after[node.name], given)


def values(run: Interpreter, graph: ModelGraph, node: Node) -> tuple[Tensor, ...]:
    """What a node is about to read."""
    return tuple(run.values[Value(value.node, value.output)] for value in graph.operands(node))

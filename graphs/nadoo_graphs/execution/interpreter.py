"""Running a graph node by node in evaluation, keeping the intermediate values that were asked for."""

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from attrs import frozen

from nadoo_graphs.execution.arguments import bind_symbols, check_input, input_values
from nadoo_graphs.execution.leaves import leaf_of
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.nesting import parts_of
from nadoo_graphs.node import INPUT, OUTPUT, Node
from nadoo_graphs.ops import Run
from nadoo_graphs.sizes import Symbolic, bind
from nadoo_graphs.trees import build
from nadoo_graphs.values import Value


@frozen
class Execution:
    """What a run gave: the outputs one by one, the result as the model returns it, and the values that were kept."""

    outputs: tuple[torch.Tensor, ...]
    result: Any
    values: Mapping[str, torch.Tensor]


def execute(
    graph: ModelGraph, arguments: Sequence[Any], keywords: Mapping[str, Any], keep: str | Sequence[str] = ()
) -> Execution:
    """Compute every node in order, without gradients; buffers are read and never written."""
    patterns = [keep] if isinstance(keep, str) else list(keep)
    interpreter = Interpreter(graph, patterns)
    with torch.no_grad():
        outputs = interpreter.compute(input_values(graph, arguments, keywords))
    return Execution(outputs, arrange(graph, outputs), interpreter.kept)


def arrange(graph: ModelGraph, outputs: Sequence[torch.Tensor]) -> Any:
    """The outputs nested as the model returns them."""
    if graph.contract.results is not None:
        return build(graph.contract.results, iter(outputs))
    return outputs[0] if len(outputs) == 1 else tuple(outputs)


class Interpreter:
    """The values of one run; each is let go once its last reader has run."""

    def __init__(self, graph: ModelGraph, patterns: Sequence[str]) -> None:
        self.graph = graph
        self.patterns = patterns
        self.values: dict[Value, torch.Tensor] = {}
        self.symbols: dict[str, int] = {}
        self.kept: dict[str, torch.Tensor] = {}
        self.readers = {node.name: len(graph.consumers(node)) for node in graph.nodes()}

    def compute(self, given: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Run all nodes and give the outputs."""
        self.begin(given)
        for node in self.graph.nodes():
            if node.op not in {INPUT, OUTPUT} and not self.graph.ops[node.op].effect:
                self.store(node, self.run(node))
        return tuple(self.values[value] for value in self.graph.outputs)

    def begin(self, given: Sequence[torch.Tensor]) -> None:
        """Take in the inputs, and what they say of symbolic sizes."""
        inputs = self.graph.inputs
        for node, value in zip(inputs, given, strict=True):
            bind_symbols(self.symbols, node.type, value.shape)
        for node, value in zip(inputs, given, strict=True):
            check_input(node.name, node.type, value, self.symbols)
            self.store(node, (value,))

    def run(self, node: Node) -> tuple[Any, ...]:
        """One node's outputs."""
        row = self.graph.ops[node.op]
        sources = self.graph.operands(node)
        operands = tuple(self.values[value] for value in sources)
        tensors = {role: self.graph.tensor(name) for role, name in node.tensors.items()}
        attributes = {name: resolve(value, self.symbols) for name, value in node.attributes.items()}
        call = leaf_of(self.graph, node, attributes)
        if call is not None:
            result = call.eval()(*operands, **tensors)
        else:
            result = row.execute(Run(operands, tensors, attributes))  # type: ignore[misc]
        self.release(sources)
        return (result,) if isinstance(result, torch.Tensor) else tuple(result)

    def store(self, node: Node, results: Sequence[Any]) -> None:
        """Keep the outputs for the readers, and for whoever asked."""
        for index, (declared, value) in enumerate(zip(node.outputs, results, strict=False)):
            bind_symbols(self.symbols, declared, value.shape)
            self.values[Value(node.name, index)] = value
            if any(fnmatch.fnmatchcase(node.name, pattern) for pattern in self.patterns):
                self.kept[str(Value(node.name, index))] = value

    def release(self, sources: Sequence[Value]) -> None:
        """Let go of values that nobody will read any more."""
        for value in sources:
            self.readers[value.node] -= 1
            if not self.readers[value.node]:
                for index in range(len(self.graph[value.node].outputs)):
                    self.values.pop(Value(value.node, index), None)


def resolve(value: Any, symbols: Mapping[str, int]) -> Any:
    """An attribute with its symbolic sizes turned into numbers."""
    if isinstance(value, Symbolic):
        return bind(value, symbols)
    parts = parts_of(value)
    return value if parts is None else tuple(resolve(item, symbols) for item in parts)

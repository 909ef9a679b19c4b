"""A graph computed node by node on calibration data, so that a pass can look at a node before it runs and change it."""

from collections.abc import Sequence

import torch

from nadoo_graphs.execution.arguments import input_values
from nadoo_graphs.execution.interpreter import Interpreter
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, OUTPUT, Node
from nadoo_graphs.values import Value

MOST_BYTES = 1 << 30
LEAST_EXAMPLES = 8
BYTES = 4
HELD = 6
"""Values of the largest size that are alive at once: a residual branch and its block, in two graphs."""


class Walk:
    """The values of one graph on one batch; each is let go once its last reader has run.

    The structure of the graph must stay as it is; tensors and attributes may change before the node with them runs.
    """

    def __init__(self, graph: ModelGraph, *inputs: torch.Tensor) -> None:
        self.graph = graph
        self.interpreter = Interpreter(graph, ())
        self.interpreter.begin(input_values(graph, inputs, {}))
        self.waiting = [node for node in graph.nodes() if node.op not in {INPUT, OUTPUT}]
        self.waiting = [node for node in self.waiting if not graph.ops[node.op].effect]

    @property
    def next(self) -> Node | None:
        """The node that runs next, None at the end."""
        return self.waiting[0] if self.waiting else None

    def step(self) -> Node:
        """Run the next node."""
        node = self.graph[self.waiting.pop(0).name]
        with torch.no_grad():
            self.interpreter.store(node, self.interpreter.run(node))
        return node

    def run_until_before(self, name: str) -> None:
        """Run all nodes that come before one."""
        while self.waiting and self.waiting[0].name != name:
            self.step()

    def operands(self, node: Node) -> Sequence[torch.Tensor]:
        """What the next node reads."""
        return [self.interpreter.values[value] for value in self.graph.operands(node)]

    def value(self, value: Value) -> torch.Tensor:
        """A value that has been computed and still has readers."""
        return self.interpreter.values[value]


def examples_that_fit(graph: ModelGraph, wanted: int, most_bytes: int = MOST_BYTES) -> int:
    """How many examples can be held at once: fewer where the values of a model are large."""
    largest = max((elements_of_one(graph, node) for node in graph.nodes()), default=1)
    return max(min(wanted, LEAST_EXAMPLES), min(wanted, most_bytes // (largest * BYTES * HELD)))


def elements_of_one(graph: ModelGraph, node: Node) -> int:
    """The numbers in a node's outputs for one example; a symbolic size counts as one."""
    total = 1
    for item in node.outputs:
        count = 1
        for size in item.shape:
            count *= size if isinstance(size, int) else 1
        total = max(total, count)
    return total

"""A graph run forwards and backwards on calibration data: what some nodes read and give, and how the loss hangs on it.

The loss is that of labels drawn from the model's own predictions, so that no labels are needed and a model that is
right about everything still tells what it depends on.
"""

from typing import cast

import torch
from torch import Tensor

from nadoo_graphs.execution.interpreter import Interpreter
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, OUTPUT, Node
from nadoo_graphs.values import Value


def example_axis(graph: ModelGraph, node: Node) -> int | None:
    """The axis of a node's output along which the examples of a batch lie; None where they lie along none."""
    batch, shape = graph.inputs[0].type.shape[0], node.type.shape
    return shape.index(batch) if batch in shape else None


class Seen:
    """One batch through a graph, with what some nodes read and give."""

    def __init__(self, graph: ModelGraph, nodes: list[Node], inputs: Tensor) -> None:
        self.read: dict[str, Tensor] = {}
        self.values: list[Tensor] = []
        wanted = {node.name for node in nodes}
        interpreter = Interpreter(graph, [])
        with torch.enable_grad():
            interpreter.begin([inputs.detach().requires_grad_() if inputs.is_floating_point() else inputs])
            for node in graph.nodes():
                if node.op in {INPUT, OUTPUT} or graph.ops[node.op].effect:
                    continue
                if node.name in wanted:
                    source = graph.operands(node)[0]
                    self.read[node.name] = interpreter.values[Value(source.node, source.output)].detach()
                results = interpreter.run(node)
                if node.name in wanted:
                    results = (results[0] if results[0].requires_grad else results[0].requires_grad_(), *results[1:])
                    self.values.append(results[0])
                interpreter.store(node, results)
        self.outputs = [interpreter.values[value] for value in graph.outputs]

    def gradients(self, loss: Tensor) -> list[Tensor]:
        """The gradient of each wanted value; zero where the loss does not depend on it."""
        if not loss.requires_grad:
            return [torch.zeros_like(value) for value in self.values]
        found = cast("tuple[Tensor | None, ...]", torch.autograd.grad(loss, self.values, allow_unused=True))
        return [torch.zeros_like(value) if one is None else one for one, value in zip(found, self.values, strict=True)]


def pseudo_loss(output: Tensor, *, labelled: bool, generator: torch.Generator) -> Tensor:
    """The loss of labels that the model itself believes in; without classes, of numbers around what it gives."""
    noise = torch.randn(output.shape, generator=generator, dtype=torch.float64).to(output.dtype)
    return (output * noise).sum()

"""What the tests of importers share: a function captured, its rows named, its graph run."""

from collections.abc import Callable
from typing import Any

import torch
from attrs import frozen
from torch import Tensor, nn

from nadoo_graphs.capture import capture
from nadoo_graphs.node import Node
from tests.graphs.captured import same


@frozen
class Use:
    """A function of a batch of rows, and the rows of the operator table that it becomes."""

    name: str
    function: Callable[[Tensor], Any]
    rows: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def use(name: str, function: Callable[[Tensor], Any], *rows: str) -> Use:
    """A use whose row has its name if no other is given."""
    return Use(name, function, rows or (name,))


class Applied(nn.Module):
    """A function as a model."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def is_counted(node: Node) -> bool:
    """Whether a node is part of the function: neither at the border, nor the slice that torch writes for a mere `:`."""
    whole = node.op == "slice" and (node.attributes["start"], node.attributes["end"]) == (0, None)
    return node.op not in {"input", "output", "tensor"} and not (whole and node.attributes["step"] == 1)


def check_use(one: Use) -> None:
    """The capture has exactly these rows, and its module gives the function's bits for other batches too."""
    graph = capture(Applied(one.function), torch.randn(2, 4, 6))
    assert tuple(node.op for node in graph.nodes() if is_counted(node)) == one.rows
    assert graph.violations() == ()
    module = graph.to_module()
    for batch in (1, 2, 3):
        x = torch.randn(batch, 4, 6)
        assert same(module(x), one.function(x))

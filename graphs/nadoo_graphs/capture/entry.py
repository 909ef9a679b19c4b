"""capture: any module that torch can export becomes a graph, with nothing lost that the graph could keep."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from nadoo_graphs.capture.examples import Dynamic, positional, prepare
from nadoo_graphs.capture.exporting import export_with_fallback
from nadoo_graphs.capture.importers.importer import Importer
from nadoo_graphs.capture.importers.table import standard_importers
from nadoo_graphs.capture.maker import GraphMaker
from nadoo_graphs.capture.torch_export import Example
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import OpTable, standard_ops


def capture(
    model: nn.Module,
    example_inputs: torch.Tensor | Sequence[Any],
    example_keywords: Mapping[str, Any] | None = None,
    *,
    dynamic: Dynamic = "batch",
    name: str | None = None,
    ops: OpTable | None = None,
    importers: Mapping[str, Importer] | None = None,
) -> ModelGraph:
    """The graph of a model, traced in evaluation with example inputs: a tensor, or a tuple of positional arguments.

    The first axis of all inputs that share it is the symbolic batch N, unless the model fixes it or `dynamic` says
    otherwise: None fixes every size, a mapping such as {"x": {0: "N", 1: "T"}} names the open axes of each input.
    """
    example = prepare(model, Example(positional(example_inputs), dict(example_keywords or {}), {}), dynamic)
    exported = export_with_fallback(model, example, fixed_allowed=dynamic == "batch")
    table = standard_importers() if importers is None else {**standard_importers(), **importers}
    return GraphMaker(model, exported, standard_ops() if ops is None else ops, table).make(name)

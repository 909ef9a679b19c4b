"""Random inputs that fit a graph, for comparing graphs where there is no data."""

import torch

from nadoo_core.recipe import Recipe
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.sizes import bind, symbols_of
from nadoo_graphs.values import ValueType

COUNT = 32


def random_inputs(graph: ModelGraph, recipe: Recipe) -> torch.Tensor | None:
    """Normal numbers for a graph of one floating input whose first axis counts examples; None for any other."""
    if len(graph.inputs) != 1:
        return None
    declared = graph.inputs[0].type
    example = next((item.example for item in graph.contract.inputs if item.example is not None), None)
    if not declared.dtype.startswith("float"):
        return example
    if not declared.shape or isinstance(declared.shape[0], int):
        return example
    generator = torch.Generator().manual_seed(recipe.seed)
    return torch.randn(sizes(declared), generator=generator, dtype=getattr(torch, declared.dtype))


def sizes(declared: ValueType) -> list[int]:
    """The shape with every open size at the same number."""
    values = {name: COUNT for size in declared.shape for name in symbols_of(size)}
    return [bind(size, values) for size in declared.shape]

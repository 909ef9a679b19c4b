"""Small graphs from lists of steps, so that a failing example shrinks to the few steps that matter.

Every step fits every value: one that cannot be taken as it stands falls back to one that can.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import torch

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import OpTable
from nadoo_graphs.sizes import Size, bind
from nadoo_graphs.values import Value

Step: TypeAlias = tuple[str, int, int]
"""A kind, the position of the value that is read, and a number that decides the details."""
Grower: TypeAlias = Callable[[ModelGraph, list[Value], Value, int], Value]

WIDTHS = (2, 3, 4)
SIDE = 4
LARGEST_WIDTH = 8
ACTIVATIONS = ("relu", "tanh", "gelu", "sigmoid", "hardswish", "silu", "leaky_relu", "elu")
SIGNLESS = ("neg", "abs", "relu", "tanh")
INERT = ("dropout", "identity", "detach", "clone", "feature_dropout")
SHAPES: Mapping[str, tuple[str | int, ...]] = MappingProxyType({"features": ("N", 4), "images": ("N", 3, SIDE, SIDE)})
"""What the first value of a graph can be."""


def numbers(seed: int, *shape: int, spread: float = 1.0) -> torch.Tensor:
    """Normal numbers that the seed alone decides, scaled so that a deep graph stays of moderate size."""
    generator = torch.Generator().manual_seed(seed)
    fan_in = max(1, torch.Size(shape[1:]).numel())
    return torch.randn(shape, generator=generator) * spread / fan_in**0.5


def width_of(graph: ModelGraph, value: Value) -> int:
    """How many features or channels a value has."""
    return whole(graph.type(value).shape[1])


def whole(size: Size) -> int:
    """A size that is known, as all but the batch are here."""
    return bind(size, {})


def is_image(graph: ModelGraph, value: Value) -> bool:
    """Whether a value has rows and columns."""
    return graph.type(value).rank == len(SHAPES["images"])


# --- layers -----------------------------------------------------------------------------------------------------------


def layer(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """A linear layer or a convolution to one of a few widths, half of them with a bias."""
    return weighted(graph, source, WIDTHS[detail % len(WIDTHS)], biased=detail % 2 == 0)


def weighted(graph: ModelGraph, source: Value, width: int, *, biased: bool) -> Value:
    """A linear layer or a convolution that keeps rows and columns."""
    seed, inputs = len(graph), width_of(graph, source)
    kernel = (3, 3) if is_image(graph, source) else ()
    tensors: dict[str, torch.Tensor | str] = {"weight": numbers(seed, width, inputs, *kernel)}
    if biased:
        tensors["bias"] = numbers(seed + 1, width)
    if kernel:
        return graph.add("conv2d", [source], tensors=tensors, padding=(1, 1))
    return graph.add("linear", [source], tensors=tensors)


def layer_chain(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """Two or three layers with nothing between them."""
    for index in range(2 + detail % 2):
        source = layer(graph, values, source, detail + index)
    return source


def batch_norm(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """A batch norm with statistics of its own; one in four without scale and shift."""
    seed, width = len(graph), width_of(graph, source)
    tensors: dict[str, torch.Tensor | str] = {}
    if detail % 4:
        tensors = {"weight": 1 + numbers(seed, width, spread=0.3), "bias": numbers(seed + 1, width)}
    name = graph.add_tensor(f"statistics{seed}.mean", numbers(seed + 2, width), "buffer")
    variance = graph.add_tensor(f"statistics{seed}.var", 0.5 + numbers(seed + 3, width).abs(), "buffer")
    tensors |= {"running_mean": name, "running_var": variance}
    return graph.add("batch_norm", [source], tensors=tensors)


def normalized_layer(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """A layer with a batch norm behind it, and mostly an activation behind that."""
    normed = batch_norm(graph, values, layer(graph, values, source, detail), detail + 1)
    return activation(graph, values, normed, detail) if detail % 3 else normed


def shared_layer(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """A linear layer whose weight other layers use too."""
    if is_image(graph, source):
        return layer(graph, values, source, detail)
    width = width_of(graph, source)
    name = f"shared{width}"
    if name not in graph.tensors:
        graph.add_tensor(name, numbers(width, width, width))
    return graph.add("linear", [source], tensors={"weight": name})


# --- everything else --------------------------------------------------------------------------------------------------


def activation(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """A function of each element."""
    return graph.add(ACTIVATIONS[detail % len(ACTIVATIONS)], [source])


def twice(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """The same function of each element two times in a row."""
    name = SIGNLESS[detail % len(SIGNLESS)]
    return graph.add(name, [graph.add(name, [source])])


def inert(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """Something that changes nothing in evaluation."""
    return graph.add(INERT[detail % len(INERT)], [source])


def residual(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """A layer around which its input goes."""
    inner = weighted(graph, source, width_of(graph, source), biased=detail % 2 == 0)
    return graph.add("add", [activation(graph, values, inner, detail) if detail % 3 else inner, source])


def joined(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """Two values side by side, where they have the same form; else a residual."""
    other = values[detail % len(values)]
    width = width_of(graph, source) + width_of(graph, other)
    if is_image(graph, source) == is_image(graph, other) and width <= LARGEST_WIDTH:
        return graph.add("cat", [source, other], dim=1)
    return residual(graph, values, source, detail)


def combined(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """The sum or product with another value of the same type, or with itself."""
    other = values[detail % len(values)]
    other = other if graph.type(other) == graph.type(source) else source
    return graph.add("mul" if detail % 2 else "add", [source, other])


def flattened(graph: ModelGraph, values: list[Value], source: Value, detail: int) -> Value:
    """Images pooled to features; features as they are with a constant added."""
    if is_image(graph, source):
        return graph.add("flatten", [graph.add("adaptive_avg_pool2d", [source])])
    constant = graph.add("tensor", tensors={"value": numbers(len(graph), 1, width_of(graph, source))})
    return graph.add("add", [source, constant])


GROWERS: Mapping[str, Grower] = MappingProxyType(
    {
        "layer": layer,
        "layer_chain": layer_chain,
        "normalized_layer": normalized_layer,
        "batch_norm": batch_norm,
        "shared_layer": shared_layer,
        "activation": activation,
        "twice": twice,
        "inert": inert,
        "residual": residual,
        "joined": joined,
        "combined": combined,
        "flattened": flattened,
    }
)


def grow(
    form: str, steps: Sequence[Step], returned: Sequence[int] = (), ops: OpTable | None = None, name: str = "drawn"
) -> ModelGraph:
    """The graph of some steps; it returns the last value, and the values at some positions before it."""
    graph = ModelGraph(name, ops)
    values = [graph.add_input("x", SHAPES[form])]
    for kind, position, detail in steps:
        source = values[-1 - position % len(values)]
        values.append(GROWERS[kind](graph, values, source, detail))
    graph.set_outputs([values[-1], *(values[position % len(values)] for position in returned)])
    graph.remove_dead()
    return graph

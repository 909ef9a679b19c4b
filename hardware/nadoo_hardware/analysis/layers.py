"""The layers of a model as the analyses see them: how much they compute, hold, read and write."""

from collections.abc import Mapping
from math import ceil

from attrs import evolve, frozen

from nadoo_core.cost.kinds import kind_of
from nadoo_graphs.counting import count_node
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.memory import Buffer, in_place_storage, plan_memory
from nadoo_graphs.node import TENSOR, Node
from nadoo_graphs.sizes import bind
from nadoo_graphs.values import ValueType

ONE = {"N": 1}
"""One example, as costs are given."""
BITS_IN_A_BYTE = 8


@frozen
class Layer:
    """One node that multiplies: its work, its weights, and the elements that it needs in memory while it runs."""

    name: str
    op: str
    kind: str
    macs: int
    weights: int
    """Elements of the weight, 0 where two values are multiplied, and where another layer has the same weight."""
    inputs: int
    outputs: int
    live: tuple[int, ...]
    """The elements of every buffer that is in use while it runs, its own input and output among them."""
    channels: int
    """Output channels, which two cores can share."""
    window: tuple[int, int, int, int]
    """Kernel, input channels, output height and width: what a formula by shape needs; ones where there is none."""


def layers_of(graph: ModelGraph) -> tuple[Layer, ...]:
    """Every node with multiply-accumulates, in order of execution, for one example."""
    live = live_elements(graph)
    seen: set[str] = set()
    found: list[Layer] = []
    for node in graph.nodes():
        macs = bind(count_node(graph, node).macs, ONE)
        if macs:
            found.append(layer_of(graph, node, macs, live.get(node.name, ()), seen))
    return tuple(found)


def layer_of(graph: ModelGraph, node: Node, macs: int, live: tuple[int, ...], seen: set[str]) -> Layer:
    """One layer; a weight that an earlier layer has too is not counted again."""
    weight = node.tensors.get("weight")
    weights = 0 if weight is None or weight in seen else graph.tensor(weight).numel()
    seen.update(() if weight is None else (weight,))
    kind = kind_of(graph, node)
    operands = [value for value in graph.operands(node) if graph[value.node].op != TENSOR]
    shape = [bind(size, ONE) for size in node.type.shape]
    channels = shape[-1] if kind in ("linear", "other") or len(shape) < 2 else shape[1]
    return Layer(
        name=node.name,
        op=node.op,
        kind=kind,
        macs=macs,
        weights=weights,
        inputs=sum(elements(graph.type(value)) for value in operands),
        outputs=sum(map(elements, node.outputs)),
        live=live,
        channels=channels,
        window=window_of(graph, node, shape),
    )


def window_of(graph: ModelGraph, node: Node, shape: list[int]) -> tuple[int, int, int, int]:
    """Kernel, input channels, output height and width."""
    weight = node.tensors.get("weight")
    if weight is None:
        return (1, 1, 1, 1)
    sizes = list(graph.tensor(weight).shape)
    kernel = sizes[-1] if len(sizes) > 2 else 1
    height, width = (shape[-2], shape[-1]) if len(shape) > 3 else (1, shape[-1] if len(shape) > 2 else 1)
    return (kernel, sizes[1] if len(sizes) > 1 else 1, height, width)


def elements(kind: ValueType) -> int:
    """The elements of a value, for one example."""
    return bind(kind.elements, ONE)


def live_elements(graph: ModelGraph) -> Mapping[str, tuple[int, ...]]:
    """Node → the elements of each buffer that is in use while it runs; views and results in place share buffers."""
    program = plan_memory(graph, alignment=1).program
    sizes = {value: elements(kind) for value, kind in value_types(graph).items()}
    counted = evolve(program, sizes={value: sizes[value] for value in program.sizes})
    storage, _ = in_place_storage(counted)
    buffers: list[Buffer] = list(storage.buffers.values())
    return {
        step.name: tuple(item.size for item in buffers if item.first <= index <= item.last)
        for index, step in enumerate(program.steps)
    }


def value_types(graph: ModelGraph) -> dict[str, ValueType]:
    """Every value by the name that memory plans call it."""
    from nadoo_graphs.values import Value

    return {str(Value(node.name, index)): kind for node in graph.nodes() for index, kind in enumerate(node.outputs)}


def packed_bytes(count: int, bits: float) -> int:
    """The bytes of some elements, packed without gaps."""
    return ceil(count * bits / BITS_IN_A_BYTE)

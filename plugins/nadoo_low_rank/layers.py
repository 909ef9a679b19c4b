"""The layers that can be decomposed: what stands in the way, how large they are, and the chain put in their place."""

from typing import Any

import torch
from attrs import evolve, frozen
from torch import Tensor

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node, NodeSpec
from nadoo_low_rank.decomposition import Decomposition, StageSize
from nadoo_low_rank.target import Target

LAYERS = ("linear", "conv1d", "conv2d")
LEAST_SIDE = 2


def obstacle(graph: ModelGraph, node: Node) -> str | None:
    """Why a layer cannot become a chain of smaller ones, or None where it can."""
    if node.op not in LAYERS:
        return f"is {node.op!r}, which is no layer that can be decomposed; there are {', '.join(LAYERS)}"
    if node.attributes.get("groups", 1) != 1:
        return f"has {node.attributes['groups']} groups; a convolution of groups is small already"
    weight = graph.tensor(node.tensors["weight"])
    users = graph.tensor_users(node.tensors["weight"])
    if len(users) > 1:
        return f"shares its weight with {', '.join(name for name in users if name != node.name)}"
    if not weight.is_floating_point():
        return f"has a weight of {weight.dtype}; decompose before quantizing"
    if min(matrix_of(weight).shape) < LEAST_SIDE:
        return f"has the weight {list(weight.shape)}, whose rank is 1 already"
    return None


def matrix_of(weight: Tensor) -> Tensor:
    """A weight as [outputs, inputs · kernel], in float64."""
    return weight.detach().double().reshape(weight.shape[0], -1)


def target_of(graph: ModelGraph, node: Node, **known: Tensor) -> Target:
    """What a layer does, as a decomposition should come near to it."""
    weight = graph.tensor(node.tensors["weight"])
    return evolve(Target.plain(matrix_of(weight), tuple(weight.shape[2:])), **known)


@frozen
class Places:
    """At how many places a layer's kernel is applied: the sizes of the axes before and after it, and all others."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    others: int = 1

    @classmethod
    def of(cls, graph: ModelGraph, node: Node) -> "Places":
        """The places of one example; a symbolic size counts as one."""
        given, made = graph.type(graph.operand(node)).shape, node.type.shape
        if node.op == "linear":
            return cls((), (), numbers(made[:-1]))
        axes = len(graph.tensor(node.tensors["weight"]).shape) - 2
        return cls(tuple(map(number, given[-axes:])), tuple(map(number, made[-axes:])), numbers(made[: -axes - 1]))

    def macs(self, sizes: tuple[StageSize, ...]) -> int:
        """The multiply-accumulates of a chain; an axis has its new size once the stage that owns it has run."""
        total, done = 0, frozenset[int]()
        for size in sizes:
            done |= size.axes
            held = [self.after[axis] if axis in done else old for axis, old in enumerate(self.before)]
            total += size.numbers * numbers(held) * self.others
        return total


def number(size: object) -> int:
    """A size; a symbol counts as one."""
    return size if isinstance(size, int) else 1


def numbers(sizes: Any) -> int:
    """The product of sizes."""
    total = 1
    for size in sizes:
        total *= number(size)
    return total


def put_in_place(graph: ModelGraph, node: Node, found: Decomposition) -> None:
    """Put the chain where the layer is; its last layer has the bias, whoever owns an axis its stride and padding."""
    weight = graph.tensor(node.tensors["weight"])
    specs: list[NodeSpec] = []
    for index, stage in enumerate(found.stages):
        last = index == len(found.stages) - 1
        tensors: dict[str, Any] = {"weight": stage.weight.to(weight.dtype)}
        if last and "bias" in node.tensors:
            tensors["bias"] = graph.tensor(node.tensors["bias"])
        attributes = stage_attributes(node, stage.axes, stage.weight.shape[0] if stage.depthwise else 1)
        specs.append(NodeSpec(node.op, attributes, tensors, f"{node.name}.{index}"))
    graph.split(node, specs)


def stage_attributes(node: Node, axes: frozenset[int], groups: int) -> dict[str, Any]:
    """A layer's attributes for the axes that a stage has, and those of a kernel of one for the rest."""
    if node.op == "linear":
        return dict(node.attributes)
    held: dict[str, Any] = dict(node.attributes)
    count = len(held["stride"])
    padding = held["padding"] if not isinstance(held["padding"], str) else None
    chosen = {
        "stride": tuple(held["stride"][axis] if axis in axes else 1 for axis in range(count)),
        "dilation": tuple(held["dilation"][axis] if axis in axes else 1 for axis in range(count)),
        "padding": held["padding"]
        if padding is None
        else tuple(padding[axis] if axis in axes else 0 for axis in range(count)),
    }
    return {**held, **chosen, "groups": groups}


def unusual(graph: ModelGraph, node: Node) -> list[str]:
    """The tensors of a layer that hold something that is no number."""
    return [name for name in node.tensors.values() if not bool(torch.isfinite(graph.tensor(name)).all())]

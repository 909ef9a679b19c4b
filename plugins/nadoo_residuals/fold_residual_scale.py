"""fold-residual-scale: scales of skip paths taken over by the layers before them, or rounded to what shifts can do."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from attrs import frozen
from torch import Tensor

from nadoo_core.options import option
from nadoo_core.passes import Context, Effect, Exact, Pass, Selector, Unbounded
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_residuals.scales import is_scale, scaled, to_fixed, to_power
from nadoo_residuals.sites import LAYERS

FOLDABLE = frozenset({*LAYERS, "batch_norm"}) - {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}


@frozen(kw_only=True)
class FoldResidualScale(Pass):
    """Take the scales of skip paths out of the graph: a scale of 1 is left out, one of 0 takes its path with it.

    Any other is multiplied into the layer or norm that makes the path, where nobody else reads that; otherwise it
    stays, and can be rounded to a power of two, or to a multiple of 2⁻ⁿ, for integer arithmetic.
    """

    name: ClassVar[str] = "fold-residual-scale"
    effect: ClassVar[Effect] = Exact()

    where: Selector = option(default=Selector(op="mul"), help="which products are looked at")
    rounding: Literal["none", "pow2", "fixed"] = option(default="none", help="what a scale that stays becomes")
    bits: int = option(default=8, minimum=1, maximum=30, help="n of fixed: multiples of 2⁻ⁿ")

    @classmethod
    def example_graphs(cls) -> Iterable[ModelGraph]:
        """A shortcut of a layer with a scale, which no graph has by itself."""
        graph = ModelGraph("scaled-shortcut")
        x = graph.add_input("x", ("N", 4))
        eye = torch.eye(4)
        branch = graph.add("tanh", [graph.add("linear", [x], tensors={"weight": eye})])
        around = graph.add("linear", [x], tensors={"weight": 2 * eye})
        skip = scaled(graph, "sum", around, torch.tensor(0.5), learned=True)
        graph.set_outputs([graph.add("add", [branch, skip], name="sum")])
        return (graph,)

    def promise(self) -> Effect:
        """Rounding changes results."""
        return self.effect if self.rounding == "none" else Unbounded()

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Each scale in turn."""
        for node in self.where.matches(graph):
            if node.name not in graph:
                continue
            if not is_scale(graph, node):
                context.refuse(node, "is no scale of a skip path that scale-residual made")
                continue
            self.fold(graph, node, context)

    def fold(self, graph: ModelGraph, node: Node, context: Context) -> None:
        """Take one scale out, or round it."""
        held = graph.producer(node, 1)
        value = self.rounded(graph.tensor(held.tensors["value"]))
        if bool((value == 0).all()) and leave_out_path(graph, node):
            return
        if bool((value == 1).all()):
            graph.bypass(node)
        elif (reason := self.obstacle(graph, node, value)) is None:
            absorb(graph, graph.producer(node), value)
            graph.bypass(node)
        else:
            self.keep(graph, node, value, reason, context)
            return
        if not graph.consumers(held):
            graph.remove(held)

    def keep(self, graph: ModelGraph, node: Node, value: Tensor, reason: str, context: Context) -> None:
        """The scale stays where it is, rounded if that is wanted."""
        name = graph.producer(node, 1).tensors["value"]
        if torch.equal(value, graph.tensor(name)):
            context.refuse(node, f"its scale cannot be taken over: {reason}")
        else:
            graph.set_tensor(name, value)

    def rounded(self, value: Tensor) -> Tensor:
        """A scale as the rounding has it."""
        if self.rounding == "none":
            return value
        numbers = [float(item) for item in value.reshape(-1)]
        made = [to_power(item) if self.rounding == "pow2" else to_fixed(item, self.bits) for item in numbers]
        return torch.tensor(made, dtype=value.dtype).reshape(value.shape)

    def obstacle(self, graph: ModelGraph, node: Node, value: Tensor) -> str | None:
        """Why the node before cannot take a scale over."""
        maker = graph.producer(node)
        if maker.op not in FOLDABLE:
            return f"the path comes from {maker.op!r}, which has no weights to multiply"
        if len(graph.consumers(maker)) > 1:
            return f"{maker.name!r} is also read elsewhere"
        if "weight" not in maker.tensors or any(len(graph.tensor_users(name)) > 1 for name in maker.tensors.values()):
            return f"{maker.name!r} has no weights of its own"
        axis = maker.type.rank - 1 if maker.op == "linear" else 1
        wanted = maker.type.rank - axis
        if value.numel() > 1 and value.ndim != wanted:
            return "its numbers do not lie along the channels of the path"
        return None


def leave_out_path(graph: ModelGraph, node: Node) -> bool:
    """Remove a skip path that is multiplied by zero; not where something else than a sum reads it."""
    readers = graph.consumers(node)
    if not all(reader.op == "add" and len(graph.operands(reader)) == len(("branch", "skip")) for reader, _ in readers):
        return False
    for reader, operand in readers:
        if graph.type(graph.operand(reader, 1 - operand)) != reader.type:
            return False
    for reader, operand in readers:
        graph.bypass(reader, 1 - operand)
    graph.remove_dead()
    return True


def absorb(graph: ModelGraph, maker: Node, value: Tensor) -> None:
    """Multiply the weights and the bias of a layer, output by output."""
    factors = value.reshape(-1)
    for role in ("weight", "bias"):
        if role in maker.tensors:
            held = graph.tensor(maker.tensors[role])
            shape = (-1, *[1] * (held.ndim - 1))
            graph.set_tensor(maker.tensors[role], held * (factors.reshape(shape) if held.ndim else factors))

"""A small model as a graph, and passes of every kind: good ones, and one for each way to break a promise."""

import itertools

import torch
from attrs import frozen

from nadoo_core.passes import Approximate, Context, Exact, Pass, Property, Selector, Unbounded, option
from nadoo_graphs.graph import ModelGraph

WIDTHS = (4, 8, 8, 3)


def small_graph(dtype: torch.dtype = torch.float32) -> ModelGraph:
    """Three linear layers with a relu behind the first two."""
    generator = torch.Generator().manual_seed(7)
    graph = ModelGraph("small")
    value = graph.add_input("x", ("N", WIDTHS[0]), str(dtype).removeprefix("torch."))
    for index, (inputs, outputs) in enumerate(itertools.pairwise(WIDTHS)):
        weight = torch.randn(outputs, inputs, generator=generator, dtype=dtype)
        value = graph.add(
            "linear", [value], name=f"fc{index}", tensors={"weight": weight, "bias": weight[:, 0].clone()}
        )
        if outputs != WIDTHS[-1]:
            value = graph.add("relu", [value], name=f"relu{index}")
    graph.set_outputs([value])
    return graph


HALVED = Property("halved", "every linear layer's weights were halved")
NO_RELU = Property("no relu", "the graph has no relu", lambda graph: not graph.nodes(op="relu"))


@frozen(kw_only=True)
class Halve(Pass):
    """Multiply weights by a factor, which changes results and tells nobody by how much."""

    name = "halve"
    effect = Unbounded()
    establishes = (HALVED,)
    where: Selector = option(default=Selector(op="linear"), help="which layers")
    factor: float = option(default=0.5, minimum=0, help="by what")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for node in self.where.matches(graph):
            name = node.tensors["weight"]
            graph.set_tensor(name, graph.tensor(name) * self.factor)
            context.log(f"halved {node.name}")


@frozen(kw_only=True)
class SplitHalf(Halve):
    """Halve weights and double the result behind them, which is exact."""

    name = "split-half"
    effect = Exact()
    establishes = ()
    where: Selector = option(default=Selector(op="linear"), help="which layers")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        Halve.apply(self, graph, context)
        for node in self.where.matches(graph):
            if "bias" in node.tensors:
                graph.set_tensor(node.tensors["bias"], graph.tensor(node.tensors["bias"]) * self.factor)
            scale = torch.full((1,), 1 / self.factor, dtype=graph.tensor(node.tensors["weight"]).dtype)
            graph.insert_after(node.name, "mul", graph.add("tensor", tensors={"value": scale}))


@frozen(kw_only=True)
class Nudge(Pass):
    """Change weights by a little."""

    name = "nudge"
    effect = Approximate(0.01)
    by: float = option(default=1e-4, help="relative change")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for node in graph.nodes(op="linear"):
            graph.set_tensor(node.tensors["weight"], graph.tensor(node.tensors["weight"]) * (1 + self.by))


@frozen(kw_only=True)
class FalselyExact(Nudge):
    """As before, but it claims to be exact; float32 alone would not notice a change as small as this."""

    name = "falsely-exact"
    effect = Exact()
    by: float = option(default=1e-7, help="relative change")


@frozen(kw_only=True)
class Custom(Pass):
    """Whatever a test wants a pass to do."""

    name = "custom"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Do nothing."""

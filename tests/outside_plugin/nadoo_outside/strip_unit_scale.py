"""Stripping scales: a product with 1 is what it was before."""

from collections.abc import Iterable

from attrs import frozen

from nadoo_core.passes import Context, Exact, Pass, Selector, option
from nadoo_graphs.graph import ModelGraph


@frozen(kw_only=True)
class StripUnitScale(Pass):
    """Remove products with a constant that is 1."""

    name = "strip-unit-scale"
    effect = Exact()
    where: Selector = option(default=Selector(op="mul"), help="which products to look at")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Take out each product with 1, and say why the others stay."""
        for node in self.where.matches(graph):
            if node.op == "mul" and node.attributes["other"] == 1:
                graph.bypass(node)
            else:
                context.refuse(node, "it is no product with 1")

    @classmethod
    def example_graphs(cls) -> Iterable[ModelGraph]:
        """Graphs with such products, as nobody else has them."""
        for factors in ((1.0,), (1.0, 2.0), (2.0, 1, 1.0)):
            graph = ModelGraph(f"{len(factors)}-scales")
            value = graph.add_input("x", ("N", 3))
            for factor in factors:
                value = graph.add("mul", [value], other=factor)
            graph.set_outputs([graph.add("tanh", [value])])
            yield graph

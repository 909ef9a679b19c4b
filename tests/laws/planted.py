"""One pass for each law that breaks it, and nothing that a glance at its name would tell."""

from collections.abc import Iterable
from typing import Any

import torch
from attrs import evolve, field, frozen

from nadoo_core.options import Place, option_metadata
from nadoo_core.passes import Approximate, Context, Exact, Pass, Property, option
from nadoo_graphs.graph import ModelGraph


def weights(graph: ModelGraph) -> list[str]:
    return [name for name, record in graph.tensors.items() if record.role == "parameter"]


@frozen(kw_only=True)
class Obedient(Pass):
    """Scales all weights, and keeps every law."""

    name = "obedient"
    factor: float = option(default=0.5, above=0.0, maximum=1.0, help="what weights are multiplied by")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for name in weights(graph):
            graph.set_tensor(name, graph.tensor(name) * self.factor)


@frozen
class Tenths:
    """A number that is written down with one digit behind the point."""

    number: float

    @classmethod
    def read_option(cls, value: Any, place: Place, arguments: tuple[Any, ...]) -> Any:
        return value if isinstance(value, cls) else cls(float(value))

    def write_option(self) -> float:
        return round(self.number, 1)


@frozen(kw_only=True)
class Forgetful(Obedient):
    """Its option is written down rounded."""

    name = "forgetful"
    bound: Tenths = field(default=Tenths(0.25), metadata=option_metadata("what is written down rounded"))


class Believed(Property):
    """A property that everybody has who says so."""

    def holds(self, graph: ModelGraph, history: frozenset[str]) -> bool:
        return True


@frozen(kw_only=True)
class Careless(Obedient):
    """Needs something that is never looked for."""

    name = "careless"
    needs = (Believed("measured", "somebody measured it"),)


@frozen(kw_only=True)
class Crashing(Obedient):
    """Looks for a node that most graphs do not have."""

    name = "crashing"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        super().apply(graph, context)
        {node.op: node for node in graph.nodes()}["softmax"]


@frozen(kw_only=True)
class Scribbling(Pass):
    """Writes to the tensors of the graph before, past torch's counting of writes."""

    name = "scribbling"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for name in weights(graph):
            graph.tensor(name).data.mul_(0.5)


@frozen(kw_only=True)
class Gambling(Pass):
    """Takes random numbers from torch and not from the context."""

    name = "gambling"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for name in weights(graph):
            graph.set_tensor(name, graph.tensor(name) + torch.randn(()))


@frozen(kw_only=True)
class Breaking(Obedient):
    """Declares types that do not follow from the operands."""

    name = "breaking"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        super().apply(graph, context)
        for node in graph.nodes(op="linear"):
            graph._replace_node(evolve(node, outputs=(node.type.with_dtype("int8"),)))


@frozen(kw_only=True)
class Widening(Obedient):
    """Returns one value more than before."""

    name = "widening"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        super().apply(graph, context)
        graph.set_outputs([*graph.outputs, graph.inputs[0]])


@frozen(kw_only=True)
class Inexact(Obedient):
    """Says that it changes nothing, and changes a thousandth."""

    name = "inexact"
    effect = Exact()
    factor: float = option(default=0.999, help="what weights are multiplied by")


@frozen(kw_only=True)
class Loose(Obedient):
    """Promises a hundredth, and changes half."""

    name = "loose"
    effect = Approximate(0.01)


@frozen(kw_only=True)
class ByBatch(Pass):
    """Exact for one example and for two, which is what `run` tries, and wrong for more of them."""

    name = "by-batch"
    effect = Exact()

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for node in graph.nodes(op="relu"):
            graph.insert_after(node, "roll", shifts=(2,), dims=(0,))


@frozen(kw_only=True)
class Unsaved(Pass):
    """Keeps what it computed from the weights where no state dict holds it."""

    name = "unsaved"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for node in graph.nodes(op="linear"):
            scale = graph.tensor(node.tensors["weight"]).abs().amax()
            held = graph.add_tensor(f"{node.name}.scale", scale, "buffer", persistent=False)
            graph.insert_after(node, "mul", graph.add("tensor", tensors={"value": held}))


@frozen(kw_only=True)
class Silent(Pass):
    """Does nothing, and tells its context that this is fine."""

    name = "silent"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        object.__setattr__(context, "allow_no_change", True)


@frozen(kw_only=True)
class Inventive(Obedient):
    """Refuses a node that there is not."""

    name = "inventive"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        super().apply(graph, context)
        context.refuse("ghost", "nobody has seen it")


@frozen(kw_only=True)
class Terse(Obedient):
    """Refuses a node and does not say why."""

    name = "terse"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        super().apply(graph, context)
        context.refuse(graph.inputs[0], " ")


BREAKERS: Iterable[tuple[str, type[Pass]]] = (
    ("options return", Forgetful),
    ("needs are required", Careless),
    ("refused in words", Crashing),
    ("input untouched", Scribbling),
    ("deterministic", Gambling),
    ("result valid", Breaking),
    ("border kept", Widening),
    ("effect kept", Inexact),
    ("effect kept", Loose),
    ("effect kept", ByBatch),
    ("state reloads", Unsaved),
    ("nothing is said", Silent),
    ("report true", Inventive),
    ("report true", Terse),
)

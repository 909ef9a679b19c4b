"""What the graphs of a run cost: counted always, and estimated where the recipe names the device that it is for."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from nadoo_core.cost import Cost, Device, Verdict, estimate, estimators_of, find_device
from nadoo_core.errors import ContextError, CoreCode, NadooError, Problem
from nadoo_core.store import our_digest
from nadoo_core.store.files import digest_value

if TYPE_CHECKING:
    from nadoo_core.recipe import Recipe
    from nadoo_core.registry import Registry
    from nadoo_graphs.graph import ModelGraph

Document = dict[str, Any]
ACCURACY = "accuracy"


class Costing:
    """The estimators of the plugins in use, pointed at the target of a recipe."""

    def __init__(self, recipe: "Recipe", registry: "Registry") -> None:
        self.recipe = recipe
        self.registry = registry

    @cached_property
    def device(self) -> Device | None:
        """The hardware that the recipe is for."""
        name = self.recipe.target.device
        return None if name is None else find_device(name, self.registry, beside=self.recipe.folder)

    @property
    def fingerprint(self) -> str:
        """A hash of what is known of the device, on which a pass that estimates depends."""
        return "" if self.device is None else self.device.fingerprint()

    def estimate(self, graph: "ModelGraph", device: str | None = None) -> Cost:
        """The cost of a graph on a device, by default the recipe's."""
        target = self.device if device is None else find_device(device, self.registry, beside=self.recipe.folder)
        if target is None:
            message = "an estimate was asked for and the recipe names no device; add device to [target]"
            raise ContextError(Problem(CoreCode.CONTEXT, f"recipe {self.recipe.name!r}", message))
        return estimate(graph, target, estimators_of(self.registry))

    def line(self, graph: "ModelGraph") -> Document:
        """What a ledger says of a graph's cost; what cannot be had is left out, and why is said."""
        found = counted(graph)
        if self.device is None:
            return found
        try:
            cost = self.estimate(graph)
        except NadooError as error:
            return {**found, "device": self.device.name, "unknown": [str(problem) for problem in error.problems]}
        summary = {name: value for name, value in cost.summary().items() if value is not None or not ends(name)}
        return {
            **found,
            "device": cost.device,
            **summary,
            "coverage": cost.coverage.document(),
            "unknown": list(cost.unknown()),
        }

    def verdicts(self, graph: "ModelGraph", metrics: Document) -> tuple[Verdict, ...]:
        """How a graph does against the recipe's budget; without a budget nothing is judged."""
        budget = self.recipe.target.budget
        if budget.empty:
            return ()
        accuracy = metrics.get(ACCURACY, {}).get("value")
        cost = self.estimate(graph) if self.device is not None else Cost(device="any")
        return budget.judge(cost, accuracy)

    def key(self, fingerprint: str) -> tuple[str, Document]:
        """The key of a graph's cost, and what it depends on."""
        offers = [(offer.name, offer.distribution, offer.version) for offer in self.registry.offers("estimators")]
        inputs = {"graph": fingerprint, "device": self.fingerprint, "estimators": offers, "sources": our_digest()}
        return digest_value({"kind": "cost", **inputs}), inputs


def ends(name: str) -> bool:
    """Whether a name is that of one end of a range."""
    return name.endswith(("_low", "_high"))


def counted(graph: "ModelGraph") -> Document:
    """What needs no device: parameters, bytes and work of one example."""
    from nadoo_graphs.counting import count
    from nadoo_graphs.sizes import symbols_of

    held = count(graph)
    sizes = {
        name: 1 for node in graph.nodes() for item in node.outputs for size in item.shape for name in symbols_of(size)
    }
    return {
        "parameters": held.parameters,
        "weight_bytes": held.weight_bytes,
        "value_bytes": held.value_bytes(sizes),
        "macs": held.macs(sizes),
    }

"""Budgets: what a device has to spare, and whether a model keeps within it."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from nadoo_core.cost.cost import Cost
from nadoo_core.cost.number import CostNumber
from nadoo_core.options import Bytes, Options, Seconds, Share, option

MOST_NODES = 3
RESOURCES: Mapping[str, str] = {
    "flash": "flash_bytes",
    "ram": "peak_ram_bytes",
    "latency": "latency_s",
    "energy": "energy_j",
    "macs": "macs",
}
"""The keys of a budget and the costs that they bound."""


@frozen(kw_only=True)
class Budget(Options):
    """What a model may cost; a key that is left out bounds nothing."""

    flash: Bytes | None = option(default=None, help="largest size of program and weights")
    ram: Bytes | None = option(default=None, help="largest peak of working memory")
    latency: Seconds | None = option(default=None, help="longest time of one inference")
    energy: float | None = option(default=None, above=0, help="largest energy of one inference, in joules")
    macs: int | None = option(default=None, minimum=0, help="most multiply-accumulates of one inference")
    accuracy: Share | None = option(default=None, help="lowest accuracy on validation data")

    @property
    def option_place(self) -> str:
        """How messages name it."""
        return "budget"

    @property
    def empty(self) -> bool:
        """Whether nothing is bounded."""
        return all(getattr(self, name) is None for name in (*RESOURCES, "accuracy"))

    def judge(self, cost: Cost, accuracy: float | None = None) -> "tuple[Verdict, ...]":
        """Every resource that is bounded, and how the model does there."""
        return tuple(self.verdicts(cost, accuracy))

    def verdicts(self, cost: Cost, accuracy: float | None) -> "Iterator[Verdict]":
        """One resource after the other."""
        for resource, name in RESOURCES.items():
            allowed = getattr(self, resource)
            if allowed is not None:
                nodes = tuple(node.name for node in cost.largest(name, MOST_NODES))
                yield Verdict(resource, float(allowed), cost.number(name), nodes, worst=cost.worst.get(name))
        if self.accuracy is not None:
            measured = CostNumber.exact(accuracy) if accuracy is not None else CostNumber.unknown("it was not measured")
            yield Verdict("accuracy", self.accuracy, measured, (), least=True)


@frozen
class Verdict:
    """One resource of a budget: what is allowed, what the model takes, and the nodes that take most of it."""

    resource: str
    allowed: float
    estimate: CostNumber
    nodes: tuple[str, ...] = ()
    least: bool = False
    """Whether the budget is a lowest and not a highest value."""
    worst: CostNumber | None = None
    """What a model with conditional nodes takes if all of them do their work."""

    @property
    def exceeded(self) -> bool:
        """Whether the estimate is beyond the budget; an unknown one is not, and its reasons are told."""
        value = self.estimate.value
        return value is not None and (value < self.allowed if self.least else value > self.allowed)

    @property
    def excess(self) -> float | None:
        """How much too much, or too little, there is."""
        value = self.estimate.value
        if value is None:
            return None
        return max(self.allowed - value if self.least else value - self.allowed, 0.0)

    @property
    def doubtful(self) -> bool:
        """Whether the budget lies inside the range of the estimate, so that a measurement may decide otherwise.

        The range of a model with conditional nodes ends where their worst case does.
        """
        low, high = self.estimate.low, (self.worst or self.estimate).high
        return low is not None and high is not None and low <= self.allowed < high

    def document(self) -> dict[str, Any]:
        """The verdict for programs."""
        return {
            "resource": self.resource,
            "budget": self.allowed,
            "estimate": self.estimate.value,
            "low": self.estimate.low,
            "high": self.estimate.high,
            "worst": None if self.worst is None else self.worst.value,
            "excess": self.excess,
            "exceeded": self.exceeded,
            "doubtful": self.doubtful,
            "unknown": list(self.estimate.reasons),
            "nodes": list(self.nodes),
        }

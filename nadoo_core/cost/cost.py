"""Cost: what a model costs on a device, node by node and in total, with how much of it anybody modelled."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from nadoo_core.cost.number import CostNumber
from nadoo_graphs.node import frozen_mapping

COSTS = ("macs", "flash_bytes", "peak_ram_bytes", "latency_s", "energy_j")
"""What a cost has, each name with its unit."""
NOT_ASKED = CostNumber.unknown("no estimator in use gives it")


def numbers() -> Any:
    """A table of cost numbers by the names in `COSTS`."""
    return field(factory=dict[str, CostNumber], converter=frozen_mapping)


@frozen
class NodeCost:
    """What one node costs; the peak of memory belongs to no node, so there it is what lives while the node runs."""

    name: str
    op: str
    costs: Mapping[str, CostNumber] = numbers()
    worst: Mapping[str, CostNumber] = numbers()
    """Of a conditional node, whose costs are the expected ones: what it costs when it does its work."""

    def document(self) -> dict[str, Any]:
        """The node for programs."""
        found: dict[str, Any] = {"name": self.name, "op": self.op}
        for name in COSTS:
            found.update(self.costs.get(name, NOT_ASKED).document(name))
        return {**found, "worst": worst_document(self.worst)} if self.worst else found


def worst_document(worst: Mapping[str, CostNumber]) -> dict[str, Any] | None:
    """The worst case for programs; None where nothing is conditional."""
    return {key: value for name, number in worst.items() for key, value in number.document(name).items()} or None


@frozen
class Coverage:
    """The shares of multiply-accumulates and of bytes moved that a latency or energy accounts for; both 0 to 1."""

    macs: float = 1.0
    bytes: float = 1.0

    def document(self) -> dict[str, float]:
        """The shares for programs."""
        return {"macs": self.macs, "bytes": self.bytes}


@frozen(kw_only=True)
class Cost:
    """What a graph costs on a device; what is not known says why, and what nobody modelled is listed."""

    device: str
    totals: Mapping[str, CostNumber] = numbers()
    nodes: tuple[NodeCost, ...] = ()
    coverage: Coverage = Coverage()
    unmodelled: tuple[str, ...] = ()
    """The nodes that latency and energy leave out."""
    notes: tuple[str, ...] = ()
    estimators: Mapping[str, str] = field(factory=dict[str, str], converter=frozen_mapping)
    """Which estimator gave which total."""
    ranges: Mapping[str, str] = field(factory=dict[str, str], converter=frozen_mapping)
    """Where the range of each total comes from: what was held out, or what is assumed."""
    worst: Mapping[str, CostNumber] = numbers()
    """What a graph with conditional nodes costs if all of them do their work; the totals are the expected ones."""

    def number(self, name: str) -> CostNumber:
        """One total; what no estimator gave is unknown."""
        return self.totals.get(name, NOT_ASKED)

    @property
    def macs(self) -> CostNumber:
        """Multiply-accumulates of one example."""
        return self.number("macs")

    @property
    def flash(self) -> CostNumber:
        """Bytes of program and weights."""
        return self.number("flash_bytes")

    @property
    def ram(self) -> CostNumber:
        """The peak of working memory in bytes."""
        return self.number("peak_ram_bytes")

    @property
    def latency(self) -> CostNumber:
        """Seconds of one inference."""
        return self.number("latency_s")

    @property
    def energy(self) -> CostNumber:
        """Joules of one inference."""
        return self.number("energy_j")

    def unknown(self) -> Iterator[str]:
        """Every cost that is not known, with the reasons."""
        for name in COSTS:
            number = self.number(name)
            if not number.known:
                yield f"{name} is unknown, because {'; '.join(number.reasons)}"

    def largest(self, name: str, count: int = 3) -> tuple[NodeCost, ...]:
        """The nodes that contribute most to a cost, the largest first."""
        known = [node for node in self.nodes if node.costs.get(name, NOT_ASKED).value]
        return tuple(sorted(known, key=lambda node: -(node.costs[name].value or 0.0))[:count])

    def summary(self) -> dict[str, Any]:
        """The totals alone, for a ledger."""
        found: dict[str, Any] = {}
        for name in COSTS:
            found.update(self.number(name).document(name))
        return found

    def document(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "device": self.device,
            **self.summary(),
            "worst": worst_document(self.worst),
            "coverage": self.coverage.document(),
            "unknown": list(self.unknown()),
            "unmodelled": list(self.unmodelled),
            "estimators": dict(self.estimators),
            "ranges": dict(self.ranges),
            "notes": list(self.notes),
            "nodes": [node.document() for node in self.nodes],
        }

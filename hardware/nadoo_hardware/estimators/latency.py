"""Latency of a node: by calibration, else by published rates, else by a roofline, else unknown and why."""

from collections.abc import Mapping

from attrs import frozen

from nadoo_core.cost import CostNumber, Device
from nadoo_core.cost.fact import Fact
from nadoo_core.cost.rates import mac_seconds, missing_rate
from nadoo_hardware.estimators.assumptions import assumptions
from nadoo_hardware.estimators.terms import mac_terms, node_time
from nadoo_hardware.estimators.work import GraphWork, NodeWork

WORKING = ("dram", "sram", "l3", "l2")
"""The levels of memory that values come from, the slowest first."""
CALIBRATION, MEASURED, DERIVED, ROOFLINE, NONE = "calibration", "rate.measured", "rate.derived", "roofline", ""
EXECUTED = "executed"
BASES = {
    MEASURED: "assumed for rates measured on the device",
    DERIVED: "assumed for rates that follow from instructions and cycles",
    ROOFLINE: "assumed for rooflines",
}
"""What the range of a time comes from where no calibration covers it."""


@frozen
class Timed:
    """The seconds of one node, and what they and their range come from."""

    number: CostNumber
    basis: str = NONE


def node_latency(work: NodeWork, device: Device) -> Timed:
    """The seconds of one node."""
    if work.moves_only:
        return by_calibration(work, device) or Timed(CostNumber.exact(0.0))
    if work.opaque:
        return Timed(CostNumber.unknown("an operator without a row is not modelled"))
    return by_calibration(work, device) or by_rate(work, device) or by_roofline(work, device)


def node_times(work: GraphWork, given: GraphWork, own: Mapping[str, CostNumber], device: Device) -> list[Timed]:
    """The seconds of all nodes; `own` are those known from the program of the graph as it was given."""
    pairs = zip(work.nodes, given.nodes, strict=True)
    return [node_time_of(node, before, own.get(node.name), device) for node, before in pairs]


def node_time_of(work: NodeWork, given: NodeWork, own: CostNumber | None, device: Device) -> Timed:
    """What the program says of a node, and of another format in proportion to what is otherwise known of both."""
    if own is None:
        return node_latency(work, device)
    if work == given or not own.value:
        return Timed(own, EXECUTED)
    one, other = node_latency(given, device).number, node_latency(work, device)
    if not one.value or other.number.value is None:
        return other
    return Timed(own.times(other.number.value / one.value), EXECUTED)


def by_calibration(work: NodeWork, device: Device) -> Timed | None:
    """Coefficients times work; None where the device has no calibration, or it has none for these layers."""
    fitted = None if device.calibration is None else device.calibration.latency
    spent = None if fitted is None else node_time(work, fitted.coefficients)
    if fitted is None or spent is None:
        return None
    clock = device.clock_hz.value if fitted.unit == "cycles" and device.clock_hz is not None else 1.0
    return Timed(fitted.within(spent / clock), CALIBRATION)


def by_rate(work: NodeWork, device: Device) -> Timed | None:
    """Multiply-accumulates times the published time of one; None where none is published."""
    rate = mac_seconds(device, work.kind, work.weights, work.activations) if work.macs else None
    if rate is None:
        return None
    part = "measured" if rate.quality == "measured" else "derived"
    spread = assumptions().range("rate", part)
    number = CostNumber.within(work.macs * rate.value, spread.below, spread.above)
    return Timed(with_overhead(number, device), f"rate.{part}")


def by_roofline(work: NodeWork, device: Device) -> Timed:
    """The slower of computing at a share of the peak and of moving all bytes (8.4)."""
    peak, bandwidth = device.peak(work.weights) or device.peak(work.activations), slowest_memory(device)
    if work.macs and peak is None:
        reasons = (missing_rate(device, work.kind, work.weights), f"no peak at {work.weights} is known")
        return Timed(CostNumber.unknown(*missing_coefficient(work, device), *reasons))
    if bandwidth is None:
        return Timed(CostNumber.unknown("no bandwidth of its memory is known"))
    assumed = assumptions()
    computing = work.macs / (peak.value * assumed.number("roofline", "utilisation")) if peak and work.macs else 0.0
    moving = (work.weight_bytes + work.value_bytes) / bandwidth.value
    spread = assumed.range("roofline")
    number = CostNumber.within(max(computing, moving), spread.below, spread.above)
    return Timed(with_overhead(number, device), ROOFLINE)


def missing_coefficient(work: NodeWork, device: Device) -> tuple[str, ...]:
    """Why the calibration of a device does not say what a layer takes; nothing where it has none."""
    if device.calibration is None or device.calibration.latency is None:
        return ()
    return (f"the calibration {device.calibration.name!r} has no coefficient of {mac_terms(work)[-1]}",)


def with_overhead(number: CostNumber, device: Device) -> CostNumber:
    """The time with what calling an operator costs by itself, where that is known."""
    if device.overhead_s is None:
        return number
    spread = assumptions().range("overhead")
    return number.plus(CostNumber.within(device.overhead_s.value, spread.below, spread.above))


def slowest_memory(device: Device) -> Fact[float] | None:
    """The bandwidth of the memory that values live in."""
    known = {str(level): fact for level, fact in device.bandwidth.items()}
    return next((known[level] for level in WORKING if level in known), None)

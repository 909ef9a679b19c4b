"""Latency of a node: by the device's published rates, else by a roofline, else unknown and which fact is missing."""

from nadoo_core.cost import CostNumber, Device
from nadoo_core.cost.fact import Fact
from nadoo_core.cost.rates import mac_seconds, missing_rate
from nadoo_hardware.estimators.assumptions import assumptions
from nadoo_hardware.estimators.work import NodeWork

WORKING = ("dram", "sram", "l3", "l2")
"""The levels of memory that values come from, the slowest first."""


def node_latency(work: NodeWork, device: Device) -> CostNumber:
    """The seconds of one node."""
    if work.moves_only:
        return CostNumber.exact(0.0)
    if work.opaque:
        return CostNumber.unknown("an operator without a row is not modelled")
    timed = by_rate(work, device) if work.macs else None
    return timed or by_roofline(work, device)


def by_rate(work: NodeWork, device: Device) -> CostNumber | None:
    """Multiply-accumulates times the published time of one; None where none is published."""
    rate = mac_seconds(device, work.kind, work.weights, work.activations)
    if rate is None:
        return None
    spread = assumptions().range("rate", "measured" if rate.quality == "measured" else "derived")
    return with_overhead(CostNumber.within(work.macs * rate.value, spread.below, spread.above), device)


def by_roofline(work: NodeWork, device: Device) -> CostNumber:
    """The slower of computing at a share of the peak and of moving all bytes (8.4)."""
    peak, bandwidth = device.peak(work.weights) or device.peak(work.activations), slowest_memory(device)
    if work.macs and peak is None:
        return CostNumber.unknown(missing_rate(device, work.kind, work.weights), f"no peak at {work.weights} is known")
    if bandwidth is None:
        return CostNumber.unknown("no bandwidth of its memory is known")
    assumed = assumptions()
    computing = work.macs / (peak.value * assumed.number("roofline", "utilisation")) if peak and work.macs else 0.0
    moving = (work.weight_bytes + work.value_bytes) / bandwidth.value
    spread = assumed.range("roofline")
    return with_overhead(CostNumber.within(max(computing, moving), spread.below, spread.above), device)


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

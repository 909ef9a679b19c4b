"""Energy: of cycles at a supply current, of power over time, or of operations and bytes; the first that is known."""

from nadoo_core.cost import CostNumber, Device
from nadoo_core.cost.device import find
from nadoo_hardware.estimators.assumptions import assumptions
from nadoo_hardware.estimators.work import NodeWork

PICO = 1e-12
LEVELS = ("dram", "sram", "flash", "cache_1m", "cache_32k", "cache_8k")


def node_energy(work: NodeWork, latency: CostNumber, device: Device) -> CostNumber:
    """The joules of one node."""
    if work.moves_only:
        return CostNumber.exact(0.0)
    return by_time(latency, device) or by_operations(work, latency, device)


def by_time(latency: CostNumber, device: Device) -> CostNumber | None:
    """Cycles times the energy of one, or the power while computing times the time; None if neither is published."""
    power = running_watts(device)
    if power is None:
        return None
    spread = assumptions().range("energy")
    found = latency.times(power)
    if found.value is None:
        return found
    return CostNumber.within(found.value, min(spread.below, low_share(found)), max(spread.above, high_share(found)))


def running_watts(device: Device) -> float | None:
    """The power while it computes: printed, or current times voltage times clock."""
    if device.active_w is not None:
        return device.active_w.value
    cycle = device.energy_pj_per_cycle()
    if cycle is None or device.clock_hz is None:
        return None
    return cycle.value * PICO * device.clock_hz.value


def by_operations(work: NodeWork, latency: CostNumber, device: Device) -> CostNumber:
    """Operations and bytes at their published energies, and what the device draws whatever it does."""
    if work.opaque:
        return CostNumber.unknown("an operator without a row is not modelled")
    each = find(device.energy_pj_per_mac, work.weights) or find(device.energy_pj_per_mac, work.activations)
    moved = next(
        (find(device.energy_pj_per_byte, level) for level in LEVELS if level in device.energy_pj_per_byte), None
    )
    reasons = [f"energy_pj_per_mac.{work.weights} is not known"] if work.macs and each is None else []
    reasons += ["energy_pj_per_byte is not known"] if moved is None else []
    if reasons:
        return CostNumber.unknown(*reasons, "neither active_w nor current_ua_per_mhz with volts and clock_hz is known")
    joules = (work.macs * each.value if each else 0.0) * PICO
    joules += (work.weight_bytes + work.value_bytes) * (moved.value if moved else 0.0) * PICO
    spread = assumptions().range("energy")
    found = CostNumber.within(joules, spread.below, spread.above)
    return found if device.static_w is None else found.plus(latency.times(device.static_w.value))


def low_share(number: CostNumber) -> float:
    """The low end as a share of the value."""
    return number.low / number.value if number.low is not None and number.value else 1.0


def high_share(number: CostNumber) -> float:
    """The high end as a multiple of the value."""
    return number.high / number.value if number.high is not None and number.value else 1.0


def power_doubt(latency: CostNumber, energy: CostNumber, device: Device) -> str | None:
    """A warning where the average power is below idling or above what the device may draw (8.8)."""
    if not latency.value or energy.value is None:
        return None
    watts = energy.value / latency.value
    if device.tdp_w is not None and watts > device.tdp_w.value:
        return f"implausible power: {watts:.3g} W on average, and the device draws at most {device.tdp_w.value:g} W"
    if device.idle_w is not None and watts < device.idle_w.value:
        return f"implausible power: {watts:.3g} W on average, and the device idles at {device.idle_w.value:g} W"
    return None

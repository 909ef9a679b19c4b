"""The time of one multiply-accumulate on a device: from its tables, never from its peak."""

from collections.abc import Mapping
from math import exp, log
from typing import Any

from nadoo_core.cost.device import Device, Number, find
from nadoo_core.cost.fact import Fact
from nadoo_core.cost.precision import precision_bits


def mac_seconds(device: Device, kind: str, weights: str, activations: str | None = None) -> Number | None:
    """Seconds a multiply-accumulate: from a table of times, of pairs of precisions, or of cycles; None if unknown."""
    timed = between_precisions(find(device.seconds_per_mac, kind) or {}, weights)
    if timed is not None:
        return timed
    pair = find(device.mac_per_cycle_pair, f"{activations or weights}-{weights}")
    if pair is not None and device.clock_hz is not None:
        return derived(1.0 / (pair.value * device.clock_hz.value), pair, "1 / (rate of the pair × clock_hz)")
    cycles = device.mac_cycles(kind, weights)
    if cycles is not None and device.clock_hz is not None:
        return derived(cycles.value / device.clock_hz.value, cycles, f"{cycles.note or 'cycles'} / clock_hz")
    return None


def missing_rate(device: Device, kind: str, weights: str) -> str:
    """Why the time is not known, as a reason that names the facts that would have given it."""
    rate = f"{kind}.{weights}"
    if device.clock_hz is None and (device.mac_cycles(kind, weights) or device.mac_per_cycle_pair):
        return "clock_hz is not known"
    if find(device.instructions_per_mac, kind, weights) is not None:
        return f"neither cycles_per_mac of {rate} nor cycles_per_instruction is known"
    return f"no rate for {rate} is known (seconds_per_mac, cycles_per_mac or instructions_per_mac)"


def derived(value: float, fact: Fact[Any], note: str) -> Number:
    """A number that follows from a fact."""
    return Fact(value, fact.source, "derived", note)


def between_precisions(table: Mapping[Any, Number], precision: str) -> Number | None:
    """The time at a precision: as it is listed, or on the line through its neighbours in log bits and log time.

    Never extrapolated: a precision beyond those listed has no time.
    """
    if precision in table:
        return table[precision]
    bits = precision_bits(precision)
    if bits is None:
        return None
    points = sorted((precision_bits(name) or 0.0, fact.value, name, fact) for name, fact in table.items())
    narrower = [point for point in points if point[0] <= bits]
    wider = [point for point in points if point[0] >= bits]
    if not narrower or not wider:
        return None
    low, high = narrower[-1], wider[0]
    if low[0] == high[0]:
        return derived(max(low[1], high[1]), high[3], f"as {high[2]}, which has as many bits")
    share = (log(bits) - log(low[0])) / (log(high[0]) - log(low[0]))
    value = exp(log(low[1]) + share * (log(high[1]) - log(low[1])))
    return derived(value, low[3], f"between {low[2]} and {high[2]} on a log scale")

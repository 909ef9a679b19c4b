"""Bounds on the time of one operator from peak arithmetic and memory bandwidth, and where one bound meets the other.

Rates are multiply-accumulates and bytes a second; a multiply-accumulate is two floating-point operations.
"""

from math import inf

from nadoo_core.formulas.parameters import above, at_least, require, share_above_zero, whole

FLOP_PER_MAC = 2


def roofline_time(
    macs: float,
    traffic_bytes: float,
    peak_macs: float,
    bandwidth: float,
    utilisation: float = 1.0,
    cost_per_mac: float = 1.0,
    overhead: float = 0.0,
) -> float:
    """The seconds of one operator: the slower of arithmetic and memory, and what a call costs by itself.

    Law: max(macs·c/(u·P), bytes/BW) + overhead; at least each term; non-increasing in P and BW, non-decreasing in
    macs and bytes; multiplying P and BW by k divides the time without the overhead by k.
    """
    require(
        at_least("macs", macs, 0),
        at_least("traffic_bytes", traffic_bytes, 0),
        above("peak_macs", peak_macs, 0),
        above("bandwidth", bandwidth, 0),
        share_above_zero("utilisation", utilisation),
        above("cost_per_mac", cost_per_mac, 0),
        at_least("overhead", overhead, 0),
    )
    return max(macs * cost_per_mac / (utilisation * peak_macs), traffic_bytes / bandwidth) + overhead


def ridge_intensity(peak_macs: float, bandwidth: float) -> float:
    """The operations a byte from which on arithmetic, and no longer memory, is the bound.

    Law: 2P/BW; at that intensity both terms of the roofline are equal.
    """
    require(above("peak_macs", peak_macs, 0), above("bandwidth", bandwidth, 0))
    return FLOP_PER_MAC * peak_macs / bandwidth


def linear_traffic(batch: int, inputs: int, outputs: int, element_bytes: float) -> float:
    """The bytes that a linear layer moves when weights, input and output each cross the memory once.

    Law: (in·out + batch·(in + out))·bytes an element; additive in the batch.
    """
    require(
        whole("batch", batch, 1),
        whole("inputs", inputs, 1),
        whole("outputs", outputs, 1),
        above("element_bytes", element_bytes, 0),
    )
    return (inputs * outputs + batch * (inputs + outputs)) * element_bytes


def linear_intensity(batch: int, inputs: int, outputs: int, element_bytes: float) -> float:
    """The operations a byte of a linear layer.

    Law: 2·batch·in·out/bytes; rises with the batch towards 2·in·out/((in + out)·bytes an element), never reaching it.
    """
    return FLOP_PER_MAC * batch * inputs * outputs / linear_traffic(batch, inputs, outputs, element_bytes)


def crossover_batch(ridge: float, width: int, element_bytes: float = 2.0) -> float:
    """The batch from which on a linear layer of width × width is bound by arithmetic; infinite where none is.

    Law: J/(1 − 2J/n) with J = I*·bytes/2, which is I*/(1 − 2I*/n) at two bytes; there its intensity is the ridge.
    """
    require(above("ridge", ridge, 0), whole("width", width, 1), above("element_bytes", element_bytes, 0))
    rows = ridge * element_bytes / FLOP_PER_MAC
    return rows / (1.0 - 2.0 * rows / width) if 2.0 * rows < width else inf

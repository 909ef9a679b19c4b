"""The program that a graph becomes on a microcontroller, whose memory is then known and not estimated."""

import re
from collections.abc import Iterator

from attrs import frozen

from nadoo_core.cost import CostNumber, Device
from nadoo_core.cost.calibrated import CalibratedCost
from nadoo_core.cost.number import NOTHING
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import Kernel, Program
from nadoo_graphs.lowered.sizing import Footprint, footprint
from nadoo_hardware.estimators.program_terms import executed_terms, printed_terms
from nadoo_hardware.estimators.work import GraphWork

BEYOND = 4
"""A model of so many times the flash is not for this device, and not worth the time."""


@frozen
class Lowered:
    """The footprint of a graph, or why there is none."""

    found: Footprint | None
    reason: str = ""


def lowered(graph: ModelGraph, work: GraphWork, device: Device) -> Lowered:
    """Lower a graph for a microcontroller that it could fit."""
    if device.flash_bytes is None:
        return Lowered(None)
    if sum(work.flash.values()) > BEYOND * device.flash_bytes.value:
        return Lowered(None, "as planned in the graph: the model is far too large to be lowered for this device")
    try:
        return Lowered(footprint(graph))
    except GraphError as error:
        problem = error.problems[0]
        return Lowered(None, f"as planned in the graph, which cannot be lowered: {problem.where} {problem.message}")


def program_code(program: Lowered, device: Device) -> CostNumber | None:
    """The bytes of code by the statements of the program; None where the device has no such calibration."""
    fitted = None if device.calibration is None else device.calibration.printed
    if fitted is None or program.found is None:
        return None
    return spent(printed_terms(program.found.program), fitted)


def program_times(program: Lowered, device: Device) -> dict[str, CostNumber]:
    """The seconds of each node by what its kernel executes, all of it with the first node that the kernel computes.

    Nodes without a kernel take no time; a kernel that does what the calibration has not seen leaves its nodes out.
    """
    fitted = None if device.calibration is None else device.calibration.executed
    if fitted is None or program.found is None:
        return {}
    clock = device.clock_hz.value if fitted.unit == "cycles" and device.clock_hz is not None else 1.0
    lowered_program = program.found.program
    found = dict.fromkeys(nodes_of(lowered_program), NOTHING)
    for kernel in lowered_program.kernels:
        names, time = layers(kernel), spent(executed_terms(kernel), fitted)
        if time is None:
            found = {name: number for name, number in found.items() if name not in names}
        elif names and names[0] in found:
            found[names[0]] = found[names[0]].plus(time.times(1.0 / clock))
    return found


def nodes_of(program: Program) -> Iterator[str]:
    """The nodes that kernels compute."""
    for kernel in program.kernels:
        yield from layers(kernel)


def layers(kernel: Kernel) -> list[str]:
    """The nodes that a kernel computes; those that were fused are joined in its layer."""
    return re.split(r" [+>] ", kernel.layer) if kernel.layer else []


def spent(terms: dict[str, float], fitted: CalibratedCost) -> CostNumber | None:
    """Coefficients times work; None where there is work without a coefficient."""
    if any(many and name not in fitted.coefficients for name, many in terms.items()):
        return None
    return fitted.within(sum(fitted.coefficients[name] * many for name, many in terms.items() if many))

"""The program that a graph becomes on a microcontroller, whose memory is then known and not estimated."""

from attrs import frozen

from nadoo_core.cost import Device
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered.sizing import Footprint, footprint
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

"""Kernels that only move elements."""

from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.program import Kernel, Slice
from nadoo_graphs.lowered.types import Kind


def copy_kernel(name: str, given: Slice, taken: Slice, memory: Kind, layer: str = "") -> Kernel:
    """A kernel that copies a slice element by element."""
    body = Body()
    with body.parallel("i", given.length) as i:
        body.store(Place("y", memory), i, Place("x", memory).at(i))
    return Kernel(
        name=name,
        operator="copy",
        format=memory.value,
        roles={"x": given, "y": taken},
        body=body.statements,
        layer=layer,
        comment=f"copies {given.length} elements",
    )

"""What a graph takes once it is lowered: known from the program alone, before anything is printed or compiled."""

from collections.abc import Mapping

from attrs import frozen

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered.lowering import Rule, lower
from nadoo_graphs.lowered.optimizing import optimize
from nadoo_graphs.lowered.planning import plan
from nadoo_graphs.lowered.program import FLASH, Program


@frozen
class Footprint:
    """The bytes of an optimized and planned program, and the program itself."""

    program: Program
    arena_bytes: int
    border_bytes: int
    """Inputs and outputs, which callers hold."""
    constants_bytes: int

    @property
    def ram_bytes(self) -> int:
        """All but the stack."""
        return self.arena_bytes + self.border_bytes


def footprint(graph: ModelGraph, rules: Mapping[str, Rule] | None = None) -> Footprint:
    """What a graph takes as plain loops; a `LoweredError` says why it cannot be lowered."""
    program = plan(optimize(lower(graph, rules)))
    return Footprint(
        program=program,
        arena_bytes=program.arena_bytes,
        border_bytes=sum(program.buffers[name].bytes for name in (*program.inputs, *program.outputs)),
        constants_bytes=constants_bytes(program),
    )


def constants_bytes(program: Program) -> int:
    """The constants that kernels read, each once."""
    used = {
        kernel.roles[role].buffer
        for kernel in program.kernels
        for role in kernel.read
        if program.buffer_of(kernel, role).storage == FLASH
    }
    return sum(program.buffers[name].bytes for name in used)

"""How much a kernel does: the statements that it executes, which is what interpreters take their time by."""

from nadoo_graphs.lowered.expressions import Number
from nadoo_graphs.lowered.program import Program
from nadoo_graphs.lowered.statements import For, If, Statement


def work_of(program: Program) -> int:
    """The statements that a run of a program executes."""
    return sum(turns(kernel.body) for kernel in program.kernels)


def turns(body: tuple[Statement, ...]) -> int:
    """How many statements are executed, loops of unknown length taken once, conditions as if they held."""
    found = 0
    for statement in body:
        if isinstance(statement, For):
            found += turns(statement.body) * length_of(statement)
        else:
            found += turns(statement.body) if isinstance(statement, If) else 1
    return found


def length_of(loop: For) -> int:
    """How often a loop turns, as far as that is known."""
    if not isinstance(loop.start, Number) or not isinstance(loop.stop, Number):
        return 1
    return max(0, int(loop.stop.value) - int(loop.start.value))

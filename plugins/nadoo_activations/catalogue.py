"""Which operators are activations, and how a person may spell them."""

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.options import did_you_mean
from nadoo_graphs.ops import Op, OpTable
from nadoo_graphs.ops import activation as of_torch
from nadoo_graphs.ops import rectifier as of_nadoo

ONE = (1, 1)
"""The arity of what has one operand."""
NO_CURVES = frozenset({"glu", "log_softmax", "softmax"})
"""These combine the elements of an axis into something of another kind."""
CURVES = frozenset(row.name for row in (*of_torch.ROWS, *of_nadoo.ROWS)) - NO_CURVES


def spellings(row: Op) -> set[str]:
    """How an operator may be called: its name and aliases, in any case, with hyphens or underscores."""
    return {name.casefold().replace("-", "_") for name in (row.name, *row.aliases)}


def op_named(name: str, ops: OpTable, where: str) -> Op:
    """The operator of a name, one of ours or of a plugin's, or an error with the nearest right one."""
    wanted = name.casefold().replace("-", "_")
    found = next((row for row in ops if row.name == name or wanted in spellings(row)), None)
    if found is not None:
        return found
    known = sorted(row.name for row in ops if row.arity == ONE)
    message = f"is {name!r}, which is no operator; {did_you_mean(name, known)}"
    raise PassError(Problem(CoreCode.UNKNOWN_NAME, where, message))

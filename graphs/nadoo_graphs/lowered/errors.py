"""What can be wrong with a lowered program, or with lowering a graph."""

from nadoo_graphs.errors import Code, GraphError, Problem


class LoweredError(GraphError):
    """A graph cannot be lowered, or a lowered program breaks a rule; every violation is named."""


def refused(code: Code, where: str, message: str) -> LoweredError:
    """An error with one problem."""
    return LoweredError(Problem(code, where, message))

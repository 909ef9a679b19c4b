"""What can be wrong with a request for a memory plan."""

from nadoo_graphs.errors import GraphError


class MemoryPlanError(GraphError):
    """Buffers, a program or an option from which no memory plan can be made."""

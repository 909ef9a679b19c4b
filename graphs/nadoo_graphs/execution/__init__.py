"""Running a graph: as a generated PyTorch module that trains, or node by node with intermediate values kept."""

from nadoo_graphs.execution.interpreter import Execution, execute
from nadoo_graphs.execution.module import ModelModule, to_module

__all__ = ["Execution", "ModelModule", "execute", "to_module"]

"""A graph on the disk: JSON and safetensors, written atomically, and read back with every check."""

from nadoo_graphs.saving.limits import Limits
from nadoo_graphs.saving.read import load
from nadoo_graphs.saving.write import save

__all__ = ["Limits", "load", "save"]

"""nadoo from Python: `import nadoo_core as nadoo`, then `nadoo.capture(model, example_inputs)`.

The names below are imported when they are used, so that importing the package never waits for torch.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_graphs.capture import capture
    from nadoo_graphs.errors import GraphError
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.node import NodeSpec
    from nadoo_graphs.patterns import Pattern
    from nadoo_graphs.saving import load

__all__ = ["GraphError", "ModelGraph", "NodeSpec", "Pattern", "capture", "load"]

HOMES = {
    "GraphError": "nadoo_graphs.errors",
    "ModelGraph": "nadoo_graphs.graph",
    "NodeSpec": "nadoo_graphs.node",
    "Pattern": "nadoo_graphs.patterns",
    "capture": "nadoo_graphs.capture",
    "load": "nadoo_graphs.saving",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)

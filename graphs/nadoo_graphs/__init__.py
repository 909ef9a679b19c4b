"""What a model is: a graph of nodes with its tensors, to be looked at, changed, run, saved and loaded.

The names below are imported when they are used, so that importing the package never waits for torch.
`nadoo_graphs.capture` stays the module of that name; its function is `nadoo_core.capture`.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_graphs.errors import (
        CaptureError,
        Code,
        DegenerateTensorError,
        EditError,
        EmptyTensorError,
        FormatError,
        GraphError,
        InvalidGraphError,
        LoadError,
        NonFiniteError,
        Problem,
        SaveError,
    )
    from nadoo_graphs.formats import standard_formats
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.node import Node, NodeSpec, Origin
    from nadoo_graphs.ops import Op, OpTable, standard_ops
    from nadoo_graphs.patterns import Pattern
    from nadoo_graphs.saving import load
    from nadoo_graphs.values import Value, ValueType

__all__ = [
    "CaptureError",
    "Code",
    "DegenerateTensorError",
    "EditError",
    "EmptyTensorError",
    "FormatError",
    "GraphError",
    "InvalidGraphError",
    "LoadError",
    "ModelGraph",
    "Node",
    "NodeSpec",
    "NonFiniteError",
    "Op",
    "OpTable",
    "Origin",
    "Pattern",
    "Problem",
    "SaveError",
    "Value",
    "ValueType",
    "load",
    "standard_formats",
    "standard_ops",
]

HOMES = {
    "CaptureError": "nadoo_graphs.errors",
    "Code": "nadoo_graphs.errors",
    "DegenerateTensorError": "nadoo_graphs.errors",
    "EditError": "nadoo_graphs.errors",
    "EmptyTensorError": "nadoo_graphs.errors",
    "FormatError": "nadoo_graphs.errors",
    "GraphError": "nadoo_graphs.errors",
    "InvalidGraphError": "nadoo_graphs.errors",
    "LoadError": "nadoo_graphs.errors",
    "ModelGraph": "nadoo_graphs.graph",
    "Node": "nadoo_graphs.node",
    "NodeSpec": "nadoo_graphs.node",
    "NonFiniteError": "nadoo_graphs.errors",
    "Op": "nadoo_graphs.ops",
    "OpTable": "nadoo_graphs.ops",
    "Origin": "nadoo_graphs.node",
    "Pattern": "nadoo_graphs.patterns",
    "Problem": "nadoo_graphs.errors",
    "SaveError": "nadoo_graphs.errors",
    "Value": "nadoo_graphs.values",
    "ValueType": "nadoo_graphs.values",
    "load": "nadoo_graphs.saving",
    "standard_formats": "nadoo_graphs.formats",
    "standard_ops": "nadoo_graphs.ops",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)

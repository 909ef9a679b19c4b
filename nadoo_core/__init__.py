"""nadoo from Python: `import nadoo_core as nadoo`, then `nadoo.capture(model, example_inputs)`.

The names below are imported when they are used, so that importing the package never waits for torch.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.passes import (
        Approximate,
        Context,
        Exact,
        LayerTable,
        Pass,
        Property,
        Selector,
        Unbounded,
        option,
    )
    from nadoo_core.recipe import read_recipe
    from nadoo_core.registry import Plugin, Registry, hookimpl
    from nadoo_core.runs import run
    from nadoo_graphs.capture import capture
    from nadoo_graphs.errors import GraphError
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.node import NodeSpec
    from nadoo_graphs.patterns import Pattern
    from nadoo_graphs.saving import load

__all__ = [
    "Approximate",
    "Context",
    "Exact",
    "GraphError",
    "LayerTable",
    "ModelGraph",
    "NodeSpec",
    "Pass",
    "Pattern",
    "Plugin",
    "Property",
    "Registry",
    "Selector",
    "Unbounded",
    "capture",
    "hookimpl",
    "load",
    "option",
    "read_recipe",
    "run",
]

HOMES = {
    "Approximate": "nadoo_core.passes",
    "Context": "nadoo_core.passes",
    "Exact": "nadoo_core.passes",
    "GraphError": "nadoo_graphs.errors",
    "LayerTable": "nadoo_core.passes",
    "ModelGraph": "nadoo_graphs.graph",
    "NodeSpec": "nadoo_graphs.node",
    "Pass": "nadoo_core.passes",
    "Pattern": "nadoo_graphs.patterns",
    "Plugin": "nadoo_core.registry",
    "Property": "nadoo_core.passes",
    "Registry": "nadoo_core.registry",
    "Selector": "nadoo_core.passes",
    "Unbounded": "nadoo_core.passes",
    "capture": "nadoo_graphs.capture",
    "hookimpl": "nadoo_core.registry",
    "load": "nadoo_graphs.saving",
    "option": "nadoo_core.passes",
    "read_recipe": "nadoo_core.recipe",
    "run": "nadoo_core.runs",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)

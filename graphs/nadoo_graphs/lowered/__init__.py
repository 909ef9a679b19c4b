"""The second, lower representation of a model: buffers, loops and integers, as C will have them.

A program is printed and read as text, checked statically, run by a reference interpreter, optimized without
changing a bit, and printed as C by an exporter.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_graphs.lowered.call import LoweringCall
    from nadoo_graphs.lowered.checking import check
    from nadoo_graphs.lowered.errors import LoweredError
    from nadoo_graphs.lowered.interpreter import Results, interpret
    from nadoo_graphs.lowered.lowering import Rule, lower, standard_rules
    from nadoo_graphs.lowered.program import Buffer, Function, Kernel, Program, Slice
    from nadoo_graphs.lowered.types import Kind

__all__ = [
    "Buffer",
    "Function",
    "Kernel",
    "Kind",
    "LoweredError",
    "LoweringCall",
    "Program",
    "Results",
    "Rule",
    "Slice",
    "check",
    "interpret",
    "lower",
    "standard_rules",
]

HOMES = {
    "Buffer": "nadoo_graphs.lowered.program",
    "Function": "nadoo_graphs.lowered.program",
    "Kernel": "nadoo_graphs.lowered.program",
    "Kind": "nadoo_graphs.lowered.types",
    "LoweredError": "nadoo_graphs.lowered.errors",
    "LoweringCall": "nadoo_graphs.lowered.call",
    "Program": "nadoo_graphs.lowered.program",
    "Results": "nadoo_graphs.lowered.interpreter",
    "Rule": "nadoo_graphs.lowered.lowering",
    "Slice": "nadoo_graphs.lowered.program",
    "check": "nadoo_graphs.lowered.checking",
    "interpret": "nadoo_graphs.lowered.interpreter",
    "lower": "nadoo_graphs.lowered.lowering",
    "standard_rules": "nadoo_graphs.lowered.lowering",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)

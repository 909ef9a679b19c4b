"""The operators: one table, one row an operator, extendable from outside."""

from nadoo_graphs.ops.op import REQUIRED, AttributeRow, Call, Codes, Making, Op, Role, Run, no_work, per_element
from nadoo_graphs.ops.table import OpTable, standard_ops

__all__ = [
    "REQUIRED",
    "AttributeRow",
    "Call",
    "Codes",
    "Making",
    "Op",
    "OpTable",
    "Role",
    "Run",
    "no_work",
    "per_element",
    "standard_ops",
]

"""Passes: transformations of a graph that say what they need and promise, and are held to it.

A pass is a frozen attrs class; `Pass.run` applies it to a copy and checks everything. Nothing here waits for torch
until a pass runs.
"""

from nadoo_core.options import option
from nadoo_core.passes.base import Pass
from nadoo_core.passes.context import Context, Observer, Refusal, Services
from nadoo_core.passes.effects import Approximate, Effect, Exact, Measured, Unbounded
from nadoo_core.passes.flow import check_flow
from nadoo_core.passes.layer_table import LayerTable
from nadoo_core.passes.properties import CALIBRATED, PRUNED_WEIGHTS, TRAINED, Property
from nadoo_core.passes.record import Changes, PassRecord, PassResult
from nadoo_core.passes.selector import Selector

__all__ = [
    "CALIBRATED",
    "PRUNED_WEIGHTS",
    "TRAINED",
    "Approximate",
    "Changes",
    "Context",
    "Effect",
    "Exact",
    "LayerTable",
    "Measured",
    "Observer",
    "Pass",
    "PassRecord",
    "PassResult",
    "Property",
    "Refusal",
    "Selector",
    "Services",
    "Unbounded",
    "check_flow",
    "option",
]

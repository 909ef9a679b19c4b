"""Cost: devices as published facts, and what a model costs on them."""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.cost.budget import Budget, Verdict
    from nadoo_core.cost.catalogue import all_devices, find_device
    from nadoo_core.cost.cost import COSTS, Cost, Coverage, NodeCost
    from nadoo_core.cost.device import Device
    from nadoo_core.cost.estimator import Estimator, estimate, estimators_of
    from nadoo_core.cost.fact import Fact
    from nadoo_core.cost.number import CostNumber
    from nadoo_core.cost.reading import read_device

__all__ = [
    "COSTS",
    "Budget",
    "Cost",
    "CostNumber",
    "Coverage",
    "Device",
    "Estimator",
    "Fact",
    "NodeCost",
    "Verdict",
    "all_devices",
    "estimate",
    "estimators_of",
    "find_device",
    "read_device",
]

HOMES = {
    "COSTS": "nadoo_core.cost.cost",
    "Budget": "nadoo_core.cost.budget",
    "Cost": "nadoo_core.cost.cost",
    "CostNumber": "nadoo_core.cost.number",
    "Coverage": "nadoo_core.cost.cost",
    "Device": "nadoo_core.cost.device",
    "Estimator": "nadoo_core.cost.estimator",
    "Fact": "nadoo_core.cost.fact",
    "NodeCost": "nadoo_core.cost.cost",
    "Verdict": "nadoo_core.cost.budget",
    "all_devices": "nadoo_core.cost.catalogue",
    "estimate": "nadoo_core.cost.estimator",
    "estimators_of": "nadoo_core.cost.estimator",
    "find_device": "nadoo_core.cost.catalogue",
    "read_device": "nadoo_core.cost.reading",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)

"""How much memory a model needs to run: lifetimes, arena plans, the order of execution, shared bytes.

Nothing here touches a tensor: a model is steps that read and write values of known sizes.
"""

from nadoo_graphs.memory.aliases import InPlace, Storage, in_place_storage, view_storage
from nadoo_graphs.memory.arena import (
    ArenaPlan,
    best_plan,
    exact,
    first_fit,
    greedy_by_breadth,
    greedy_by_duration,
    greedy_by_size,
)
from nadoo_graphs.memory.errors import MemoryPlanError
from nadoo_graphs.memory.liveness import Buffer, Timeline, live_sets, lower_bound, timeline
from nadoo_graphs.memory.plan import MemoryPlan
from nadoo_graphs.memory.planner import plan_memory, plan_program
from nadoo_graphs.memory.program import Program, Step
from nadoo_graphs.memory.savings import Savings, possible_savings
from nadoo_graphs.memory.schedule import Schedule, smallest_peak_order

__all__ = [
    "ArenaPlan",
    "Buffer",
    "InPlace",
    "MemoryPlan",
    "MemoryPlanError",
    "Program",
    "Savings",
    "Schedule",
    "Step",
    "Storage",
    "Timeline",
    "best_plan",
    "exact",
    "first_fit",
    "greedy_by_breadth",
    "greedy_by_duration",
    "greedy_by_size",
    "in_place_storage",
    "live_sets",
    "lower_bound",
    "plan_memory",
    "plan_program",
    "possible_savings",
    "smallest_peak_order",
    "timeline",
    "view_storage",
]

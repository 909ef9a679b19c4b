"""Optimizations of lowered programs: each in a file of its own, none changes a bit of what is computed."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from nadoo_graphs.lowered.optimizing.copies import propagate_copies
from nadoo_graphs.lowered.optimizing.dead_code import remove_dead_code
from nadoo_graphs.lowered.optimizing.depth_first import run_depth_first
from nadoo_graphs.lowered.optimizing.duplicates import merge_duplicates
from nadoo_graphs.lowered.optimizing.folding import fold_constants
from nadoo_graphs.lowered.optimizing.fusion import fuse_pointwise
from nadoo_graphs.lowered.optimizing.hoisting import hoist_invariants
from nadoo_graphs.lowered.optimizing.recomputing import recompute
from nadoo_graphs.lowered.optimizing.simplification import simplify
from nadoo_graphs.lowered.optimizing.sparse_layers import store_sparsely
from nadoo_graphs.lowered.optimizing.strength import reduce_strength
from nadoo_graphs.lowered.optimizing.window_fusion import fuse_windows
from nadoo_graphs.lowered.program import Program

Optimization = Callable[[Program], Program]

OPTIMIZATIONS: Mapping[str, Optimization] = MappingProxyType(
    {
        "remove-dead-code": remove_dead_code,
        "fold-constants": fold_constants,
        "simplify": simplify,
        "propagate-copies": propagate_copies,
        "merge-duplicates": merge_duplicates,
        "store-sparsely": store_sparsely,
        "compute-again": recompute,
        "fuse-pointwise": fuse_pointwise,
        "fuse-windows": fuse_windows,
        "run-depth-first": run_depth_first,
        "reduce-strength": reduce_strength,
        "hoist-invariants": hoist_invariants,
    }
)
"""All optimizations in the order in which they help each other."""


def optimize(program: Program, *, without: Collection[str] = ()) -> Program:
    """Every optimization in turn but those that are not wanted, and dead code once more at the end."""
    for name, optimization in OPTIMIZATIONS.items():
        program = program if name in without else optimization(program)
    return remove_dead_code(program)

"""Optimizations of lowered programs: each in a file of its own, none changes a bit of what is computed."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from attrs import evolve

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
from nadoo_graphs.lowered.program import Kernel, Program

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
FIRST_JOINING = "compute-again"
"""The first of those that make one kernel of several."""


def optimize(
    program: Program, *, without: Collection[str] = (), whole: Callable[[Kernel], bool] | None = None
) -> Program:
    """Every optimization in turn but those that are not wanted, and dead code once more at the end.

    Kernels that are to stay `whole`, such as those whose C is written elsewhere, are joined with no other.
    """
    for name, optimization in OPTIMIZATIONS.items():
        if name == FIRST_JOINING and whole is not None:
            program = marked(program, whole)
        program = program if name in without else optimization(program)
    return remove_dead_code(program)


def marked(program: Program, whole: Callable[[Kernel], bool]) -> Program:
    """The program with some kernels marked as whole."""
    if not any(map(whole, program.kernels)):
        return program
    return program.with_kernels(
        tuple(
            evolve(kernel, attributes={**kernel.attributes, "whole": True}) if whole(kernel) else kernel
            for kernel in program.kernels
        )
    )

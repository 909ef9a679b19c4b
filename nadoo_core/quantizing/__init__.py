"""Choosing numbers for a format: clips of weights, ranges of activations, and rounding that looks at the data.

Pure functions on tensors and rules by name; passes put them to work on graphs. What a format is, and what its codes
mean, is `nadoo_graphs.formats`. The names below are imported when they are used.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.quantizing.book import Book
    from nadoo_core.quantizing.divergence import divergence_clip
    from nadoo_core.quantizing.mean_square import mean_square_clip, square_error
    from nadoo_core.quantizing.octav import exact_octav, newton_octav
    from nadoo_core.quantizing.ranges import (
        ESTIMATORS,
        Codes,
        Range,
        RangeEstimator,
        make_estimator,
        scale_and_zero_point,
    )
    from nadoo_core.quantizing.room import room_for_bias
    from nadoo_core.quantizing.rounding import (
        Moments,
        MomentSums,
        Rounded,
        adaptive_rounding,
        best_weight,
        corrected_bias,
        damped,
        output_error,
    )
    from nadoo_core.quantizing.rows import Granularity, along, rows_of
    from nadoo_core.quantizing.rule_table import CLIP_RULES, make_rule
    from nadoo_core.quantizing.rules import ClipRule
    from nadoo_core.quantizing.training import (
        ClipHook,
        LearnedStep,
        QuantizedWeight,
        learned_steps,
        quantized_weights,
    )
    from nadoo_core.quantizing.walk import Walk, examples_that_fit

__all__ = [
    "CLIP_RULES",
    "ESTIMATORS",
    "Book",
    "ClipHook",
    "ClipRule",
    "Codes",
    "Granularity",
    "LearnedStep",
    "MomentSums",
    "Moments",
    "QuantizedWeight",
    "Range",
    "RangeEstimator",
    "Rounded",
    "Walk",
    "adaptive_rounding",
    "along",
    "best_weight",
    "corrected_bias",
    "damped",
    "divergence_clip",
    "exact_octav",
    "examples_that_fit",
    "learned_steps",
    "make_estimator",
    "make_rule",
    "mean_square_clip",
    "newton_octav",
    "output_error",
    "quantized_weights",
    "room_for_bias",
    "rows_of",
    "scale_and_zero_point",
    "square_error",
]

HOMES = {
    "CLIP_RULES": "nadoo_core.quantizing.rule_table",
    "ESTIMATORS": "nadoo_core.quantizing.ranges",
    "Book": "nadoo_core.quantizing.book",
    "ClipRule": "nadoo_core.quantizing.rules",
    "Codes": "nadoo_core.quantizing.ranges",
    "Granularity": "nadoo_core.quantizing.rows",
    "MomentSums": "nadoo_core.quantizing.rounding",
    "Moments": "nadoo_core.quantizing.rounding",
    "Range": "nadoo_core.quantizing.ranges",
    "ClipHook": "nadoo_core.quantizing.training",
    "LearnedStep": "nadoo_core.quantizing.training",
    "QuantizedWeight": "nadoo_core.quantizing.training",
    "learned_steps": "nadoo_core.quantizing.training",
    "quantized_weights": "nadoo_core.quantizing.training",
    "Walk": "nadoo_core.quantizing.walk",
    "examples_that_fit": "nadoo_core.quantizing.walk",
    "RangeEstimator": "nadoo_core.quantizing.ranges",
    "Rounded": "nadoo_core.quantizing.rounding",
    "adaptive_rounding": "nadoo_core.quantizing.rounding",
    "along": "nadoo_core.quantizing.rows",
    "best_weight": "nadoo_core.quantizing.rounding",
    "corrected_bias": "nadoo_core.quantizing.rounding",
    "damped": "nadoo_core.quantizing.rounding",
    "divergence_clip": "nadoo_core.quantizing.divergence",
    "exact_octav": "nadoo_core.quantizing.octav",
    "make_estimator": "nadoo_core.quantizing.ranges",
    "make_rule": "nadoo_core.quantizing.rule_table",
    "mean_square_clip": "nadoo_core.quantizing.mean_square",
    "newton_octav": "nadoo_core.quantizing.octav",
    "output_error": "nadoo_core.quantizing.rounding",
    "room_for_bias": "nadoo_core.quantizing.room",
    "rows_of": "nadoo_core.quantizing.rows",
    "scale_and_zero_point": "nadoo_core.quantizing.ranges",
    "square_error": "nadoo_core.quantizing.mean_square",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)

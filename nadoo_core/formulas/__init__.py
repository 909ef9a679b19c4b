"""The mathematics that passes, trainings and estimates share, as pure functions that can be checked alone.

Arrays are anything NumPy reads and are computed in float64; torch is not needed. Every docstring states a law, and
the tests hold every law. What is not finite raises `NonFiniteError`, a statistic of nothing `EmptyTensorError`, and a
parameter outside its law `FormulaError`, with its name, its value and what is allowed.
"""

from nadoo_core.formulas.activations import ActivationCount, mean_positive_share, positive_share, total_count
from nadoo_core.formulas.activity import Measure, activity_score, sample_activity
from nadoo_core.formulas.averaging import RunningAverage, average, exponential_average
from nadoo_core.formulas.chunks import chunk_scores, chunk_sizes, chunk_top_k
from nadoo_core.formulas.complexity import cost_reduction, expected_cost, worst_case_cost
from nadoo_core.formulas.entropy import capacity_used, entropy, entropy_coded_bytes, entropy_of_counts
from nadoo_core.formulas.errors import FormulaError, IgnoredRemainderWarning
from nadoo_core.formulas.factor_sizes import (
    LinearForm,
    bottleneck_bound,
    break_even_rank,
    chain_parameters,
    factored_parameters,
    linear_form,
)
from nadoo_core.formulas.gaussian_weights import gaussian_energy_kept, gaussian_relative_error, gaussian_threshold
from nadoo_core.formulas.gradual_pruning import CubicSparsity, remaining_share, rounds_to_reach
from nadoo_core.formulas.low_rank import (
    energy_rank,
    error_rank,
    nuclear_rank,
    relative_error,
    spectral_error,
    stable_rank,
    truncation_error,
)
from nadoo_core.formulas.residuals import (
    residual_inside,
    residual_outside,
    residual_scaled_inside,
    residual_scaled_outside,
)
from nadoo_core.formulas.roofline import (
    crossover_batch,
    linear_intensity,
    linear_traffic,
    ridge_intensity,
    roofline_time,
)
from nadoo_core.formulas.schedules import (
    ConstantRate,
    CosineRate,
    CyclicRate,
    LinearWarmup,
    RateAt,
    Schedule,
    StepRate,
    TwoStep,
    WarmRestarts,
    make_schedule,
    schedules,
)
from nadoo_core.formulas.skipping import skip_probability
from nadoo_core.formulas.sparsity import (
    energy_kept,
    group_mask,
    keep_mask,
    lamp_scores,
    magnitude_mask,
    prune_below,
    prune_count,
    pruning_threshold,
    sparsity,
    threshold_mask,
)
from nadoo_core.formulas.staircase import gap8_conv_cycles, gap8_depthwise_cycles, gap8_linear_cycles
from nadoo_core.formulas.storage import bitmap_bits, bitmap_break_even, compression_ratio, group_bits
from nadoo_core.formulas.temperatures import Temperature, softmax, temperatures

__all__ = [
    "ActivationCount",
    "ConstantRate",
    "CosineRate",
    "CubicSparsity",
    "CyclicRate",
    "FormulaError",
    "IgnoredRemainderWarning",
    "LinearForm",
    "LinearWarmup",
    "Measure",
    "RateAt",
    "RunningAverage",
    "Schedule",
    "StepRate",
    "Temperature",
    "TwoStep",
    "WarmRestarts",
    "activity_score",
    "average",
    "bitmap_bits",
    "bitmap_break_even",
    "bottleneck_bound",
    "break_even_rank",
    "capacity_used",
    "chain_parameters",
    "chunk_scores",
    "chunk_sizes",
    "chunk_top_k",
    "compression_ratio",
    "cost_reduction",
    "crossover_batch",
    "energy_kept",
    "energy_rank",
    "entropy",
    "entropy_coded_bytes",
    "entropy_of_counts",
    "error_rank",
    "expected_cost",
    "exponential_average",
    "factored_parameters",
    "gap8_conv_cycles",
    "gap8_depthwise_cycles",
    "gap8_linear_cycles",
    "gaussian_energy_kept",
    "gaussian_relative_error",
    "gaussian_threshold",
    "group_bits",
    "group_mask",
    "keep_mask",
    "lamp_scores",
    "linear_form",
    "linear_intensity",
    "linear_traffic",
    "magnitude_mask",
    "make_schedule",
    "mean_positive_share",
    "nuclear_rank",
    "positive_share",
    "prune_below",
    "prune_count",
    "pruning_threshold",
    "relative_error",
    "remaining_share",
    "residual_inside",
    "residual_outside",
    "residual_scaled_inside",
    "residual_scaled_outside",
    "ridge_intensity",
    "roofline_time",
    "rounds_to_reach",
    "sample_activity",
    "schedules",
    "skip_probability",
    "softmax",
    "sparsity",
    "spectral_error",
    "stable_rank",
    "temperatures",
    "threshold_mask",
    "total_count",
    "truncation_error",
    "worst_case_cost",
]

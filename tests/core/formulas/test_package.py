"""What holds for every formula: it states its law, needs no torch, and refuses bad input in the same words."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np
import pytest
import torch

from nadoo_core import formulas
from nadoo_core.formulas import FormulaError
from nadoo_graphs.errors import EmptyTensorError, GraphError, NonFiniteError
from tests.core.formulas.drawn import NOT_FINITE

WITHOUT_LAW = {"FormulaError", "IgnoredRemainderWarning", "LinearForm", "Measure"}

STATISTICS: dict[str, Callable[[Any], object]] = {
    "activity_score": formulas.activity_score,
    "sample_activity": formulas.sample_activity,
    "positive_share": lambda values: formulas.positive_share([values]),
    "chunk_top_k": lambda values: formulas.chunk_top_k(values, 1, 1),
    "entropy": formulas.entropy,
    "entropy_of_counts": formulas.entropy_of_counts,
    "entropy_coded_bytes": lambda values: formulas.entropy_coded_bytes(values, values),
    "compression_ratio": lambda values: formulas.compression_ratio(values, values),
    "pruning_threshold": lambda values: formulas.pruning_threshold(values, 0.5),
    "energy_kept": lambda values: formulas.energy_kept(values, values),
    "sparsity": formulas.sparsity,
    "truncation_error": lambda values: formulas.truncation_error(values, 0),
    "spectral_error": lambda values: formulas.spectral_error(values, 0),
    "relative_error": lambda values: formulas.relative_error(values, 0),
    "energy_rank": lambda values: formulas.energy_rank(values, 0.5),
    "nuclear_rank": lambda values: formulas.nuclear_rank(values, 0.5),
    "error_rank": lambda values: formulas.error_rank(values, 0.5),
    "stable_rank": formulas.stable_rank,
    "softmax": formulas.softmax,
}
ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "keep_mask": lambda values: formulas.keep_mask(values, 0.5),
    "magnitude_mask": lambda values: formulas.magnitude_mask(values, 0.5),
    "group_mask": lambda values: formulas.group_mask(values, 1, 2),
    "threshold_mask": lambda values: formulas.threshold_mask(values, 0.5),
    "prune_below": lambda values: formulas.prune_below(values, 0.5),
    "lamp_scores": formulas.lamp_scores,
    "residual_inside": lambda values: formulas.residual_inside(values, values),
    "residual_outside": lambda values: formulas.residual_outside(values, values),
    "residual_scaled_inside": lambda values: formulas.residual_scaled_inside(values, values, 2),
    "residual_scaled_outside": lambda values: formulas.residual_scaled_outside(values, values, 2),
    "average": lambda values: formulas.average([values]),
    "exponential_average": lambda values: formulas.exponential_average(values, values, 0.5),
}
OF_ARRAYS = STATISTICS | ELEMENTWISE


def test_every_formula_states_its_law() -> None:
    silent = {name for name in formulas.__all__ if "Law" not in (inspect.getdoc(getattr(formulas, name)) or "")}
    assert silent == WITHOUT_LAW


def test_every_method_of_a_value_is_documented() -> None:
    for name in formulas.__all__:
        for member in vars(getattr(formulas, name)).values() if inspect.isclass(getattr(formulas, name)) else ():
            if inspect.isfunction(member) and not member.__name__.startswith("_"):
                assert inspect.getdoc(member), f"{name}.{member.__name__}"


def test_formulas_do_not_import_torch() -> None:
    program = "import sys, nadoo_core.formulas; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


@pytest.mark.parametrize("name", OF_ARRAYS)
@pytest.mark.parametrize("bad", NOT_FINITE)
def test_a_number_that_is_not_finite_is_refused_and_never_replaced(name: str, bad: float) -> None:
    with pytest.raises(NonFiniteError, match="1 of 2 elements are NaN or infinite"):
        OF_ARRAYS[name]([1.0, bad])


@pytest.mark.parametrize("name", STATISTICS)
def test_a_statistic_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(EmptyTensorError):
        STATISTICS[name]([])


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_elementwise_formula_of_nothing_is_nothing(name: str) -> None:
    assert ELEMENTWISE[name](np.zeros((3, 0))).shape == (3, 0)


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_arrays_of_any_library_and_dtype_give_the_same(name: str) -> None:
    formula = OF_ARRAYS[name]
    values = [3, 2, 1, 1]
    for same in (
        np.array(values, np.int8),
        np.array(values, np.float32),
        torch.tensor(values),
        torch.tensor(values).half(),
    ):
        np.testing.assert_array_equal(np.asarray(formula(same)), np.asarray(formula(values)))


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_the_input_is_never_written(name: str) -> None:
    values = np.array([3.0, 2.0, 1.0, 1.0])
    values.setflags(write=False)
    answer = OF_ARRAYS[name](values)
    assert not np.shares_memory(np.asarray(answer), values)


@pytest.mark.parametrize(
    "bad",
    [["one"], [1j], [[1.0], [1.0, 2.0]], None, torch.tensor([1.0], requires_grad=True), torch.ones(1).bfloat16()],
)
def test_what_is_no_array_of_numbers_is_refused_with_a_way_out(bad: object) -> None:
    with pytest.raises(FormulaError, match=r"give (real )?numbers"):
        formulas.activity_score(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["entropy_of_counts", "compression_ratio", "truncation_error", "stable_rank"])
def test_a_negative_magnitude_is_refused(name: str) -> None:
    with pytest.raises(FormulaError, match="smallest element is -1"):
        STATISTICS[name]([1.0, -1.0])


@pytest.mark.parametrize("name", ["chunk_top_k", "energy_rank", "softmax", "entropy_of_counts"])
def test_a_matrix_is_refused_where_a_vector_is_asked(name: str) -> None:
    with pytest.raises(FormulaError, match="give a vector"):
        STATISTICS[name]([[1.0, 2.0]])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: formulas.worst_case_cost(-1, 2), ("blocks", "-1", "an integer of at least 0")),
        (lambda: formulas.worst_case_cost(1, 2.5), ("dimension", "2.5", "an integer of at least 1")),  # type: ignore[arg-type]
        (lambda: formulas.worst_case_cost(True, 2), ("blocks", "True", "an integer")),
        (lambda: formulas.expected_cost(1, 1, 1.5), ("skip_ratio", "1.5", "a number from 0 to 1")),
        (lambda: formulas.cost_reduction(1, nan), ("skip_ratio", "nan", "a number from 0 to 1")),
        (lambda: formulas.pruning_threshold([1], True), ("tau", "True", "a number from 0 to 1")),
        (lambda: formulas.threshold_mask([], 2), ("tau", "2", "a number from 0 to 1")),
        (lambda: formulas.chunk_top_k([1, 2], 1, 3), ("count", "3", "an integer from 1 to 2")),
        (lambda: formulas.chunk_top_k([1, 2], 3, 1), ("size", "3", "an integer from 1 to 2")),
        (lambda: formulas.chunk_sizes(3, 4), ("chunks", "4", "an integer from 1 to 3")),
        (lambda: formulas.skip_probability(nan, 1), ("threshold", "nan", "not NaN")),
        (lambda: formulas.skip_probability(1, 1, 0), ("deviation", "0", "greater than 0")),
        (lambda: formulas.activity_score([1], "median"), ("measure", "median", "mean, rms, max")),
        (lambda: formulas.prune_count(10, 10**400), ("share", "1000", "a number from 0 to 1")),
        (lambda: formulas.keep_mask([1], 1), ("share", "1 is", "allow_dead_layer = true")),
        (lambda: formulas.group_mask([1, 2, 3, 4], 4, 4), ("kept", "4", "an integer from 1 to 3")),
        (lambda: formulas.group_mask([1, 2, 3], 1, 2), ("weights", "(3,)", "multiple of 2")),
        (lambda: formulas.gaussian_threshold(1), ("share", "1", "less than 1")),
        (lambda: formulas.CubicSparsity(final=0.5, initial=0.6, updates=1), ("initial", "0.6", "0 to 0.5")),
        (lambda: formulas.rounds_to_reach(1.0, 0.2), ("sparsity", "1.0", "less than 1")),
        (lambda: formulas.rounds_to_reach(0.5, 0), ("share", "0", "greater than 0 and at most 1")),
        (lambda: formulas.energy_rank([1.0], 0.0), ("share", "0.0", "greater than 0 and at most 1")),
        (lambda: formulas.energy_rank([1.0, 2.0], 0.5), ("singular_values", "decreasing", "sort them")),
        (lambda: formulas.relative_error([1.0], 2), ("rank", "2", "an integer from 0 to 1")),
        (lambda: formulas.error_rank([1.0], 0.1, 2), ("minimum", "2", "an integer from 0 to 1")),
        (lambda: formulas.chain_parameters([3]), ("sizes", "1", "at least 2")),
        (lambda: formulas.chain_parameters([3, 0]), ("sizes[1]", "0", "at least 1")),
        (lambda: formulas.capacity_used(1.0, 1), ("levels", "1", "at least 2")),
        (lambda: formulas.capacity_used(2.1, 4), ("levels", "2.1", "number of levels of the format")),
        (lambda: formulas.entropy_of_counts([0, 0]), ("counts", "all counts are 0", "at least one")),
        (lambda: formulas.compression_ratio([1], [0]), ("bits", "no layer", "at least one layer")),
        (lambda: formulas.bitmap_break_even(0), ("value_bits", "0", "greater than 0")),
        (lambda: formulas.roofline_time(1, 1, 0, 1), ("peak_macs", "0", "greater than 0")),
        (lambda: formulas.residual_inside([1, 2], [1]), ("skip and branch", "(2,)", "one shape")),
        (lambda: formulas.residual_scaled_inside([1, 2], [1, 2], [1, 2, 3]), ("scale", "(3,)", "broadcast")),
        (lambda: formulas.average([[1, 2], [1]]), ("snapshot", "(1,)", "one shape")),
        (lambda: formulas.exponential_average([1], [1], 2), ("decay", "2", "from 0 to 1")),
        (lambda: formulas.Temperature("warm"), ("cooling", "'warm'", "geometric")),
        (lambda: formulas.Temperature(start=1, end=2), ("start", "1", "at least 2")),
        (lambda: formulas.Temperature().at(1.1), ("progress", "1.1", "from 0 to 1")),
        (lambda: formulas.softmax([1], 0), ("temperature", "0", "greater than 0")),
        (lambda: formulas.ActivationCount(2, 2, 3), ("zero", "2", "from 0 to 1")),
    ],
)
def test_a_refusal_names_the_parameter_its_value_and_what_is_allowed(
    call: Callable[[], object], words: tuple[str, ...]
) -> None:
    with pytest.raises(GraphError) as refusal:
        call()
    assert all(word in str(refusal.value) for word in words), str(refusal.value)


def test_all_bad_parameters_are_named_at_once() -> None:
    with pytest.raises(FormulaError) as refusal:
        formulas.expected_cost(-1, 0, 2)
    assert [problem.where for problem in refusal.value.problems] == ["blocks", "dimension", "skip_ratio"]

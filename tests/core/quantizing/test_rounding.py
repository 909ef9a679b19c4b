"""Rounding that looks at the data: never worse than rounding to nearest, and exact where that is possible."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_core.quantizing import (
    Book,
    Moments,
    MomentSums,
    Rounded,
    adaptive_rounding,
    best_weight,
    corrected_bias,
    damped,
    output_error,
)
from nadoo_core.quantizing.rounding import error_feedback, fitted_scale
from tests.core.quantizing.strategies import book, books, made

FEW = settings(max_examples=25, deadline=None)


def measured(weight: torch.Tensor, examples: int, seed: int, *, centred: bool = True) -> tuple[torch.Tensor, Moments]:
    """Correlated inputs and the moments of a layer on them."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(weight.shape[1], weight.shape[1], generator=generator, dtype=torch.float64)
    inputs = torch.randn(examples, weight.shape[1], generator=generator, dtype=torch.float64) @ mixing + 1.0
    sums = MomentSums(weight.shape[1], weight.shape[0])
    for part in inputs.split(7):
        sums.add(part, part @ weight.T + 0.5)
    return inputs, sums.moments(centred=centred)


def first_scale(weight: torch.Tensor, levels: Book) -> torch.Tensor:
    """The scale at which nothing is clipped."""
    return levels.scale(weight.abs().amax(1))[:, None]


@FEW
@given(levels=books(), rows=st.integers(1, 5), columns=st.integers(2, 20), seed=st.integers(0, 999))
def test_it_is_never_worse_than_nearest(levels: Book, rows: int, columns: int, seed: int) -> None:
    weight = made("gaussian", rows, columns, seed)
    moments = damped(measured(weight, 60, seed)[1], weight)
    scale = first_scale(weight, levels)
    found = adaptive_rounding(weight, moments, levels, scale)
    nearest = levels.nearest(weight / scale) * scale
    wanted = best_weight(moments)
    worse = output_error(wanted, found.weight, moments.gram) > output_error(wanted, nearest, moments.gram) * (1 + 1e-9)
    assert not bool(worse.any())
    assert bool((found.scale > 0).all())
    assert torch.equal(levels.nearest(found.levels), found.levels)


def test_it_is_much_better_at_three_bits() -> None:
    weight = made("gaussian", 16, 60, 0)
    inputs, moments = measured(weight, 500, 1)
    levels, held = book("int3"), damped(moments, weight)
    scale = first_scale(weight, levels)
    found = adaptive_rounding(weight, held, levels, scale).weight
    nearest = levels.nearest(weight / scale) * scale
    centred = inputs - inputs.mean(0)
    errors = [float((centred @ (weight - other).T).square().mean()) for other in (found, nearest)]
    assert errors[0] < errors[1] / 2


def test_weights_on_the_grid_stay() -> None:
    weight = book("int4").nearest(made("gaussian", 4, 12, 0) * 3) * 0.25
    weight[:, 0] = 7 * 0.25
    moments = damped(measured(weight, 100, 0)[1], weight)
    found = adaptive_rounding(weight, moments, book("int4"), first_scale(weight, book("int4")))
    assert torch.allclose(found.weight, weight, atol=1e-9)


def test_inputs_that_never_change_are_rounded_too() -> None:
    weight = made("gaussian", 3, 8, 0)
    sums = MomentSums(8, 3)
    inputs = torch.full((48, 8), 1 / 3) * torch.arange(1, 9)
    sums.add(inputs, inputs @ weight.float().T)
    moments = damped(sums.moments(centred=True), weight)
    levels = book("int4")
    found = adaptive_rounding(weight, moments, levels, first_scale(weight, levels))
    assert torch.allclose(found.weight, weight, atol=float(found.scale.max()))


def test_inputs_that_never_occur_leave_their_weights_alone() -> None:
    weight = made("gaussian", 3, 6, 0)
    sums = MomentSums(6, 3)
    inputs = torch.randn(50, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    inputs[:, 4] = 0
    sums.add(inputs, inputs @ weight.T)
    assert torch.allclose(best_weight(damped(sums.moments(centred=True), weight)), weight)
    silent = MomentSums(6, 3).moments(centred=True)
    assert torch.allclose(best_weight(damped(silent, weight)), weight)


@pytest.mark.parametrize("columns", [3, 130, 300])
def test_error_feedback_in_blocks_is_that_of_single_columns(columns: int) -> None:
    weight = made("gaussian", 2, columns, 0)
    moments = damped(measured(weight, 2 * columns, 0)[1], weight)
    scale, levels = first_scale(weight, book("int4")), book("int4")
    assert torch.equal(error_feedback(weight, moments.gram, levels, scale), one_by_one(weight, moments.gram, scale))


def one_by_one(weight: torch.Tensor, gram: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """The definition: after each rounding, solve for all that is left."""
    order = gram.diagonal().argsort(descending=True)
    left, levels, inverse = weight.clone(), torch.empty_like(weight), torch.linalg.inv(gram[order][:, order])
    left = left[:, order]
    for index, place in enumerate(order):
        levels[:, place] = book("int4").nearest(left[:, index] / scale[:, 0])
        error = (left[:, index] - levels[:, place] * scale[:, 0]) / inverse[index, index]
        left = left - torch.outer(error, inverse[index])
        inverse = inverse - torch.outer(inverse[:, index], inverse[index]) / inverse[index, index]
    return levels


def test_the_fitted_scale_is_where_the_error_is_least() -> None:
    weight = made("gaussian", 3, 10, 0)
    moments = damped(measured(weight, 40, 0)[1], weight)
    rounded = Rounded(book("int4").nearest(weight / 0.3), torch.full((3, 1), 0.3, dtype=torch.float64))
    fitted = fitted_scale(weight, rounded, moments.gram)
    least = output_error(weight, rounded.levels * fitted, moments.gram)
    for factor in (0.98, 1.02):
        assert bool((output_error(weight, rounded.levels * fitted * factor, moments.gram) > least).all())


def test_the_bias_makes_up_for_the_means() -> None:
    weight = made("gaussian", 3, 10, 0)
    inputs, moments = measured(weight, 200, 0)
    other = weight + 0.1
    outputs = inputs @ other.T + corrected_bias(moments, other)
    assert torch.allclose(outputs.mean(0), (inputs @ weight.T + 0.5).mean(0))


def test_the_sums_over_batches_are_the_products_of_all() -> None:
    weight = made("gaussian", 3, 4, 0)
    inputs, moments = measured(weight, 50, 0, centred=False)
    assert torch.allclose(moments.gram, inputs.T @ inputs / 50)
    assert torch.allclose(moments.cross, (inputs @ weight.T + 0.5).T @ inputs / 50)

"""When two small layers are smaller than one."""

import pytest
from hypothesis import given, strategies

from nadoo_core.formulas import (
    LinearForm,
    bottleneck_bound,
    break_even_rank,
    chain_parameters,
    factored_parameters,
    linear_form,
)

SIZES = strategies.integers(1, 4096)


@pytest.mark.parametrize(
    ("rows", "columns", "plain", "core"),
    [
        (256, 512, 170, 143),
        (512, 512, 255, 212),
        (1024, 1024, 511, 424),
        (64, 256, 51, 44),
        (10, 64, 8, 7),
        (96, 256, 69, 59),
    ],
)
def test_the_break_even_ranks_of_the_reference(rows: int, columns: int, plain: int, core: int) -> None:
    assert break_even_rank(rows, columns) == plain
    assert break_even_rank(rows, columns, dense_core=True) == core


def test_the_merged_layer_of_the_french_plan() -> None:
    assert chain_parameters([512, 1024, 256]) == 786_432
    assert chain_parameters([512, 256]) == 131_072
    assert chain_parameters([512, 1, 256]) == 768
    assert bottleneck_bound(512, 256) == pytest.approx(170.67, abs=5e-3)
    assert linear_form(512, 256, 170) == LinearForm.BOTTLENECK
    assert linear_form(512, 256, 171) == LinearForm.MERGED
    assert linear_form(512, 256, 256) == LinearForm.MERGED


def test_a_matrix_too_small_to_factor_breaks_even_at_rank_zero() -> None:
    assert (break_even_rank(1, 1), break_even_rank(1, 100), break_even_rank(2, 2)) == (0, 0, 0)


@given(SIZES, SIZES, strategies.booleans())
def test_the_break_even_rank_is_the_largest_that_saves(rows: int, columns: int, core: bool) -> None:
    """Factors of the break-even rank are strictly smaller than the matrix, those of the next rank are not."""
    rank = break_even_rank(rows, columns, dense_core=core)
    assert factored_parameters(rows, columns, rank, dense_core=core) < rows * columns
    assert factored_parameters(rows, columns, rank + 1, dense_core=core) >= rows * columns
    assert rank == break_even_rank(columns, rows, dense_core=core)
    assert rank < min(rows, columns)


@given(SIZES, SIZES, SIZES)
def test_the_chosen_form_never_has_more_weights(inputs: int, outputs: int, width: int) -> None:
    """Bottleneck exactly where d·(in + out) < in·out."""
    sizes = {
        LinearForm.MERGED: chain_parameters([inputs, outputs]),
        LinearForm.BOTTLENECK: chain_parameters([inputs, width, outputs]),
    }
    assert sizes[linear_form(inputs, outputs, width)] == min(sizes.values())
    assert (linear_form(inputs, outputs, width) == LinearForm.BOTTLENECK) == (width < bottleneck_bound(inputs, outputs))


@given(SIZES, SIZES, SIZES)
def test_a_bottleneck_has_the_weights_of_two_factors(inputs: int, outputs: int, width: int) -> None:
    """Σ n_i·n_{i+1} over one inner size is r·(m + n); a core adds r²."""
    assert chain_parameters([inputs, width, outputs]) == factored_parameters(outputs, inputs, width)
    cored = factored_parameters(outputs, inputs, width, dense_core=True)
    assert cored == chain_parameters([inputs, width, width, outputs])

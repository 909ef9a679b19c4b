"""When two small layers are smaller than one, counted in weights; multiply-accumulates follow the same counts."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from math import isqrt

from nadoo_core.formulas.parameters import require, whole


def factored_parameters(rows: int, columns: int, rank: int, *, dense_core: bool = False) -> int:
    """The weights of a matrix as two factors, or as two factors around a dense square core.

    Law: r·(m + n), and r² more with a core; the same for the transposed matrix.
    """
    require(whole("rows", rows, 1), whole("columns", columns, 1), whole("rank", rank, 0))
    return rank * (rows + columns) + (rank * rank if dense_core else 0)


def break_even_rank(rows: int, columns: int, *, dense_core: bool = False) -> int:
    """The largest rank at which the factors have fewer weights than the matrix; 0 where none does.

    Law: the largest r with r·(m + n) < m·n, that is ⌈mn/(m + n)⌉ − 1, or with r·(m + n) + r² < m·n for a dense core.
    """
    require(whole("rows", rows, 1), whole("columns", columns, 1))
    border, full = rows + columns, rows * columns
    if not dense_core:
        return (full - 1) // border
    return (isqrt(border * border + 4 * (full - 1)) - border) // 2


def chain_parameters(sizes: Sequence[int]) -> int:
    """The weights of linear layers one after the other, by the sizes between them.

    Law: Σ n_i·n_{i+1}; of two sizes, the weights of the one merged layer.
    """
    require(whole("sizes", len(sizes), 2), *(whole(f"sizes[{place}]", size, 1) for place, size in enumerate(sizes)))
    return sum(first * second for first, second in pairwise(sizes))


def bottleneck_bound(inputs: int, outputs: int) -> float:
    """The width below which two layers have fewer weights than the layer they can be merged into.

    Law: in·out/(in + out), less than either size.
    """
    require(whole("inputs", inputs, 1), whole("outputs", outputs, 1))
    return inputs * outputs / (inputs + outputs)


class LinearForm(StrEnum):
    """The two ways to write linear layers between which there is no nonlinearity."""

    MERGED = "merged"
    BOTTLENECK = "bottleneck"


def linear_form(inputs: int, outputs: int, needed_width: int) -> LinearForm:
    """The smaller of the exact merged layer and a bottleneck of the width that accuracy needs.

    Law: bottleneck exactly where d·(in + out) < in·out, so that the choice never has more weights than the other.
    """
    require(whole("needed_width", needed_width, 1))
    smaller = needed_width <= break_even_rank(inputs, outputs)
    return LinearForm.BOTTLENECK if smaller else LinearForm.MERGED

"""What weights take when they are stored: bits a weight of sparse layouts, and how much smaller a model became."""

from math import ceil, log2

import numpy as np
from numpy.typing import ArrayLike

from nadoo_core.formulas.arrays import magnitudes, refused, same_shape
from nadoo_core.formulas.parameters import above, between, require, whole
from nadoo_graphs.errors import Code


def bitmap_bits(value_bits: float, sparsity: float) -> float:
    """The bits a weight when one bit says whether it is there and only those that are are stored.

    Law: (1 − S)·b + 1; non-increasing in S; equal to the dense b at the break-even sparsity.
    """
    require(above("value_bits", value_bits, 0), between("sparsity", sparsity, 0, 1))
    return (1.0 - sparsity) * value_bits + 1.0


def bitmap_break_even(value_bits: float) -> float:
    """The sparsity above which a bitmap is smaller than dense storage; more than 1 means never.

    Law: 1/b.
    """
    require(above("value_bits", value_bits, 0))
    return 1.0 / value_bits


def group_bits(value_bits: float, kept: int, group: int) -> float:
    """The bits a weight when each group keeps some weights and the place of each.

    Law: N/M·(b + ⌈log₂ M⌉); linear in the number kept.
    """
    require(above("value_bits", value_bits, 0), whole("group", group, 2), whole("kept", kept, 1))
    require(whole("kept", kept, 1, group - 1))
    return kept / group * (value_bits + ceil(log2(group)))


def compression_ratio(parameters: ArrayLike, bits: ArrayLike, original_bits: float = 32.0) -> float:
    """How many times smaller the weights of all layers together became.

    Law: b₀·Σn/Σ(n·b); b₀/b where all layers have b bits, else between that of the widest and of the narrowest layer.
    """
    require(above("original_bits", original_bits, 0))
    counts, widths = magnitudes(parameters, "parameters"), magnitudes(bits, "bits")
    same_shape(counts, widths, "parameters and bits")
    stored = float(np.dot(counts, widths))
    if not stored:
        raise refused(Code.DATA, "bits", "no layer stores a bit; give at least one layer with parameters and bits")
    return original_bits * float(counts.sum()) / stored

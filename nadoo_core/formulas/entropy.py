"""How much of a code book a tensor uses, in bits a code: the bound of what an entropy coder could reach."""

from math import log2

import numpy as np
from numpy.typing import ArrayLike

from nadoo_core.formulas.arrays import magnitudes, measurable, refused, same_shape
from nadoo_core.formulas.parameters import at_least, require, whole
from nadoo_graphs.errors import Code


def entropy(codes: ArrayLike) -> float:
    """The entropy of the codes that occur in one tensor.

    Law: −Σ p·log₂ p; 0 ≤ H ≤ log₂ min(L, N); 0 exactly for a constant tensor; independent of order and of the names
    of the codes; the entropy of a mixture is at least the mean of its parts.
    """
    _, counts = np.unique(measurable(codes, "codes"), return_counts=True)
    return entropy_of_counts(counts)


def entropy_of_counts(counts: ArrayLike) -> float:
    """The entropy of a distribution given as counts or as shares; both are normalized by their sum.

    Law: unchanged when all counts are multiplied by a positive number or a count of 0 is added.
    """
    numbers = magnitudes(counts, "counts")
    seen = numbers[numbers > 0]
    if not seen.size:
        raise refused(Code.DATA, "counts", "all counts are 0; give at least one that is greater")
    shares = seen / seen.max()
    shares = shares / shares.sum()
    return max(float(-np.dot(shares, np.log2(shares))), 0.0)


def capacity_used(bits: float, levels: int) -> float:
    """An entropy as a share of what a code book of that many levels could carry.

    Law: H/log₂ L; 1 for codes that occur equally often, 0 for a constant tensor.
    """
    require(at_least("bits", bits, 0), whole("levels", levels, 2))
    used = bits / log2(levels)
    if used > 1.0 + 1e-9:
        message = f"{bits} bits are more than {levels} levels carry; give the number of levels of the format"
        raise refused(Code.LIMIT, "levels", message)
    return min(used, 1.0)


def entropy_coded_bytes(sizes: ArrayLike, entropies: ArrayLike) -> float:
    """The bytes below which no code-by-code entropy coder stores these layers, its tables not counted.

    Law: Σ n·H/8; additive over layers; at most the bytes of plain storage.
    """
    counts, bits = magnitudes(sizes, "sizes"), magnitudes(entropies, "entropies")
    same_shape(counts, bits, "sizes and entropies")
    return float(np.dot(counts, bits)) / 8.0

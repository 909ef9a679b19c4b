"""Joint level counts of weights and activations, chosen so that every product of two levels fits in a signed byte.

Sums of such products stay in 16 bits for 258 terms, which is what makes kernels for "4.6 bits" fast; 4.587 is the
mean width over all pairs that no other pair betters.
"""

from math import log2

from nadoo_graphs.errors import Code
from nadoo_graphs.formats.checks import refusal

LARGEST_PRODUCT = 127
SUMMED_PRODUCTS = 32767 // LARGEST_PRODUCT
"""How many products a sum of 16 bits holds."""
JOINT_LEVELS = (3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 29, 31, 37, 43, 51, 63, 85, 127, 255)
"""The level counts for which some other count is the best partner."""


def activation_levels(weight_levels: int) -> int:
    """The most activation levels beside so many weight levels: 2*floor(127 / half) + 1."""
    if weight_levels < 3 or weight_levels % 2 == 0 or weight_levels > 2 * LARGEST_PRODUCT + 1:
        message = f"there are {weight_levels} weight levels; give an odd number from 3 to {2 * LARGEST_PRODUCT + 1}"
        raise refusal(Code.DATA, "weight levels", message)
    return 2 * (LARGEST_PRODUCT // (weight_levels // 2)) + 1


def joint_pairs() -> tuple[tuple[int, int], ...]:
    """All pairs (activation levels, weight levels) that no other pair betters, by ascending weight levels."""
    return tuple((activation_levels(levels), levels) for levels in JOINT_LEVELS)


def mean_width() -> float:
    """The bits of an operand on average over all pairs."""
    pairs = joint_pairs()
    return sum(log2(activations) + log2(weights) for activations, weights in pairs) / (2 * len(pairs))

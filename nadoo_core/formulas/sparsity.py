"""Which weights are pruned: exact counts, thresholds and scores. A mask is True where a weight is kept.

Ties are broken by position: of equal scores, the element with the lower flat index is pruned first.
"""

from math import floor

import numpy as np
from numpy.typing import ArrayLike

from nadoo_core.formulas.arrays import Mask, Reals, finite, measurable, refused, same_shape, unit_of
from nadoo_core.formulas.errors import FormulaError
from nadoo_core.formulas.parameters import between, problem, require, whole
from nadoo_graphs.errors import Code


def prune_count(elements: int, share: float) -> int:
    """How many of the elements are pruned for a share of them.

    Law: ⌊share·elements + ½⌋, so that |count/elements − share| ≤ 1/(2·elements); non-decreasing in the share.
    """
    require(whole("elements", elements, 0), between("share", share, 0, 1))
    wanted = float(share) * int(elements)
    # Adding one half before the floor would round 0.49999999999999994 up.
    return floor(wanted) + (wanted - floor(wanted) >= 0.5)


def keep_mask(scores: ArrayLike, share: float, *, allow_dead_layer: bool = False) -> Mask:
    """The elements that stay when a share of them, those of the smallest scores, is pruned.

    Law: exactly `prune_count` elements go; no kept score is below a pruned one; masks are nested for growing shares;
    unchanged when the scores are multiplied by a power of two. A share of 1 leaves a dead layer and must be allowed.
    """
    numbers = finite(scores, "scores")
    count = prune_count(numbers.size, share)
    if share == 1 and not allow_dead_layer:
        allowed = "a number less than 1, or allow_dead_layer = true to prune every element"
        raise FormulaError(problem("share", share, allowed))
    mask = np.ones(numbers.size, dtype=np.bool_)
    mask[np.argsort(numbers, axis=None, kind="stable")[:count]] = False
    return mask.reshape(numbers.shape)


def magnitude_mask(weights: ArrayLike, share: float, *, allow_dead_layer: bool = False) -> Mask:
    """The weights that stay when a share of them, those of the smallest magnitude, is pruned.

    Law: the keep mask of |w|; the energy kept is at least 1 − the share that was pruned.
    """
    return keep_mask(np.abs(finite(weights, "weights")), share, allow_dead_layer=allow_dead_layer)


def group_mask(weights: ArrayLike, kept: int, group: int) -> Mask:
    """The weights that stay when each group of neighbours on the last axis keeps those of the largest magnitude.

    Law: exactly `kept` of every `group` stay; the energy kept is at most that of the magnitude mask of equal count.
    """
    numbers = finite(weights, "weights")
    require(whole("group", group, 2), whole("kept", kept, 1))
    require(whole("kept", kept, 1, group - 1))
    if not numbers.ndim or numbers.shape[-1] % group:
        message = f"the last axis of shape {numbers.shape} is not a multiple of {group}; pad it or choose another group"
        raise refused(Code.SHAPE, "weights", message)
    rows = np.abs(numbers).reshape(-1, group)
    mask = np.ones(rows.shape, dtype=np.bool_)
    np.put_along_axis(mask, np.argsort(rows, axis=1, kind="stable")[:, : group - kept], values=False, axis=1)
    return mask.reshape(numbers.shape)


def pruning_threshold(weights: ArrayLike, tau: float) -> float:
    """The magnitude below which a weight is pruned, as a share of the largest one.

    Law: τ·max|W|; linear in τ and in |W|; 0 for an all-zero tensor, of which nothing is pruned.
    """
    require(between("tau", tau, 0, 1))
    return float(tau) * float(np.abs(measurable(weights, "weights")).max())


def threshold_mask(weights: ArrayLike, tau: float) -> Mask:
    """The weights whose magnitude reaches the pruning threshold; an empty tensor has an empty mask.

    Law: |w| ≥ τ·max|W|, so that the largest weight always stays; nested in τ; idempotent; unchanged when the weights
    are multiplied by a power of two.
    """
    require(between("tau", tau, 0, 1))
    numbers = finite(weights, "weights")
    return np.abs(numbers) >= (pruning_threshold(numbers, tau) if numbers.size else 0.0)


def prune_below(weights: ArrayLike, tau: float) -> Reals:
    """The weights with those below the pruning threshold set to 0.

    Law: W ⊙ mask; applying it twice is applying it once.
    """
    numbers = finite(weights, "weights")
    return np.where(threshold_mask(numbers, tau), numbers, 0.0)


def lamp_scores(weights: ArrayLike) -> Reals:
    """Scores that may be pooled over layers, because each layer's largest weight scores 1.

    Law: w_i²/Σ w_j² over the j that are not before i in the order of magnitude; in [0, 1]; ordered as |w|; unchanged
    when the layer is multiplied by a number; all 0 for an all-zero layer.
    """
    numbers = finite(weights, "weights")
    squares = np.square(numbers.ravel() / unit_of(numbers))
    order = np.argsort(squares, kind="stable")
    ascending = squares[order]
    remaining = np.cumsum(ascending[::-1])[::-1]
    scores = np.zeros(squares.size)
    scores[order] = np.divide(ascending, remaining, out=np.zeros(squares.size), where=remaining > 0)
    return scores.reshape(numbers.shape)


def energy_kept(weights: ArrayLike, mask: ArrayLike) -> float:
    """The share of the sum of squares that a mask keeps; an all-zero tensor loses nothing.

    Law: Σ(W ⊙ M)²/ΣW², in [0, 1], non-decreasing in the mask.
    """
    numbers = measurable(weights, "weights")
    chosen = finite(mask, "mask")
    same_shape(numbers, chosen, "weights and mask")
    squares = np.square(numbers / unit_of(numbers))
    total = float(squares.sum())
    kept = float(np.where(chosen != 0, squares, 0.0).sum())
    return min(kept / total, 1.0) if total else 1.0


def sparsity(mask: ArrayLike) -> float:
    """The share of elements that a mask prunes.

    Law: 1 − ΣM/N, in [0, 1].
    """
    chosen = measurable(mask, "mask")
    return 1.0 - int(np.count_nonzero(chosen)) / chosen.size

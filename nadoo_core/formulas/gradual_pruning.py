"""How sparsity grows while a network is trained: along a cubic curve, or round by round."""

from math import ceil, log1p

from attrs import frozen

from nadoo_core.formulas.blending import blend
from nadoo_core.formulas.parameters import above, at_least, below, between, require, share_above_zero, whole


@frozen(kw_only=True)
class CubicSparsity:
    """The sparsity of a training step, fast at first, when there is much to spare, and slow at the end.

    Law: s_f + (s_i − s_f)·(1 − (t − t₀)/(n·Δ))³, held at s_i before t₀ and at s_f after t₀ + n·Δ; non-decreasing in t
    and within [s_i, s_f].
    """

    final: float
    initial: float = 0.0
    start: float = 0.0
    updates: int
    interval: float = 1.0

    def __attrs_post_init__(self) -> None:
        """Refuse a curve that would fall or take no time."""
        require(
            between("final", self.final, 0, 1),
            between("initial", self.initial, 0, 1),
            at_least("start", self.start, 0),
            whole("updates", self.updates, 1),
            above("interval", self.interval, 0),
        )
        require(between("initial", self.initial, 0, self.final))

    def sparsity(self, step: float) -> float:
        """The share of weights that is pruned at a step."""
        require(at_least("step", step, 0))
        progress = (step - self.start) / (self.updates * self.interval)
        return blend(self.initial, self.final, 1.0 - (1.0 - min(max(progress, 0.0), 1.0)) ** 3)


def remaining_share(rounds: int, share: float) -> float:
    """The weights that are left when every round prunes the same share of what is there.

    Law: (1 − p)^r; rounds multiply: remaining(r + q) = remaining(r)·remaining(q).
    """
    require(whole("rounds", rounds, 0), between("share", share, 0, 1))
    return (1.0 - share) ** rounds


def rounds_to_reach(sparsity: float, share: float) -> int:
    """The rounds after which at least the given sparsity is reached when each prunes the same share.

    Law: ⌈ln(1 − S)/ln(1 − p)⌉, the smallest r with (1 − p)^r ≤ 1 − S up to rounding; 0 for S = 0.
    """
    require(below("sparsity", sparsity, 0, 1), share_above_zero("share", share))
    if share == 1:
        return 1 if sparsity else 0
    rounds = log1p(-sparsity) / log1p(-share)
    # A whole number of rounds, such as 2 for S = 0.36 and p = 0.2, must not become one more by rounding.
    return ceil(rounds * (1.0 - 1e-12))

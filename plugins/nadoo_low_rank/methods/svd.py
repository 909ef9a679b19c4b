"""svd: the weight as one matrix, through fewer channels: the kernel first, then one weight an output and channel."""

from collections.abc import Iterable

import numpy as np

from nadoo_core.formulas.low_rank import tail_energies
from nadoo_low_rank.decomposition import Decomposition, Method, Ranks, Stage, StageSize, ones, whole
from nadoo_low_rank.singular import Search, Singular, balance
from nadoo_low_rank.target import Target


class Svd(Method):
    """The best approximation that there is of a rank: whitened, truncated, and whitened back.

    Law: the error is Σ_{i>r} σ_i² of the whitened matrix, and no matrix of rank r has a smaller one.
    """

    name = "svd"

    def fits(self, target: Target) -> bool:
        """Every matrix has singular values."""
        return True

    def most(self, target: Target) -> Ranks:
        """The smaller side of the matrix."""
        return (min(target.weight.shape),)

    def sizes(self, target: Target, ranks: Ranks) -> tuple[StageSize, ...]:
        """R·c·k and R·o."""
        return StageSize(ranks[0] * target.weight.shape[1], whole(target)), StageSize(ranks[0] * target.outputs)

    def curve(self, target: Target, ranks: Iterable[Ranks], search: Search) -> list[float]:
        """The energies that are left out, at once for all ranks."""
        asked = list(ranks)
        found = whitened(target, max(rank for (rank,) in asked), search)
        tails = tail_energies(found.values.numpy())
        beyond = max(target.energy - float(np.square(found.values.numpy()).sum()), 0.0)
        return [float(tails[min(rank, len(tails) - 1)]) + beyond for (rank,) in asked]

    def decompose(self, target: Target, ranks: Ranks, search: Search) -> Decomposition:
        """Features that lose least, and the weights that read them."""
        rank = ranks[0]
        found = whitened(target, rank, search)
        features = found.right[:rank] @ target.root[1]
        outer = (found.left[:, :rank] * found.values[:rank]) / target.scale
        outer, inner = balance(outer, features)
        first = Stage(inner.reshape(rank, target.inputs, *target.kernel), whole(target))
        return Decomposition((first, Stage(outer.reshape(target.outputs, rank, *ones(target)))), outer @ inner)


def whitened(target: Target, rank: int, search: Search) -> Singular:
    """The singular values of the weight as its inputs and outputs see it."""
    return search.decompose(target.scale * target.weight @ target.root[0], rank)

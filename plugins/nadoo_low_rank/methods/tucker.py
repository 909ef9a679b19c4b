"""tucker: fewer channels on both sides of the kernel: in, through the kernel, and out again."""

from collections.abc import Iterable

import torch
from torch import Tensor

from nadoo_low_rank.decomposition import Decomposition, Method, Ranks, Stage, StageSize, ones, spread_over, whole
from nadoo_low_rank.methods.svd import Svd
from nadoo_low_rank.singular import Search
from nadoo_low_rank.target import Target, root_of


class Tucker(Method):
    """Tucker-2: input features from the unfolding by inputs, then core and output factor by a truncation for those.

    Without calibration data this is a HOSVD with its second side made best for the first.
    Law: the squared error is at most the sum of what both unfoldings leave out.
    """

    name = "tucker"

    def fits(self, target: Target) -> bool:
        """There is a kernel to leave between the two."""
        return target.window > 1

    def most(self, target: Target) -> Ranks:
        """All inputs, and the smaller side of the unfolding by outputs."""
        return target.inputs, min(target.weight.shape)

    def sizes(self, target: Target, ranks: Ranks) -> tuple[StageSize, ...]:
        """c·R₃, R₃·R₄·k and R₄·o."""
        inner, outer = ranks
        core = StageSize(inner * outer * target.window, whole(target))
        return StageSize(target.inputs * inner), core, StageSize(outer * target.outputs)

    def curve(self, target: Target, ranks: Iterable[Ranks], search: Search) -> list[float]:
        """The error of each pair, those with the same input features together."""
        asked = list(ranks)
        features = input_features(target, max(inner for inner, _ in asked), search)
        found: dict[Ranks, float] = {}
        for inner in sorted({inner for inner, _ in asked}):
            pairs = [pair for pair in asked if pair[0] == inner]
            smaller, lost = projected(target, features[:inner])
            limit = Svd().most(smaller)[0]
            errors = Svd().curve(smaller, [(min(outer, limit),) for _, outer in pairs], search)
            found |= {pair: error + lost for pair, error in zip(pairs, errors, strict=True)}
        return [found[pair] for pair in asked]

    def decompose(self, target: Target, ranks: Ranks, search: Search) -> Decomposition:
        """The three layers."""
        inner, outer = ranks
        features = input_features(target, inner, search)
        smaller, _ = projected(target, features)
        rest = Svd().decompose(smaller, (min(outer, Svd().most(smaller)[0]),), search)
        first = Stage(features.reshape(inner, target.inputs, *ones(target)))
        return Decomposition((first, *rest.stages), rest.product @ spread_over(features, target.window))


def input_features(target: Target, rank: int, search: Search) -> Tensor:
    """Rows [rank, inputs] of what the kernel reads most of."""
    blocks = target.moments.reshape(target.inputs, target.window, target.inputs, target.window)
    whitening, back = root_of(torch.einsum("ikjk->ij", blocks) / target.window)
    unfolded = (target.scale * target.weight).reshape(-1, target.inputs, target.window)
    matrix = whitening.T @ unfolded.permute(1, 2, 0).reshape(target.inputs, -1)
    return search.decompose(matrix, rank).left[:, :rank].T @ back


def projected(target: Target, features: Tensor) -> tuple[Target, float]:
    """The layer as one of fewer inputs, and the error that this alone makes."""
    wide = spread_over(features, target.window)
    weight = target.refit(wide)
    moments = wide @ target.moments @ wide.T
    return Target(weight, target.kernel, moments, target.importance), target.error(weight @ wide)

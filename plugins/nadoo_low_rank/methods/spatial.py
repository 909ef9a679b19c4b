"""spatial: a kernel as one along each axis, the first through fewer channels."""

from collections.abc import Iterable

import torch
from torch import Tensor

from nadoo_low_rank.decomposition import Decomposition, Method, Ranks, Stage, StageSize, spread_over
from nadoo_low_rank.singular import Search, balance
from nadoo_low_rank.target import Target, root_of

AXES = 2


class Spatial(Method):
    """The kernel [o, c, h, w] unfolded to (c, h) × (w, o): features down the columns, then weights along the rows.

    The features come from singular vectors of the unfolding, whitened by what lies in a column; the weights that read
    them are then fit to all moments, so that the error is the least for those features.
    """

    name = "spatial"

    def fits(self, target: Target) -> bool:
        """Both axes of the kernel have a length."""
        return len(target.kernel) == AXES and min(target.kernel) > 1

    def most(self, target: Target) -> Ranks:
        """The smaller side of the unfolding."""
        height, width = target.kernel
        return (min(target.inputs * height, width * target.outputs),)

    def sizes(self, target: Target, ranks: Ranks) -> tuple[StageSize, ...]:
        """R·c·k_h and R·o·k_w."""
        (rank,), (height, width) = ranks, target.kernel
        down = StageSize(rank * target.inputs * height, frozenset({0}))
        return down, StageSize(rank * target.outputs * width, frozenset({1}))

    def curve(self, target: Target, ranks: Iterable[Ranks], search: Search) -> list[float]:
        """The error after the weights have been fit, for each rank."""
        asked = list(ranks)
        features = self.features(target, max(rank for (rank,) in asked), search)
        return [target.error(self.fitted(target, features[:rank])[0]) for (rank,) in asked]

    def features(self, target: Target, rank: int, search: Search) -> Tensor:
        """Rows [rank, c · h] in the order of what they carry."""
        height, width = target.kernel
        whitening, back = root_of(column_moments(target))
        unfolded = (target.scale * target.weight).reshape(-1, target.inputs * height, width)
        matrix = whitening.T @ unfolded.permute(1, 2, 0).reshape(target.inputs * height, -1)
        return search.decompose(matrix, rank).left[:, :rank].T @ back

    def fitted(self, target: Target, features: Tensor) -> tuple[Tensor, Tensor]:
        """The product with the best weights for some features, and those weights [o, rank · w]."""
        wide = spread_over(features, target.kernel[1])
        outer = target.refit(wide)
        return outer @ wide, outer

    def decompose(self, target: Target, ranks: Ranks, search: Search) -> Decomposition:
        """The two layers, with their sizes balanced."""
        (rank,), (height, width) = ranks, target.kernel
        features = self.features(target, rank, search)
        product, outer = self.fitted(target, features)
        rows = outer.reshape(target.outputs, rank, width).permute(0, 2, 1).reshape(-1, rank)
        rows, features = balance(rows, features)
        outer = rows.reshape(target.outputs, width, rank).permute(0, 2, 1)
        down = Stage(features.reshape(rank, target.inputs, height, 1), frozenset({0}))
        return Decomposition((down, Stage(outer.unsqueeze(2), frozenset({1}))), product)


def column_moments(target: Target) -> Tensor:
    """Second moments of what lies in one column of a kernel, [c · h, c · h], over the columns."""
    height, width = target.kernel
    size = target.inputs * height
    blocks = target.moments.reshape(size, width, size, width)
    return torch.einsum("iwjw->ij", blocks) / width

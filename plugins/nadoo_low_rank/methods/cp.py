"""cp: a sum of products of vectors, one for the inputs, one for each axis of the kernel, one for the outputs."""

from collections.abc import Iterable
from importlib import import_module
from math import prod
from typing import Any

import torch
from torch import Tensor

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_low_rank.decomposition import Decomposition, Method, Ranks, Stage, StageSize, ones
from nadoo_low_rank.singular import Search
from nadoo_low_rank.target import Target

SWEEPS = 100
TOLERANCE = 1e-7
LEAST_KERNEL = 1


class Cp(Method):
    """The factors come from tensorly by alternating least squares; the output's are then fit to what inputs are like.

    Alternating least squares may diverge, so sweeps are capped, and a result that is no better than zero is refused.
    """

    name = "cp"

    def fits(self, target: Target) -> bool:
        """There is a kernel to take apart."""
        return target.window > LEAST_KERNEL

    def most(self, target: Target) -> Ranks:
        """The rank that always suffices: the whole tensor but its largest side."""
        sides = (target.outputs, target.inputs, *target.kernel)
        return (prod(sides) // max(sides),)

    def sizes(self, target: Target, ranks: Ranks) -> tuple[StageSize, ...]:
        """R·c, R·k for each axis, R·o."""
        rank = ranks[0]
        along = [StageSize(rank * length, frozenset({axis})) for axis, length in enumerate(target.kernel)]
        return StageSize(rank * target.inputs), *along, StageSize(rank * target.outputs)

    def curve(self, target: Target, ranks: Iterable[Ranks], search: Search) -> list[float]:
        """The error of each rank; every one is a decomposition of its own."""
        return [target.error(self.decompose(target, item, search).product) for item in ranks]

    def decompose(self, target: Target, ranks: Ranks, search: Search) -> Decomposition:
        """A layer that mixes inputs, one along each axis channel by channel, and one that mixes again."""
        rank = ranks[0]
        inputs, *along = self.factors(target, rank, search)
        features = feature_rows(inputs, along)
        outer = target.refit(features)
        if not target.error(outer @ features) < target.energy:
            message = f"finds no decomposition of rank {rank} that is better than zeros; choose another rank or method"
            raise PassError(Problem(CoreCode.PASS, "method 'cp'", message))
        first = Stage(inputs.T.reshape(rank, target.inputs, *ones(target)))
        middle = [
            Stage(axis_kernel(part, axis, len(along)), frozenset({axis}), True) for axis, part in enumerate(along)
        ]
        return Decomposition(
            (first, *middle, Stage(outer.reshape(target.outputs, rank, *ones(target)))), outer @ features
        )

    def factors(self, target: Target, rank: int, search: Search) -> list[Tensor]:
        """Factor matrices [side, rank] of the inputs and of each axis of the kernel, their columns of length one."""
        tensorly = require_tensorly()
        tensor = (target.scale * target.weight).reshape(target.outputs, target.inputs, *target.kernel)
        found = tensorly.decomposition.parafac(
            tensor.numpy(), rank, n_iter_max=SWEEPS, tol=TOLERANCE, init="random", random_state=search.seed % 2**31,
            normalize_factors=True,
        )  # fmt: skip
        return [torch.from_numpy(part).double() for part in found[1][1:]]


def require_tensorly() -> Any:
    """The library, or the command that installs it."""
    try:
        library: Any = import_module("tensorly")
        import_module("tensorly.decomposition")
    except ImportError as error:
        message = "needs the package 'tensorly', which is not installed; run: pip install 'nadoo[tensors]'"
        raise PassError(Problem(CoreCode.PASS, "method 'cp'", message)) from error
    return library


def feature_rows(inputs: Tensor, along: list[Tensor]) -> Tensor:
    """Each feature as a row [inputs · kernel]."""
    rows = inputs.T
    for part in along:
        rows = (rows.unsqueeze(2) * part.T.unsqueeze(1)).reshape(len(rows), -1)
    return rows


def axis_kernel(part: Tensor, axis: int, axes: int) -> Tensor:
    """A kernel for each channel that is long along one axis only."""
    shape = [1] * axes
    shape[axis] = part.shape[0]
    return part.T.reshape(part.shape[1], 1, *shape)

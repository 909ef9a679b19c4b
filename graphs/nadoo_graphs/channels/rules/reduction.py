"""Operators that work along some axes, which they freeze, and leave the others alone: reductions, softmax, pools."""

from collections.abc import Mapping
from functools import partial
from typing import cast

from nadoo_graphs.channels.rule import ChannelRule, NodeAxes

REDUCTIONS = (
    "mean", "sum", "amax", "amin", "logsumexp", "any", "all", "max", "min", "argmax", "argmin", "var", "std", "prod",
    "vector_norm",
)  # fmt: skip
ALONG = ("softmax", "log_softmax", "cumsum", "cumprod", "topk", "sort", "relu_topq", "relu_topk")
POOLS = tuple(f"{kind}_pool" for kind in ("max", "avg", "adaptive_avg", "adaptive_max"))


def worked_axes(axes: NodeAxes) -> set[int]:
    """The places of the axes that the attribute dim names; none named means all."""
    dims = axes.node.attributes.get("dim")
    rank = max(len(axes.operand), 1)
    if dims is None:
        return set(range(rank))
    named = dims if isinstance(dims, tuple) else (dims,)
    return {cast(int, dim) % rank for dim in named}


def couple_reduction(axes: NodeAxes) -> None:
    """The axes that are not reduced pass through."""
    reduced = worked_axes(axes)
    kept = [axis for place, axis in enumerate(axes.operand) if place not in reduced]
    for output in axes.outputs:
        same_rank = len(output) == len(axes.operand)
        passed = [axis for place, axis in enumerate(output) if not same_rank or place not in reduced]
        axes.same_all(tuple(kept), tuple(passed))


def couple_along(axes: NodeAxes) -> None:
    """The axes beside the one that is worked along pass through."""
    worked = worked_axes(axes)
    for output in axes.outputs:
        for place, (own, other) in enumerate(zip(axes.operand, output, strict=True)):
            if place not in worked:
                axes.same(own, other)


def couple_windows(spatial: int, axes: NodeAxes) -> None:
    """Batch and channels pass through; windows slide over the other axes."""
    axes.same_all(axes.operand[:-spatial], axes.output[:-spatial])


def couple_upsampling(axes: NodeAxes) -> None:
    """Batch and channels pass through."""
    axes.same_all(axes.operand[:2], axes.output[:2])


def couple_glu(axes: NodeAxes) -> None:
    """Channel c of the output is made of channels c and C + c."""
    (halved,) = worked_axes(axes)
    for place, (own, other) in enumerate(zip(axes.operand, axes.output, strict=True)):
        if place != halved:
            axes.same(own, other)
            continue
        half = axes.size(other)
        if isinstance(half, int):
            axes.tie_block(own, other, 0)
            axes.tie_block(own, other, half)


def couple_triangle(axes: NodeAxes) -> None:
    """Positions in the last two axes decide what is kept."""
    axes.same_all(axes.operand[:-2], axes.output[:-2])


RULES: Mapping[str, ChannelRule] = {
    **{name: ChannelRule(couple_reduction) for name in REDUCTIONS},
    **{name: ChannelRule(couple_along) for name in ALONG},
    **{f"{pool}{axes}d": ChannelRule(partial(couple_windows, axes)) for pool in POOLS for axes in (1, 2, 3)},
    "upsample": ChannelRule(couple_upsampling),
    "glu": ChannelRule(couple_glu),
    "tril": ChannelRule(couple_triangle),
    "triu": ChannelRule(couple_triangle),
}

"""Which weights stay: by size in a layer or over all, in groups of neighbours, in blocks, or above a threshold.

Every weight is looked at as rows of outputs and columns in the order in which kernels read them: the input channel
last, so that neighbours are inputs of one output at one place.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray
from torch import Tensor

from nadoo_core.formulas.sparsity import group_mask, keep_mask, lamp_scores, threshold_mask
from nadoo_graphs.node import Node

Scores = NDArray[np.float64]
Keep = NDArray[np.bool_]
Pooling: TypeAlias = Literal["none", "max", "mean", "lamp"]
TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


@frozen(eq=False)
class Prunable:
    """One weight as a matrix: the tensor's name, the first node that uses it, and how its axes are turned."""

    tensor: str
    node: Node
    shape: tuple[int, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """The axes as outputs, kernel, inputs; a transposed convolution has its inputs first."""
        axes = tuple(range(len(self.shape)))
        if self.node.op in TRANSPOSED:
            return (1, *axes[2:], 0)
        return (0, *axes[2:], 1) if len(axes) > 1 else axes

    def matrix(self, value: Tensor) -> Scores:
        """The tensor as rows of outputs."""
        turned = value.detach().double().permute(self.order)
        return turned.reshape(turned.shape[0], -1).numpy()

    def tensor_mask(self, keep: Keep) -> Tensor:
        """A mask of the matrix as one of the tensor."""
        turned = torch.from_numpy(keep).reshape([self.shape[axis] for axis in self.order])
        back = [self.order.index(axis) for axis in range(len(self.shape))]
        return turned.permute(back).contiguous()


def by_layer(scores: Mapping[str, Scores], share: float, *, dead: bool) -> dict[str, Keep]:
    """The same share of every layer goes; unless allowed, each keeps its largest."""
    found = {name: keep_mask(item, share, allow_dead_layer=dead) for name, item in scores.items()}
    return found if dead else {name: with_largest(keep, scores[name]) for name, keep in found.items()}


def over_all(scores: Mapping[str, Scores], share: float, pooling: Pooling, *, dead: bool) -> dict[str, Keep]:
    """One share of all weights goes, wherever they are; unless allowed, each layer keeps its largest."""
    pooled = {name: pooled_scores(item, pooling) for name, item in scores.items()}
    if not dead:
        pooled = {name: spared(item) for name, item in pooled.items()}
    flat = np.concatenate([item.ravel() for item in pooled.values()])
    keep = keep_mask(np.minimum(flat, np.finfo(np.float64).max), share, allow_dead_layer=dead)
    parts = np.split(keep, np.cumsum([item.size for item in pooled.values()])[:-1])
    found = {name: part.reshape(scores[name].shape) for name, part in zip(scores, parts, strict=True)}
    return found if dead else {name: with_largest(part, scores[name]) for name, part in found.items()}


def with_largest(keep: Keep, scores: Scores) -> Keep:
    """A mask that keeps the largest score where it kept nothing: a share may leave less than one of a small layer.

    Law: a mask that keeps anything is unchanged.
    """
    if keep.any() or not keep.size:
        return keep
    found = keep.copy()
    found.ravel()[int(scores.argmax())] = True
    return found


def spared(scores: Scores) -> Scores:
    """Scores of which the largest is out of reach."""
    found = scores.copy()
    if found.size:
        found.ravel()[int(found.argmax())] = np.inf
    return found


def pooled_scores(scores: Scores, pooling: Pooling) -> Scores:
    """Scores on a scale that layers share."""
    if pooling == "lamp":
        return lamp_scores(scores)
    size = {"none": 1.0, "max": float(scores.max(initial=0.0)), "mean": float(scores.mean()) if scores.size else 0.0}
    return scores / (size[pooling] or 1.0)


def by_pattern(scores: Scores, kept: int, group: int) -> Keep | None:
    """The largest of every group of neighbours stay; None where rows do not divide into groups."""
    return None if scores.shape[1] % group else group_mask(scores, kept, group)


def by_threshold(scores: Scores, tau: float) -> Keep:
    """What reaches a share of the layer's largest stays."""
    return threshold_mask(scores, tau)


def block_scores(scores: Scores, block: Sequence[int]) -> Scores | None:
    """The length of every block of rows × columns; None where the matrix does not divide into blocks."""
    rows, columns = block
    if scores.shape[0] % rows or scores.shape[1] % columns:
        return None
    cut = scores.reshape(scores.shape[0] // rows, rows, scores.shape[1] // columns, columns)
    found: Scores = np.sqrt(np.square(cut).sum((1, 3)))
    return found


def spread_blocks(keep: Keep, block: Sequence[int]) -> Keep:
    """A mask of blocks as one of weights."""
    return np.kron(keep, np.ones(tuple(block), np.bool_)).astype(np.bool_)

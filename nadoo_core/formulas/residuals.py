"""The four ways to add a skip path to a branch, as the definition that graphs and kernels are compared with.

`branch` is f(x): the branch with its normalization, so that the skip path itself is never normalized.
"""

import numpy as np
from numpy.typing import ArrayLike

from nadoo_core.formulas.arrays import Reals, finite, refused, same_shape
from nadoo_graphs.errors import Code


def residual_inside(skip: ArrayLike, branch: ArrayLike) -> Reals:
    """The sum is rectified: relu(x + f(x)).

    Law: at least 0; the scaled form at scale 1; relu(x) for an empty branch.
    """
    return residual_scaled_inside(skip, branch, 1.0)


def residual_outside(skip: ArrayLike, branch: ArrayLike) -> Reals:
    """The branch is rectified and added: x + relu(f(x)).

    Law: at least x; the scaled form at scale 1; x for an empty branch.
    """
    return residual_scaled_outside(skip, branch, 1.0)


def residual_scaled_outside(skip: ArrayLike, branch: ArrayLike, scale: ArrayLike) -> Reals:
    """The branch is rectified and a scaled skip path added: s·x + relu(f(x)).

    Law: relu(f(x)) exactly at s = 0, so that inserting it changes nothing; at least s·x; ∂y/∂s = x.
    """
    scaled, added = scaled_pair(skip, branch, scale)
    return scaled + np.maximum(added, 0.0)


def residual_scaled_inside(skip: ArrayLike, branch: ArrayLike, scale: ArrayLike) -> Reals:
    """A scaled skip path is added and the sum rectified: relu(s·x + f(x)).

    Law: relu(f(x)) exactly at s = 0; at least 0; ∂y/∂s = x where s·x + f(x) > 0, else 0.
    """
    scaled, added = scaled_pair(skip, branch, scale)
    return np.maximum(scaled + added, 0.0)


def scaled_pair(skip: ArrayLike, branch: ArrayLike, scale: ArrayLike) -> tuple[Reals, Reals]:
    """The scaled skip path and the branch, of one shape; a scale is one number or broadcasts to that shape.

    Law: neither is changed otherwise, so that a scale of 1 leaves the skip path as it is.
    """
    entered, added, factors = finite(skip, "skip"), finite(branch, "branch"), finite(scale, "scale")
    same_shape(entered, added, "skip and branch")
    try:
        return entered * np.broadcast_to(factors, entered.shape), added
    except ValueError as error:
        message = f"shape {factors.shape} does not broadcast to {entered.shape}; give one number or one a channel"
        raise refused(Code.SHAPE, "scale", message) from error

"""Every model of the bank captured once, for all tests that look at the result."""

import copy
from functools import cache
from typing import Any

import torch
from attrs import frozen
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from tests.models.bank import Case, case_named


@frozen
class Captured:
    """One model of the bank with its graph."""

    case: Case
    graph: ModelGraph

    def model(self) -> nn.Module:
        """The model as it was captured."""
        return self.case.model()

    def call(self, module: Any) -> Any:
        """What a module gives for the case's arguments, which it may write to as it likes."""
        arguments, keywords = copy.deepcopy(self.case.arguments())
        torch.manual_seed(5)
        return module(*arguments, **keywords)


@cache
def captured(name: str) -> Captured:
    """The graph of a model, captured as a user would: with the example and no further word."""
    case = case_named(name)
    arguments, keywords = case.arguments()
    return Captured(case, capture(case.model(), arguments, keywords))


def tensors(tree: Any) -> list[Tensor]:
    """All tensors in a result."""
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]


def same(left: Any, right: Any) -> bool:
    """Whether two results nest alike and hold the same bits and the same plain values."""
    ones, others = pytree.tree_leaves(left), pytree.tree_leaves(right)
    return pytree.tree_structure(left) == pytree.tree_structure(right) and all(map(same_leaf, ones, others))


def same_leaf(left: Any, right: Any) -> bool:
    """Whether two ends of a result are equal, NaN where there is NaN."""
    if not isinstance(left, Tensor) or not isinstance(right, Tensor):
        return left == right
    alike = left.dtype == right.dtype and left.shape == right.shape
    return alike and bool(torch.all((left == right) | ((left != left) & (right != right))))


def close(left: Any, right: Any) -> bool:
    """Whether two results agree as far as float32 goes; kernels may differ with and without gradients."""
    pairs = zip(tensors(left), tensors(right), strict=True)
    return all(torch.allclose(one, other, rtol=1e-4, atol=1e-5, equal_nan=True) for one, other in pairs)

"""What a method makes of a layer: a chain of smaller layers, and the matrix that they multiply to."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from attrs import field, frozen
from torch import Tensor

from nadoo_low_rank.singular import Search
from nadoo_low_rank.target import Target

Ranks = tuple[int, ...]


@frozen(eq=False)
class Stage:
    """One layer of a chain: its weight, which axes of the kernel it has, and whether each channel is on its own."""

    weight: Tensor
    axes: frozenset[int] = field(factory=frozenset[int])
    depthwise: bool = False


@frozen
class StageSize:
    """The size of a stage before it is computed: its weights, and the axes of the kernel that it has."""

    numbers: int
    axes: frozenset[int] = field(factory=frozenset[int])


@frozen(eq=False)
class Decomposition:
    """A chain of layers, first to last, and their product as one matrix [outputs, inputs · kernel]."""

    stages: tuple[Stage, ...]
    product: Tensor


class Method(ABC):
    """A way to write a layer as a chain; ranks are tuples, of which most methods have one."""

    name: str = ""

    @abstractmethod
    def fits(self, target: Target) -> bool:
        """Whether the method is made for a layer of this form."""

    @abstractmethod
    def most(self, target: Target) -> Ranks:
        """The ranks at which nothing is lost."""

    @abstractmethod
    def sizes(self, target: Target, ranks: Ranks) -> tuple[StageSize, ...]:
        """The sizes of the chain at some ranks."""

    @abstractmethod
    def curve(self, target: Target, ranks: Iterable[Ranks], search: Search) -> list[float]:
        """The error of each of the ranks."""

    @abstractmethod
    def decompose(self, target: Target, ranks: Ranks, search: Search) -> Decomposition:
        """The chain at some ranks."""

    def numbers(self, target: Target, ranks: Ranks) -> int:
        """How many weights the chain has."""
        return sum(size.numbers for size in self.sizes(target, ranks))


def whole(target: Target) -> frozenset[int]:
    """All axes of a kernel."""
    return frozenset(range(len(target.kernel)))


def ones(target: Target) -> tuple[int, ...]:
    """A kernel of one position."""
    return (1,) * len(target.kernel)


def spread_over(features: Tensor, length: int) -> Tensor:
    """Features of rows, [features, rows], at each of so many places: [features · length, rows · length]."""
    return torch.kron(features, torch.eye(length, dtype=features.dtype))

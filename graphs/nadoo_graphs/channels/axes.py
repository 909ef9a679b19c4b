"""All axes of a graph's values and tensors, and what is known of them: which are one, which are parts of which.

An axis is a number here, so that a thousand nodes cost little: axes that run through the same channels are joined by
union-find, and only where positions move (a concatenation, a flattening) are arrays of positions held.
"""

from typing import Any, TypeAlias

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.sizes import Size

Positions: TypeAlias = NDArray[np.int64]


@frozen
class Tie:
    """Positions of one axis that are the same channels as positions of another one."""

    one: int
    other: int
    one_positions: Positions
    other_positions: Positions


@frozen
class Split:
    """An axis that is a product: position (i·q + j)·r + … of it belongs to positions i, j, … of its factors."""

    axis: int
    sizes: tuple[Size, ...]
    factors: tuple[int, ...]
    node: str


@frozen
class Use:
    """How a node uses an axis of a tensor: it makes the channels, reads them, or follows them as a norm does."""

    tensor: str
    axis: int
    node: str
    side: str


class AxisSpace:
    """The axes by number; every fact about one of joined axes holds for all of them."""

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.sizes: list[Size] = []
        self.parents: list[int] = []
        self.reasons: dict[int, str] = {}
        self.ties: list[Tie] = []
        self.splits: list[Split] = []
        self.uses: list[Use] = []
        self.heads: set[int] = set()
        self.blended: set[int] = set()
        self.values: dict[tuple[str, int], range] = {}
        self.tensors: dict[str, range] = {}

    # --- axes ---

    def add(self, sizes: "tuple[Size, ...]") -> range:
        """New axes of these sizes."""
        first = len(self.sizes)
        self.sizes.extend(sizes)
        self.parents.extend(range(first, first + len(sizes)))
        return range(first, len(self.sizes))

    def add_outputs(self, node: Node) -> None:
        """The axes of everything that a node gives."""
        for index, output in enumerate(node.outputs):
            self.values[node.name, index] = self.add(output.shape)

    def of_tensor(self, name: str) -> range:
        """The axes of a tensor, the same ones for every node that uses it."""
        found = self.tensors.get(name)
        if found is None:
            found = self.tensors[name] = self.add(tuple(self.graph.tensors[name].value.shape))
        return found

    # --- facts ---

    def root(self, axis: int) -> int:
        """The axis that stands for all that are joined with this one."""
        parents = self.parents
        while parents[axis] != axis:
            parents[axis] = parents[parents[axis]]
            axis = parents[axis]
        return axis

    def join(self, one: int, other: int) -> None:
        """Two axes run through the same channels."""
        first, second = self.root(one), self.root(other)
        if first != second:
            self.parents[max(first, second)] = min(first, second)

    def freeze(self, axis: int, reason: str) -> None:
        """No channel of an axis may go; the first reason is the one that is told."""
        self.reasons.setdefault(axis, reason)

    def settle_reasons(self) -> None:
        """Hold each reason at the axis that stands for the joined ones."""
        for axis, reason in list(self.reasons.items()):
            self.reasons.setdefault(self.root(axis), reason)

    def is_frozen(self, axis: int) -> bool:
        """Whether an axis as a whole is frozen, once reasons are settled."""
        return self.root(axis) in self.reasons

    def is_plural(self, axis: int) -> bool:
        """Whether an axis has more than one position, so that some of them could go."""
        size: Any = self.sizes[axis]
        return not isinstance(size, int) or size > 1

"""The result of an analysis: units of channels, in groups of like ones, and where they lie in tensors and values."""

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
from attrs import frozen
from numpy.typing import ArrayLike, NDArray

from nadoo_graphs.channels.axes import AxisSpace, Positions, Split, Use
from nadoo_graphs.channels.rule import NodeAxes
from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.sizes import Size

Mask = NDArray[np.bool_]
GOLDEN = 0x9E3779B97F4A7C15


@frozen
class TensorAxis:
    """An axis of a tensor whose positions belong to units; -1 stands for a position that stays."""

    tensor: str
    axis: int
    node: str
    side: str
    units: Positions


@frozen
class FrozenAxis:
    """An axis of a tensor of which nothing may be removed, and why."""

    tensor: str
    axis: int
    node: str
    side: str
    reason: str


@frozen(eq=False)
class ChannelGroup:
    """Units that lie in the same axes, and so are alternatives to one another."""

    name: str
    units: Positions

    def __len__(self) -> int:
        return len(self.units)


class ChannelMap:
    """Units of channels of one graph: each is kept or removed as a whole, everywhere at once."""

    def __init__(
        self,
        space: AxisSpace,
        nodes: Mapping[str, NodeAxes],
        units: Mapping[int, Positions],
        count: int,
        reasons: Mapping[int, str],
        open_axes: Mapping[int, Split],
    ) -> None:
        self.space = space
        self.nodes = nodes
        self.units = units
        self.count = count
        self.reasons = reasons
        self.open_axes = open_axes

    def __len__(self) -> int:
        return self.count

    # --- where units lie ---

    @cached_property
    def axes(self) -> tuple[TensorAxis, ...]:
        """Every use of a tensor's axis of which something may go, in the order of execution."""
        found = ((use, self.units.get(self.root_of(use))) for use in self.space.uses)
        return tuple(
            TensorAxis(use.tensor, use.axis, use.node, use.side, units) for use, units in found if units is not None
        )

    @cached_property
    def frozen(self) -> tuple[FrozenAxis, ...]:
        """Every axis along which a tensor makes channels that all stay, with the reason."""
        found = ((use, self.reasons.get(self.root_of(use))) for use in self.space.uses if use.side == "makes")
        return tuple(
            FrozenAxis(use.tensor, use.axis, use.node, use.side, reason) for use, reason in found if reason is not None
        )

    def root_of(self, use: Use) -> int:
        """The axis that stands for the one that is used."""
        return self.space.root(self.space.tensors[use.tensor][use.axis])

    def of_tensor(self, name: str, axis: int) -> "Positions | None":
        """The unit of every position of a tensor's axis; None where all of them stay."""
        axes = self.space.tensors.get(name)
        return None if axes is None else self.units.get(self.space.root(axes[axis]))

    def of_value(self, node: str, axis: int, output: int = 0) -> "Positions | None":
        """The unit of every position of a value's axis; None where all of them stay."""
        return self.units.get(self.space.root(self.space.values[node, output][axis]))

    # --- groups ---

    @cached_property
    def group_of(self) -> Positions:
        """The group of every unit."""
        signatures = np.zeros(self.count, np.uint64)
        for root, units in self.units.items():
            salt = np.uint64((root + 1) * GOLDEN & 0xFFFFFFFFFFFFFFFF)
            times = np.bincount(units[units >= 0], minlength=self.count).astype(np.uint64)
            signatures += times * (salt ^ (salt >> np.uint64(29)))
        _, first, inverse = np.unique(signatures, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first))
        return order[inverse].astype(np.int64)

    @cached_property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """The groups in the order of their first units, named after the first node that makes them."""
        count = int(self.group_of.max()) + 1 if self.count else 0
        order = np.argsort(self.group_of, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(self.group_of, minlength=count))[:-1]) if count else []
        names = self.group_names(count)
        return tuple(ChannelGroup(names[index], part) for index, part in enumerate(parts))

    def group_names(self, count: int) -> list[str]:
        """The node that makes the channels of each group, else the one that follows or reads them first."""
        found = np.full(count, -1, np.int64)
        for side in ("reads", "follows", "makes"):
            for index in range(len(self.axes) - 1, -1, -1):
                axis = self.axes[index]
                if axis.side == side:
                    found[self.group_of[axis.units[axis.units >= 0]]] = index
        return [self.axes[item].node if item >= 0 else f"group {place}" for place, item in enumerate(found.tolist())]

    def groups_in(self, axis: TensorAxis) -> list[int]:
        """The places in `groups` of the groups that have units in an axis."""
        own = axis.units[axis.units >= 0]
        return np.unique(self.group_of[own]).tolist()

    @cached_property
    def blended(self) -> Mask:
        """The units over which some node takes a statistic: to remove one is more than to mask it."""
        found = np.zeros(self.count, np.bool_)
        for axis in self.space.blended:
            units = self.units.get(self.space.root(axis))
            if units is not None:
                found[units[units >= 0]] = True
        return found

    # --- what is left ---

    def keep_mask(self, removed: ArrayLike) -> Mask:
        """True for every unit that stays; `removed` is a mask of all units or an array of their numbers."""
        given = np.asarray(removed)
        if given.dtype == np.bool_ and given.shape == (self.count,):
            return ~given
        numbers = given.astype(np.int64).ravel()
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= self.count):
            message = f"names unit {int(numbers.max())}; there are {self.count}, counted from 0"
            raise GraphError(Problem(Code.DATA, "channels", message))
        kept = np.ones(self.count, np.bool_)
        kept[numbers] = False
        return kept

    def kept_positions(self, axis: int, kept: Mask) -> "Positions | None":
        """The positions of an axis that stay; None where all of them do."""
        units = self.units.get(self.space.root(axis))
        if units is None:
            return None
        stays = positions_kept(units, kept)
        return None if stays.all() else np.flatnonzero(stays)

    def kept_size(self, axis: int, kept: Mask) -> Size:
        """How many positions of an axis stay."""
        root = self.space.root(axis)
        split = self.open_axes.get(root)
        if split is not None:
            size: Size = 1
            for factor in split.factors:
                size = size * self.kept_size(factor, kept)
            return size
        units = self.units.get(root)
        return self.space.sizes[axis] if units is None else int(positions_kept(units, kept).sum())

    def emptied(self, kept: Mask) -> Iterator[tuple[int, str]]:
        """Axes of which nothing would be left, each with a node that has it."""
        empty = {root for root, units in self.units.items() if not positions_kept(units, kept).any()}
        for (node, _), axes in self.space.values.items() if empty else ():
            for axis in axes:
                root = self.space.root(axis)
                if root in empty:
                    empty.discard(root)
                    yield root, node


def positions_kept(units: Positions, kept: Mask) -> Mask:
    """Which positions stay: those of units that do, and those of no unit."""
    return kept[units] | (units < 0)

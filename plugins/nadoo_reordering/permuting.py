"""Units of channels in another order, everywhere at once: the function stays, its numbers move."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from nadoo_graphs.channels import ChannelGroup, ChannelMap, TensorAxis
from nadoo_graphs.graph import ModelGraph

Positions = NDArray[np.int64]


def unit_features(
    graph: ModelGraph, group: ChannelGroup, axes: Sequence[TensorAxis], sides: frozenset[str]
) -> NDArray[np.float64]:
    """A row a unit: its weights in every layer that makes it, and in those that read it where that is asked for."""
    parts: list[NDArray[np.float64]] = []
    for axis in axes:
        value = graph.tensor(axis.tensor)
        if axis.side not in sides or value.ndim < len(("out", "in")):
            continue
        rows = value.detach().double().movedim(axis.axis, 0).reshape(value.shape[axis.axis], -1).numpy()
        parts.append(np.stack([rows[axis.units == unit].ravel() for unit in group.units]))
    return np.concatenate(parts, 1) if parts else np.zeros((len(group.units), 0))


def moved(units: Positions, members: Positions, order: Positions) -> Positions:
    """Where each position of an axis is taken from when the units of a group change places.

    The n-th position of a place gets the n-th position of the unit that comes there.
    Law: a permutation; the identity for the order that there is.
    """
    source = np.arange(len(units))
    places = {int(unit): np.flatnonzero(units == unit) for unit in members}
    for place, unit in zip(members.tolist(), members[order].tolist(), strict=True):
        source[places[place]] = places[unit]
    return source


def reordered(
    graph: ModelGraph, channels: ChannelMap, group: ChannelGroup, order: Positions
) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in which a group lies, with its units in another order."""
    members = np.asarray(group.units, np.int64)
    own = set(members.tolist())
    for name, axes in channels.space.tensors.items():
        value, touched = graph.tensor(name), False
        for place in range(len(axes)):
            units = channels.of_tensor(name, place)
            if units is not None and own & set(units.tolist()):
                value = value.index_select(place, torch.from_numpy(moved(units, members, order)))
                touched = True
        if touched:
            yield name, value.contiguous()

"""How much loss a channel's removal costs after the layers that read it have been refit to what is left.

Removing the columns S of a layer's inputs and refitting the rest by least squares costs, for output o with weights w,
w_S · (H⁻¹)_SS⁻¹ · w_Sᵀ, where H are the second moments of the inputs. Each output counts by the mean square of the
gradient that it gets, which turns the error into an estimate of the loss. Channels go one after the other, because a
channel whose twin has gone cannot be spared any more.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray
from torch import Tensor

from nadoo_core.calibrating.rows import is_refittable
from nadoo_core.calibrating.seen import example_axis
from nadoo_core.importance import Opinion, Scoring
from nadoo_graphs.channels import ChannelGroup, TensorAxis
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_pruning.gradients import Observed, first_order, observe
from nadoo_pruning.importances.magnitude import l2

RIDGE = 1e-4
MOST_STEPS = 64
MEASURED_AT = (0.25, 0.5, 0.75)
MOST_BYTES = 1 << 30
BYTES = 8


@frozen(eq=False)
class Reader:
    """One layer that reads some channels: its weights, scaled to loss, the inverse moments, and each unit's columns."""

    node: Node
    observed: Observed
    kernel: tuple[int, ...]
    original: Tensor
    inverse: Tensor
    columns: Mapping[int, Tensor]

    @property
    def scale(self) -> Tensor:
        """What makes the square of an output's error an estimate of the loss."""
        return (self.observed.fisher.sqrt() / 2**0.5).unsqueeze(1)

    def effect(self, weights: Tensor) -> Tensor:
        """For every example how the loss moves, to first order, with other weights."""
        return first_order(self.node, self.observed, weights - self.original, self.kernel)


def loss(scoring: Scoring) -> Sequence[Opinion]:
    """The increase of the loss that is left after a refit, for every unit in the order in which they would go."""
    scores = np.full(len(scoring.channels), np.nan)
    plans = list(plans_of(scoring))
    for done, plan in enumerate(plans):
        scoring.context.progress(done, len(plans), "importance")
        observed = observe(scoring, {axis.node for _, axes in plan for axis in axes})
        for group, axes in plan:
            readers = [reader_of(scoring, group, axis, observed[axis.node]) for axis in axes]
            eliminate(group, readers, scores)
    reorder_partly_judged(scoring, scores)
    fill_in(scoring, scores)
    return [Opinion(np.arange(len(scores), dtype=np.int64), scores)]


# --- which layers judge which channels ---


Plan = list[tuple[ChannelGroup, list[TensorAxis]]]


def plans_of(scoring: Scoring) -> Iterable[Plan]:
    """The groups with the layers that read them, in parts whose moments fit in memory."""
    graph = scoring.graph
    reading = [axis for axis in scoring.channels.axes if axis.side == "reads" and is_judge(graph, graph[axis.node])]
    by_group: dict[int, list[TensorAxis]] = {}
    for axis in reading:
        for group in scoring.channels.groups_in(axis):
            by_group.setdefault(group, []).append(axis)
    part: Plan = []
    held: set[str] = set()
    for index, axes in sorted(by_group.items()):
        more = {axis.node for axis in axes} - held
        if part and sum(moment_bytes(graph[name], scoring) for name in held | more) > MOST_BYTES:
            yield part
            part, held = [], set()
        held |= {axis.node for axis in axes}
        part.append((scoring.channels.groups[index], axes))
    if part:
        yield part


def is_judge(graph: ModelGraph, node: Node) -> bool:
    """Whether a layer can be refit, and its examples be told apart."""
    return is_refittable(node) and example_axis(graph, node) is not None


def moment_bytes(node: Node, scoring: Scoring) -> int:
    """The memory of the second moments of a layer's inputs."""
    weight = scoring.graph.tensor(node.tensors["weight"])
    return BYTES * (weight[0].numel() + 1) ** 2


def reader_of(scoring: Scoring, group: ChannelGroup, axis: TensorAxis, observed: Observed) -> Reader:
    """A layer as one that reads the units of a group."""
    weight = scoring.graph.tensor(axis.tensor).double().reshape(len(observed.fisher), -1)
    moments = observed.moments
    scale = float(moments.diagonal().mean()) or 1.0
    steadied = moments + RIDGE * scale * torch.eye(len(moments), dtype=moments.dtype)
    inverse = cast(Tensor, torch.linalg.inv(steadied))
    each = weight.shape[1] // len(axis.units)
    wide = torch.cat([weight, torch.zeros(len(weight), 1, dtype=weight.dtype)], 1)
    columns = {
        unit: torch.from_numpy((np.flatnonzero(axis.units == unit)[:, None] * each + np.arange(each)).ravel())
        for unit in group.units.tolist()
    }
    kernel = tuple(scoring.graph.tensor(axis.tensor).shape[2:])
    return Reader(scoring.graph[axis.node], observed, kernel, wide, inverse, columns)


# --- taking channels away ---


def eliminate(group: ChannelGroup, readers: list[Reader], scores: "NDArray[np.float64]") -> None:
    """Take the units of a group away, the cheapest first; each scores what it cost when it went.

    The costs take errors at different places for independent. How much they add up to where they are not is measured
    a few times on the way, and the costs in between are scaled to that.
    """
    weights, inverses = [reader.original for reader in readers], [reader.inverse for reader in readers]
    left, stretch = group.units.tolist(), Stretch(scores)
    at_once = max(1, len(left) // MOST_STEPS)
    measured = {round(len(left) * part) for part in MEASURED_AT}
    while left:
        costs = all_costs(readers, weights, inverses, left)
        order = cast("list[int]", costs.argsort(stable=True)[:at_once].tolist())
        gone = [left[place] for place in order]
        stretch.add(gone, [float(costs[place]) for place in order])
        left = [unit for unit in left if unit not in set(gone)]
        for index, reader in enumerate(readers):
            columns = torch.cat([reader.columns[unit] for unit in gone])
            weights[index], inverses[index] = without(weights[index], inverses[index], columns)
        if not left or measured & set(range(len(left), len(left) + len(gone))):
            effects = sum(reader.effect(weight) for reader, weight in zip(readers, weights, strict=True))
            stretch.close(float(torch.as_tensor(effects).square().mean()) / 2)


class Stretch:
    """Units that went between two measurements, and what was measured before."""

    def __init__(self, scores: "NDArray[np.float64]") -> None:
        self.scores = scores
        self.units: list[int] = []
        self.costs: list[float] = []
        self.before = 0.0
        self.least = 0.0

    def add(self, units: list[int], costs: list[float]) -> None:
        """Some units went, at these estimated costs."""
        self.units += units
        self.costs += costs

    def close(self, measured: float) -> None:
        """Scale the costs to what they come to together; no unit is cheaper than one that went before it."""
        estimated = sum(self.costs)
        factor = max(measured - self.before, 0.0) / estimated if estimated > 0 else 0.0
        for unit, cost in zip(self.units, self.costs, strict=True):
            self.least = max(self.least, cost * factor, cost)
            self.scores[unit] = self.least
        self.before = max(measured, self.before)
        self.units, self.costs = [], []


def all_costs(readers: list[Reader], weights: list[Tensor], inverses: list[Tensor], left: list[int]) -> Tensor:
    """What each of the units that are left would cost now, over all layers that read it."""
    total = torch.zeros(len(left), dtype=torch.float64)
    for reader, weight, inverse in zip(readers, weights, inverses, strict=True):
        total += unit_costs(weight * reader.scale, inverse, torch.stack([reader.columns[unit] for unit in left]))
    return total


def unit_costs(weights: Tensor, inverse: Tensor, columns: Tensor) -> Tensor:
    """For every unit the error that its columns' removal leaves, summed over outputs."""
    own = weights[:, columns].permute(1, 2, 0)
    blocks = inverse[columns.unsqueeze(2), columns.unsqueeze(1)]
    solved = cast(Tensor, torch.linalg.solve(blocks, own))
    return (own * solved).sum((1, 2))


def without(weights: Tensor, inverse: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Weights that are refit without some columns, and the inverse moments of what is left."""
    block = inverse[columns][:, columns]
    carried = cast(Tensor, torch.linalg.solve(block, inverse[columns]))
    left = inverse - inverse[:, columns] @ carried
    left[columns], left[:, columns] = 0.0, 0.0
    left[columns, columns] = 1.0
    refit = weights - weights[:, columns] @ carried
    refit[:, columns] = 0.0
    return refit, left


def reorder_partly_judged(scoring: Scoring, scores: "NDArray[np.float64]") -> None:
    """Where something else reads channels too, such as a recurrence, the lengths of their weights say which go first.

    What is known of the costs is only how large they are.
    """
    graph, lengths = scoring.graph, np.zeros(len(scores))
    for opinion in l2(scoring):
        own = opinion.units >= 0
        np.add.at(lengths, opinion.units[own], opinion.scores[own])
    partly: set[int] = set()
    for axis in scoring.channels.axes:
        if axis.side == "reads" and not is_judge(graph, graph[axis.node]):
            partly.update(scoring.channels.groups_in(axis))
    for index in partly:
        units = scoring.channels.groups[index].units
        if not np.isnan(scores[units]).any():
            scores[units[np.argsort(lengths[units], kind="stable")]] = np.sort(scores[units])


def fill_in(scoring: Scoring, scores: "NDArray[np.float64]") -> None:
    """Units that no refittable layer reads cost what setting them to zero would, by the gradients of their values."""
    missing = np.isnan(scores)
    if not missing.any():
        return
    makers = [axis for axis in scoring.made() if missing[axis.units[axis.units >= 0]].any()]
    observed = observe(scoring, {axis.node for axis in makers}, moments=False)
    found = np.zeros(len(scores))
    for axis in makers:
        places = scoring.channels.space.values[axis.node, 0]
        for place in range(len(places)):
            units = scoring.channels.of_value(axis.node, place)
            if units is not None and np.array_equal(np.unique(units), np.unique(axis.units)):
                cost = observed[axis.node].gates[place].numpy()
                np.add.at(found, units[units >= 0], cost[units >= 0])
                break
    scores[missing] = found[missing]

"""Mending a pruned graph on calibration data without training: weights by least squares, norms by their results.

A layer that has lost inputs gets the weights with which its outputs are nearest to the original's: W' = Y·Hᵀ·(H·Hᵀ +
λI)⁻¹ over the inputs H that it has now. The mean of what was removed goes into the bias. A batch norm gets statistics
with which its results have the mean and the spread that they had.
"""

from typing import Literal, TypeAlias

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray
from torch import Tensor

from nadoo_core.calibrating.rows import (
    draw_places,
    input_rows,
    is_refittable,
    output_axis,
    output_rows,
    solve_rows,
)
from nadoo_core.calibrating.side_by_side import Pair, side_by_side
from nadoo_graphs.channels import ChannelMap
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node

NormMode: TypeAlias = Literal["match", "reestimate", "keep"]
RIDGE = 1e-4
LEAST_SPREAD = 1e-6


@frozen
class Refit:
    """A graph before and after units were removed, and the examples on which the second is mended."""

    before: ModelGraph
    after: ModelGraph
    channels: ChannelMap
    kept: NDArray[np.bool_]
    generator: torch.Generator

    def run(self, inputs: Tensor, *, weights: bool, norms: NormMode) -> None:
        """Mend the layers and norms in the order of execution."""
        for pair in side_by_side(self.before, self.after, inputs):
            if self.is_as_it_was(pair):
                continue
            if weights and is_refittable(pair.before) and self.is_alone(pair.after):
                self.refit_layer(pair)
            elif norms != "keep" and pair.after.op == "batch_norm" and "running_mean" in pair.after.tensors:
                self.match_norm(pair) if norms == "match" else self.reestimate_norm(pair)

    def is_as_it_was(self, pair: Pair) -> bool:
        """Whether a node reads exactly what it read before."""
        return all(
            one.shape == other.shape and torch.equal(one, other)
            for one, other in zip(pair.original, pair.actual, strict=True)
        )

    def is_alone(self, node: Node) -> bool:
        """Whether no other node uses a layer's weight."""
        return len(self.after.tensor_users(node.tensors["weight"])) == 1

    def wanted(self, pair: Pair, axis: int) -> Tensor:
        """What the original gives, without the channels that were removed."""
        axes = self.channels.space.values[pair.before.name, 0]
        positions = self.channels.kept_positions(axes[axis], self.kept)
        found = pair.wanted[0]
        return found if positions is None else found.index_select(axis, torch.from_numpy(positions))

    # --- layers ---

    def refit_layer(self, pair: Pair) -> None:
        """The weights with which a layer's outputs are nearest to those of the original."""
        node, weight = pair.after, self.after.tensor(pair.after.tensors["weight"])
        wanted = self.wanted(pair, output_axis(node, pair.wanted[0]))
        places = draw_places(
            wanted.movedim(output_axis(node, wanted), 1), weight[0].numel(), len(wanted), self.generator
        )
        given = input_rows(node, pair.actual[0], tuple(weight.shape[2:]), places)
        start = self.as_matrix(node)
        if not self.takes_bias(pair):
            given, start = given[:, :-1], start[:, :-1]
        missed = output_rows(node, wanted, places) - given @ start.T
        self.take_over(node, start + solve_rows(given.T @ given, missed.T @ given, RIDGE))

    def as_matrix(self, node: Node) -> Tensor:
        """A layer's weight and bias as they are, [outputs, columns and one]."""
        weight = self.after.tensor(node.tensors["weight"]).double()
        zeros = torch.zeros(len(weight), dtype=torch.float64)
        bias = self.after.tensor(node.tensors["bias"]).double() if "bias" in node.tensors else zeros
        return torch.cat([weight.reshape(len(weight), -1), bias.unsqueeze(1)], 1)

    def takes_bias(self, pair: Pair) -> bool:
        """Whether the mean can be seen to: by a bias, a norm behind, or a new bias where the layer lost inputs."""
        old = self.before.tensor(pair.before.tensors["weight"])
        new = self.after.tensor(pair.after.tensors["weight"])
        return "bias" in pair.after.tensors or self.is_normed(pair.after) or old[0].shape != new[0].shape

    def is_normed(self, node: Node) -> bool:
        """Whether a batch norm is all that reads a layer."""
        return [reader.op for reader, _ in self.after.consumers(node)] == ["batch_norm"]

    def take_over(self, node: Node, solution: Tensor) -> None:
        """Give a layer its weights; where it has no bias and a norm follows, that norm sees to the mean."""
        old = self.after.tensor(node.tensors["weight"])
        columns = old[0].numel()
        weight = solution[:, :columns].reshape(old.shape).to(old.dtype)
        bias = solution[:, columns].to(old.dtype) if solution.shape[1] > columns else None
        if "bias" in node.tensors and bias is not None:
            self.after.set_tensor(node.tensors["bias"], bias)
        elif bias is not None and not self.is_normed(node):
            self.after.replace(node, node.op, tensors={"weight": weight, "bias": bias}, **node.attributes)
            return
        self.after.set_tensor(node.tensors["weight"], weight)

    # --- norms ---

    def match_norm(self, pair: Pair) -> None:
        """Statistics with which the results have the mean and the spread that the original's have."""
        node = pair.after
        held = {role: self.after.tensor(name) for role, name in node.tensors.items()}
        given, wanted = by_channel(pair.actual[0]), by_channel(self.wanted(pair, 1))
        scale = held["weight"].double() if "weight" in held else torch.ones(len(given), dtype=torch.float64)
        shift = held["bias"].double() if "bias" in held else torch.zeros(len(given), dtype=torch.float64)
        spread, aim = given.std(1, unbiased=False), wanted.std(1, unbiased=False)
        usable = (spread > LEAST_SPREAD) & (aim > LEAST_SPREAD) & (scale.abs() > LEAST_SPREAD)
        root = torch.where(usable, scale.abs() * spread / aim.clamp_min(LEAST_SPREAD), torch.ones_like(aim))
        eps = torch.tensor(node.attributes["eps"], dtype=torch.float64)
        variance = (root.square() - eps).clamp_min(0.0)
        mean = given.mean(1) - (wanted.mean(1) - shift) * (variance + eps).sqrt() / scale.where(usable, root)
        for role, value in (("running_mean", mean), ("running_var", variance)):
            old = held[role]
            self.after.set_tensor(node.tensors[role], torch.where(usable, value, old.double()).to(old.dtype))

    def reestimate_norm(self, pair: Pair) -> None:
        """The statistics of what the norm is given now."""
        given = by_channel(pair.actual[0])
        for role, value in (("running_mean", given.mean(1)), ("running_var", given.var(1, unbiased=False))):
            old = self.after.tensor(pair.after.tensors[role])
            self.after.set_tensor(pair.after.tensors[role], value.to(old.dtype))


def by_channel(value: Tensor) -> Tensor:
    """A value as [channels, everything else], in float64."""
    return value.movedim(1, 0).reshape(value.shape[1], -1).double()

"""Mending a pruned graph on calibration data without training: weights by least squares, norms by their results.

A layer that has lost inputs gets the weights with which its outputs are nearest to the original's: W' = Y·Hᵀ·(H·Hᵀ +
λI)⁻¹ over the inputs H that it has now. The mean of what was removed goes into the bias. A batch norm gets statistics
with which its results have the mean and the spread that they had.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray
from torch import Tensor

from nadoo_core.calibrating.norms import matched_statistics, own_statistics
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


def is_normed(graph: ModelGraph, node: Node) -> bool:
    """Whether a batch norm is all that reads a layer."""
    return [reader.op for reader, _ in graph.consumers(node)] == ["batch_norm"]


def is_alone(graph: ModelGraph, node: Node) -> bool:
    """Whether no other node uses a layer's weight."""
    return len(graph.tensor_users(node.tensors["weight"])) == 1


def gaining_layers(graph: ModelGraph) -> tuple[str, ...]:
    """The layers that a refit gives a bias where they lose inputs, because nothing else can see to the mean."""
    layers = [node for node in graph.nodes() if is_refittable(node) and "bias" not in node.tensors]
    return tuple(node.name for node in layers if is_alone(graph, node) and not is_normed(graph, node))


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
            if weights and is_refittable(pair.before) and is_alone(self.after, pair.after):
                self.refit_layer(pair)
            elif norms != "keep" and pair.after.op == "batch_norm" and "running_mean" in pair.after.tensors:
                self.match_norm(pair) if norms == "match" else self.reestimate_norm(pair)

    def is_as_it_was(self, pair: Pair) -> bool:
        """Whether a node reads exactly what it read before."""
        return all(
            one.shape == other.shape and torch.equal(one, other)
            for one, other in zip(pair.original, pair.actual, strict=True)
        )

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
        return "bias" in pair.after.tensors or is_normed(self.after, pair.after) or old[0].shape != new[0].shape

    def take_over(self, node: Node, solution: Tensor) -> None:
        """Give a layer its weights; where it has no bias and a norm follows, that norm sees to the mean."""
        old = self.after.tensor(node.tensors["weight"])
        columns = old[0].numel()
        weight = solution[:, :columns].reshape(old.shape).to(old.dtype)
        bias = solution[:, columns].to(old.dtype) if solution.shape[1] > columns else None
        if "bias" in node.tensors and bias is not None:
            self.after.set_tensor(node.tensors["bias"], bias)
        elif bias is not None and not is_normed(self.after, node):
            self.after.replace(node, node.op, tensors={"weight": weight, "bias": bias}, **node.attributes)
            return
        self.after.set_tensor(node.tensors["weight"], weight)

    # --- norms ---

    def match_norm(self, pair: Pair) -> None:
        """Statistics with which the results have the mean and the spread that the original's have."""
        held = self.held(pair.after)
        eps = float(str(pair.after.attributes["eps"]))
        self.set_statistics(pair.after, matched_statistics(pair.actual[0], self.wanted(pair, 1), held, eps))

    def reestimate_norm(self, pair: Pair) -> None:
        """The statistics of what the norm is given now."""
        self.set_statistics(pair.after, own_statistics(pair.actual[0], self.held(pair.after)))

    def held(self, node: Node) -> dict[str, Tensor]:
        """A node's tensors by role."""
        return {role: self.after.tensor(name) for role, name in node.tensors.items()}

    def set_statistics(self, node: Node, found: Mapping[str, Tensor]) -> None:
        """Give a norm its statistics."""
        for role, value in found.items():
            self.after.set_tensor(node.tensors[role], value)

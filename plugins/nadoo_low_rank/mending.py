"""Decomposing layer by layer along the graph, each for the inputs that those before it really give.

By the time a layer comes, its predecessors have been decomposed; its weight is first fit by least squares to what the
original gives, and that is decomposed. Layers that stay are fit too, and batch norms matched.
"""

from collections.abc import Mapping

import torch
from attrs import field, frozen
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
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_low_rank.candidates import Candidate, method_of
from nadoo_low_rank.decomposition import Decomposition
from nadoo_low_rank.observing import centred
from nadoo_low_rank.singular import Search
from nadoo_low_rank.target import Target

RIDGE = 1e-4


@frozen(eq=False)
class Mending:
    """A graph before and after, what becomes of which layers, and how each output counts."""

    before: ModelGraph
    after: ModelGraph
    chosen: Mapping[str, Candidate]
    importance: Mapping[str, Tensor]
    search: Search
    norms: str
    refit: bool
    generator: torch.Generator
    found: dict[str, Decomposition] = field(factory=dict[str, Decomposition])

    def run(self, inputs: Tensor) -> Mapping[str, Decomposition]:
        """Go along the graph; the layers keep their form and get the product of their chain, which is handed out."""
        for pair in side_by_side(self.before, self.after, inputs):
            if pair.before.name in self.chosen:
                self.decompose(pair)
            elif not is_as_it_was(pair):
                self.mend(pair)
        return self.found

    def mend(self, pair: Pair) -> None:
        """A layer or a norm that stays, whose inputs have changed."""
        node = pair.after
        if self.refit and is_refittable(node) and len(self.after.tensor_users(node.tensors["weight"])) == 1:
            self.take_over(node, self.fitted(pair)[0])
        elif self.norms != "keep" and node.op == "batch_norm" and "running_mean" in node.tensors:
            held = {role: self.after.tensor(name) for role, name in node.tensors.items()}
            given, wanted = pair.actual[0], pair.wanted[0]
            matched = self.norms == "match"
            eps = float(str(node.attributes["eps"]))
            found = matched_statistics(given, wanted, held, eps) if matched else own_statistics(given, held)
            self.after.set_tensors({node.tensors[role]: value for role, value in found.items()})

    def decompose(self, pair: Pair) -> None:
        """A layer that becomes a chain."""
        node, choice = pair.after, self.chosen[pair.before.name]
        solution, moments = self.fitted(pair)
        spread, mean = centred(moments, RIDGE)
        if not self.takes_bias(node):
            spread = moments[:-1, :-1] / moments[-1, -1]
        columns = len(spread)
        kernel = tuple(self.after.tensor(node.tensors["weight"]).shape[2:])
        target = Target(solution[:, :columns], kernel, spread, self.importance[node.name])
        found = method_of(choice.method).decompose(target, choice.ranks, self.search)
        self.found[node.name] = found
        bias = solution[:, columns] + (target.weight - found.product) @ mean
        self.take_over(node, torch.cat([found.product, bias.unsqueeze(1)], 1))

    def fitted(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Weight and bias with which a layer's outputs are nearest to the original's, and its inputs' moments.

        Where there are few rows for the columns, the step away from the original weight is held back.
        """
        node, weight, wanted = pair.after, self.after.tensor(pair.after.tensors["weight"]), pair.wanted[0]
        axis = output_axis(node, wanted)
        places = draw_places(wanted.movedim(axis, 1), weight[0].numel(), len(wanted), self.generator)
        rows = input_rows(node, pair.actual[0], tuple(weight.shape[2:]), places)
        start = with_bias(self.after, node)
        missed = output_rows(node, wanted, places) - rows @ start.T
        moments = rows.T @ rows
        if is_as_it_was(pair) or not self.refit:
            return start, moments
        width = len(moments) if self.takes_bias(node) else len(moments) - 1
        ridge = max(RIDGE, (width / len(rows)) ** 2)
        step = solve_rows(moments[:width, :width], (missed.T @ rows)[:, :width], ridge)
        return start + torch.nn.functional.pad(step, (0, len(moments) - width)), moments

    def takes_bias(self, node: Node) -> bool:
        """Whether the mean of the outputs can be seen to: by a bias, a norm behind, or a bias that the chain gets."""
        return "bias" in node.tensors or is_normed(self.after, node) or node.name in self.chosen

    def take_over(self, node: Node, solution: Tensor) -> None:
        """Give a layer its weights; where it has no bias and a norm follows, that norm sees to the mean."""
        old = self.after.tensor(node.tensors["weight"])
        columns = old[0].numel()
        weight, bias = solution[:, :columns].reshape(old.shape).to(old.dtype), solution[:, columns].to(old.dtype)
        if "bias" in node.tensors:
            self.after.set_tensor(node.tensors["bias"], bias)
        elif node.name in self.chosen and not is_normed(self.after, node):
            self.after.replace(node, node.op, tensors={"weight": weight, "bias": bias}, **node.attributes)
            return
        self.after.set_tensor(node.tensors["weight"], weight)


def is_as_it_was(pair: Pair) -> bool:
    """Whether a node reads exactly what it read before."""
    pairs = zip(pair.original, pair.actual, strict=True)
    return all(one.shape == other.shape and torch.equal(one, other) for one, other in pairs)


def is_normed(graph: ModelGraph, node: Node) -> bool:
    """Whether a batch norm with statistics is all that reads a layer."""
    readers = [reader for reader, _ in graph.consumers(node)]
    return len(readers) == 1 and readers[0].op == "batch_norm" and "running_mean" in readers[0].tensors


def with_bias(graph: ModelGraph, node: Node) -> Tensor:
    """A layer's weight and bias, [outputs, columns and one], in float64."""
    weight = graph.tensor(node.tensors["weight"]).double()
    zeros = torch.zeros(len(weight), dtype=torch.float64)
    bias = graph.tensor(node.tensors["bias"]).double() if "bias" in node.tensors else zeros
    return torch.cat([weight.reshape(len(weight), -1), bias.unsqueeze(1)], 1)

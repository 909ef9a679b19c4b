"""Rounding of recurrent matrices by what they do on calibration data: one reads the input, the other the states before.

The input is read as it is quantized, the states as the float layer has them; inner layers of a stack, whose inputs the
graph does not show, are rounded to nearest.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from attrs import frozen

from nadoo_core.quantizing import Book, MomentSums, Walk, adaptive_rounding, damped
from nadoo_graphs.formats import Format
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.ops.quantized.masters import scale_role
from nadoo_graphs.values import Value
from nadoo_quantization.masters import master_within
from nadoo_quantization.weights import is_whole, laid_along

if TYPE_CHECKING:
    from nadoo_quantization.reconstruct import Pair


@frozen
class Sequences:
    """What a layer reads on calibration data, steps first: the input of both graphs, and the float layer's outputs."""

    quantized: torch.Tensor
    numbers: torch.Tensor
    outputs: torch.Tensor


def round_recurrent(pair: "Pair", name: str, walk: Walk, float_walk: Walk) -> None:
    """Choose levels for the matrices of a layer that both walks stand before; the float walk goes past it."""
    from nadoo_quantization.reconstruct import real_operand

    node, row = pair.after[name], pair.layers[name]
    quantized = real_operand(pair.after, node, walk)
    numbers = float_walk.operands(pair.before[name])[0]
    float_walk.step()
    if not pair.step.rounds_adaptively(row) or is_whole(row) or node.attributes["layers"] != 1:
        return
    given = [quantized, numbers, float_walk.value(Value(name))]
    found = [item.transpose(0, 1) if node.attributes["batch_first"] else item for item in given]
    for role, read, meant in matrices(node, Sequences(*(item.float() for item in found))):
        if len(pair.after.tensor_users(node.tensors[role])) == 1:
            choose_levels(pair.after, node, role, row, (read, meant))


def matrices(node: Node, seen: Sequences) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """Each matrix with what it reads and what it should read, [steps, batch, features]."""
    hidden = seen.outputs.shape[-1] // (2 if node.attributes["bidirectional"] else 1)
    for direction, ending in enumerate(("l0", "l0_reverse")[: seen.outputs.shape[-1] // hidden]):
        states = seen.outputs[..., direction * hidden : (direction + 1) * hidden]
        before = states[1:] if direction else states[:-1]
        yield f"weight_ih_{ending}", seen.quantized, seen.numbers
        yield f"weight_hh_{ending}", before, before


def choose_levels(
    graph: ModelGraph, node: Node, role: str, row: Format, seen: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """The levels and scales with which a matrix gives the sums that it should."""
    weight, scale_name = graph.tensor(node.tensors[role]), node.tensors[scale_role(role)]
    read, meant = (item.reshape(-1, weight.shape[1]) for item in seen)
    if not len(read):
        return
    sums = MomentSums(weight.shape[1], weight.shape[0])
    sums.add(read, meant @ weight.float().T, seen[0].shape[1])
    moments = damped(sums.moments(centred=f"bias_{role.removeprefix('weight_')}" in node.tensors), weight.double())
    scale = graph.tensor(scale_name)
    first = scale.double().expand(len(weight)).reshape(-1, 1)
    found = adaptive_rounding(weight.double(), moments, Book.of(row), first, fit_scale=scale.ndim == 1)
    if scale.ndim == 1:
        scale = found.scale.reshape(-1).to(scale.dtype)
        graph.set_tensor(scale_name, scale)
    steps, book = laid_along(scale.double(), found.levels), Book.of(row)
    graph.set_tensor(node.tensors[role], master_within(found.levels, steps, weight, row, book))

"""The weights of layers: the scale that a clip rule gives them, and what must not be quantized."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from attrs import frozen

from nadoo_core.errors import CoreCode, Problem
from nadoo_core.passes import Context
from nadoo_core.quantizing import Book, ClipRule, along, make_rule, rows_of
from nadoo_graphs.formats import Format
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_graphs.ops.quantized.masters import master_roles

if TYPE_CHECKING:
    from nadoo_quantization.quantize import Quantize

MOST_ZEROS = 0.05
"""Above this share the zeros of a weight are no accident: something was pruned."""
ZERO_FORMATS = ("ternary", "int4", "int8", "nf4")


@frozen
class WeightScales:
    """The scales of all chosen weights by node and role, each [out], or a single number for one per tensor."""

    rules: Mapping[str, ClipRule]
    scales: Mapping[tuple[str, str], torch.Tensor | None]


def weight_scales(graph: ModelGraph, step: "Quantize", context: Context, layers: Mapping[str, Format]) -> WeightScales:
    """The scale of every weight by the clip rule of its layer; formats of floating point have none."""
    for rule, options in step.clip_options.items():
        make_rule(rule, options, context.services.load)
    rules = {name: rule_of(step, context, name) for name, row in layers.items() if row.kind != "float"}
    scales: dict[tuple[str, str], torch.Tensor | None] = {}
    for done, (name, row) in enumerate(layers.items(), 1):
        rule = rules.get(name)
        granularity = "tensor" if graph[name].op == "embedding" else step.granularity
        for role, tensor in masters(graph[name]):
            scales[name, role] = None if rule is None else scale_of(graph.tensor(tensor), row, rule, granularity)
        context.progress(done, len(layers), f"clip of {name}")
    return WeightScales(rules, scales)


def masters(node: Node) -> list[tuple[str, str]]:
    """The roles and tensors of a layer that are weights: one, or the matrices of a recurrent layer."""
    return [(role, node.tensors[role]) for role in master_roles(node.tensors)]


def rule_of(step: "Quantize", context: Context, name: str) -> ClipRule:
    """The clip rule of a layer with its options; a rule that no table of ours holds may come from a plugin."""
    rule = step.clip.value(name) or "auto"
    options = step.clip_options.get(rule, {})
    return make_rule(rule, options, context.services.load)


def scale_of(weight: torch.Tensor, row: Format, rule: ClipRule, granularity: str) -> torch.Tensor:
    """One scale a row of a weight, or one in all, in the precision of the weight."""
    rows = rows_of(weight, "tensor" if granularity == "tensor" else "output")
    book = Book.of(row)
    if is_whole(row):
        return fitted(weight, row).to(weight.dtype)
    scale = book.scale(rule.clips(rows, book)).to(weight.dtype)
    return scale.reshape(()) if granularity == "tensor" else scale


def is_whole(row: Format) -> bool:
    """Whether a format encodes a tensor as a whole, with a scale of its own making: DoReFa does."""
    return bool(getattr(row.codec, "whole", False)) and not getattr(row.codec, "centred", False)


def fitted(weight: torch.Tensor, row: Format) -> torch.Tensor:
    """The scale at which codes that do not depend on it are closest to the weight."""
    codes = row.encode(weight, where="weight").double()
    product, norm = (codes * weight.double()).sum(), codes.square().sum()
    scale = product / norm.clamp(min=1.0)
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def laid_along(scale: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A scale in a shape that multiplies a weight."""
    return along(scale.reshape(-1), weight)


# --- refusals ---------------------------------------------------------------------------------------------------------


def weight_problems(graph: ModelGraph, layers: Mapping[str, Format], *, allow_degenerate: bool) -> Iterator[Problem]:
    """Every weight that cannot be quantized as asked, by the name of its tensor."""
    for name, row in layers.items():
        for _, tensor in masters(graph[name]):
            message = complaint(graph.tensor(tensor), row, graph, allow_degenerate=allow_degenerate)
            if message is not None:
                yield Problem(CoreCode.DATA, f"tensor {tensor!r} of {name!r}", message)
        bias = graph[name].tensors.get("bias")
        message = None if bias is None else non_finite_complaint(graph.tensor(bias))
        if message is not None:
            yield Problem(CoreCode.DATA, f"tensor {bias!r} of {name!r}", message)


def complaint(weight: torch.Tensor, row: Format, graph: ModelGraph, *, allow_degenerate: bool) -> str | None:
    """What is wrong with one weight, in a format."""
    if not weight.is_floating_point():
        return f"is {weight.dtype}; only floating-point weights can be quantized"
    message = non_finite_complaint(weight) or sign_complaint(weight, row, graph)
    if message is not None:
        return message
    if row.has_zero and not (weight.numel() and not bool(weight.any())):
        return None
    return zero_complaint(weight, row, graph) if not allow_degenerate else None


def non_finite_complaint(tensor: torch.Tensor) -> str | None:
    """NaN and infinities, which no format of integers holds."""
    broken = tensor.numel() - int(torch.isfinite(tensor).sum())
    return f"holds {broken} NaN or infinite of {tensor.numel()} elements; find where they arise" if broken else None


def sign_complaint(weight: torch.Tensor, row: Format, graph: ModelGraph) -> str | None:
    """Weights below zero in a format without a level there, which would all become zero."""
    levels = None if row.codec is None else row.levels()
    below = int((weight < 0).sum()) if levels is not None and levels[0] >= 0 else 0
    if not below:
        return None
    message = f"{below} of {weight.numel()} elements are below zero, and {row.name!r} has no level there"
    return f"{message}; use a format that has: {', '.join(near_formats(row, graph))}"


def zero_complaint(weight: torch.Tensor, row: Format, graph: ModelGraph) -> str | None:
    """Zeros that a format without a zero would bring back to life, and layers of nothing but zeros."""
    zeros = int((weight == 0).sum())
    if zeros == weight.numel():
        return "is all zero, so that no scale follows from it; remove the layer, or set allow_degenerate = true"
    dead = int((weight.flatten(1) == 0).all(1).sum()) if weight.ndim > 1 else 0
    if not dead and zeros <= MOST_ZEROS * weight.numel():
        return None
    what = (
        f"{zeros} of {weight.numel()} elements are zero, as after pruning" if not dead else f"{dead} rows are all zero"
    )
    return f"{what}, and {row.name!r} has no zero; use a format that has one: {', '.join(near_formats(row, graph))}"


def near_formats(row: Format, graph: ModelGraph) -> list[str]:
    """Formats with a zero and negative levels, those of the same width first."""
    known = [graph.formats[name] for name in ZERO_FORMATS if name in graph.formats]
    same = [item for item in graph.formats if item.bits == row.bits and holds_pruned(item)]
    return list(dict.fromkeys(item.name for item in [*same, *known]))


def holds_pruned(row: Format) -> bool:
    """Whether a format holds positive and negative weights, and zeros between them."""
    levels = None if row.codec is None else row.levels()
    return row.has_zero and levels is not None and levels[0] < 0


def norm_problems(graph: ModelGraph, layers: Mapping[str, Format]) -> Iterator[Problem]:
    """Batch norms that a chosen layer could absorb, and should before its weights are rounded."""
    for norm in graph.nodes(op="batch_norm"):
        layer = graph.producer(norm)
        if layer.name in layers and len(graph.consumers(layer)) == 1 and "running_mean" in norm.tensors:
            message = (
                f"follows {layer.name!r} and would stay in floating point; put a step with pass = "
                '"fold-batch-norm" before this one'
            )
            yield Problem(CoreCode.NEED, f"batch norm {norm.name!r}", message)


def shared_problems(graph: ModelGraph, layers: Mapping[str, Format]) -> Iterator[Problem]:
    """Tied weights of which one is to be quantized in another way, or not at all."""
    for name, row in layers.items():
        for _, tensor in masters(graph[name]):
            others = [user for user in graph.tensor_users(tensor) if user in layers and layers[user].name != row.name]
            for user in others:
                message = f"is shared with {user!r}, which is to be {layers[user].name!r} and not {row.name!r}"
                yield Problem(CoreCode.OPTION, f"tensor {tensor!r} of {name!r}", f"{message}; give both one format")

"""Masked is removed, exactly, on drawn graphs with residuals, concatenations, groups and heads."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import torch
from hypothesis import given, settings, strategies

from nadoo_graphs.channels import ChannelPreview, analyse_channels, mask_channels, remove_channels
from nadoo_graphs.counting import count
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value

Step: TypeAlias = tuple[str, int]
HEAD_COUNT, HEAD_WIDTH = 2, 3


def draw(*shape: int) -> torch.Tensor:
    """Numbers from torch's generator, which the test seeds."""
    return torch.randn(shape, dtype=torch.float64)


def channels_of(graph: ModelGraph, value: Value) -> int:
    size = graph.type(value).shape[1]
    assert isinstance(size, int)
    return size


def convolution(graph: ModelGraph, value: Value, made: int, groups: int = 1) -> Value:
    """A 3×3 convolution with a bias that keeps height and width."""
    tensors = {"weight": draw(made, channels_of(graph, value) // groups, 3, 3), "bias": draw(made)}
    return graph.add("conv2d", [value], tensors=tensors, padding=(1, 1), groups=groups)


def plain(graph: ModelGraph, value: Value, number: int) -> Value:
    return graph.add("relu", [convolution(graph, value, 2 + number % 5)])


def grouped(graph: ModelGraph, value: Value, number: int) -> Value:
    wide = convolution(graph, value, 6)
    return convolution(graph, graph.add("tanh", [wide]), 6 + 6 * (number % 2), (2, 3, 6)[number % 3])


def normed(graph: ModelGraph, value: Value, number: int) -> Value:
    size = channels_of(graph, value)
    tensors = {"weight": draw(size), "bias": draw(size), "running_mean": draw(size), "running_var": draw(size).abs()}
    return graph.add("batch_norm", [value], tensors=tensors)


def residual(graph: ModelGraph, value: Value, number: int) -> Value:
    inner = graph.add("relu", [convolution(graph, value, 3 + number % 4)])
    return graph.add("add", [value, convolution(graph, inner, channels_of(graph, value))])


def joined(graph: ModelGraph, value: Value, number: int) -> Value:
    return graph.add("cat", [value, convolution(graph, value, 2 + number % 3)], dim=1)


def gated(graph: ModelGraph, value: Value, number: int) -> Value:
    mean = graph.add("mean", [value], dim=(2, 3), keepdim=True)
    gate = graph.add("sigmoid", [convolution(graph, mean, channels_of(graph, value))])
    return graph.add("mul", [value, gate])


def halved(graph: ModelGraph, value: Value, number: int) -> Value:
    if channels_of(graph, value) < 4:
        return plain(graph, value, number)
    return graph.add("cat", [graph.add("chunk", [value], chunks=2, dim=1), value], dim=1)


def attended(graph: ModelGraph, value: Value, number: int) -> Value:
    """Positions as a sequence, attention with heads, and back into an image of two channels."""
    width, heads = channels_of(graph, value), HEAD_COUNT * HEAD_WIDTH
    rows = graph.add("transpose", [graph.add("flatten", [value], start_dim=2)], dim0=1, dim1=2)
    parts: list[Value] = []
    for _ in range(3):
        part = graph.add("linear", [rows], tensors={"weight": draw(heads, width), "bias": draw(heads)})
        part = graph.add("reshape", [part], shape=(-1, 4, HEAD_COUNT, HEAD_WIDTH))
        parts.append(graph.add("transpose", [part], dim0=1, dim1=2))
    mixed = graph.add("transpose", [graph.add("sdpa", parts)], dim0=1, dim1=2)
    mixed = graph.add("reshape", [mixed], shape=(-1, 4, heads))
    mixed = graph.add("linear", [mixed], tensors={"weight": draw(3, heads)})
    return graph.add("reshape", [graph.add("transpose", [mixed], dim0=1, dim1=2)], shape=(-1, 3, 2, 2))


STEPS: Mapping[str, Callable[[ModelGraph, Value, int], Value]] = {
    "plain": plain,
    "grouped": grouped,
    "normed": normed,
    "residual": residual,
    "joined": joined,
    "gated": gated,
    "halved": halved,
    "attended": attended,
}
steps = strategies.lists(strategies.tuples(strategies.sampled_from(sorted(STEPS)), strategies.integers(0, 9)),
                         min_size=1, max_size=6)  # fmt: skip


def build(drawn: list[Step]) -> ModelGraph:
    """The drawn steps one after the other, and a layer at the end."""
    graph = ModelGraph("drawn")
    value = plain(graph, graph.add_input("x", ("N", 2, 2, 2), "float64"), 4)
    for kind, number in drawn:
        value = STEPS[kind](graph, value, number)
    flat = graph.add("flatten", [value])
    width = graph.type(flat).shape[1]
    assert isinstance(width, int)
    graph.set_outputs([graph.add("linear", [flat], tensors={"weight": draw(2, width)})])
    return graph


@settings(max_examples=60, deadline=None)
@given(drawn=steps, seed=strategies.integers(0, 2**16), whole=strategies.booleans())
def test_removed_is_masked_and_costs_what_the_preview_says(drawn: list[Step], seed: int, *, whole: bool) -> None:
    torch.manual_seed(seed)
    graph = build(drawn)
    channels = analyse_channels(graph, "whole" if whole else "width")
    draws = np.random.default_rng(seed)
    removed = draws.random(len(channels)) < draws.random()
    for axis in channels.units.values():
        if not (~removed[axis] | (axis < 0)).any():
            removed[axis[0]] = False
    masked, smaller = graph.copy(), graph.copy()
    mask_channels(masked, channels, removed)
    remove_channels(smaller, channels, removed)
    smaller.verify()
    example = torch.randn(3, 2, 2, 2, dtype=torch.float64)
    expected, actual = masked.run(example).result, smaller.run(example).result
    assert (actual - expected).abs().max() <= 1e-9 * max(1.0, float(expected.abs().max()))
    preview = ChannelPreview(channels, {"N": 1})
    assert preview.macs(~removed) == count(smaller).macs({"N": 1})
    assert preview.parameters(~removed) == count(smaller).parameters

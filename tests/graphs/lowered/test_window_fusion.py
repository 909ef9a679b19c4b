"""A layer in its pool: no bit changes, nothing is computed twice, and codes are made once a window."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import Kernel, Program, check, interpret, lower
from nadoo_graphs.lowered.expressions import Call
from nadoo_graphs.lowered.optimizing import OPTIMIZATIONS, optimize
from nadoo_graphs.lowered.planning import plan
from nadoo_graphs.lowered.statements import all_parts
from nadoo_graphs.lowered.work import turns, work_of

FUSE = OPTIMIZATIONS["fuse-windows"]


def calls(kernel: Kernel) -> int:
    """How often a kernel's body names a requantization."""
    return sum(isinstance(part, Call) for part in all_parts(kernel.body))


def same(one: Program, other: Program, length: int) -> bool:
    """Whether two programs give the same bits."""
    inputs = np.random.default_rng(0).normal(size=(3, length)).astype(np.float32)
    if one.buffers[one.inputs[0]].kind.numpy != np.float32:
        inputs = (inputs * 40).clip(-127, 127).round()
    results = [interpret(program, [inputs]).outputs for program in (one, other)]
    return all(np.array_equal(a.view(np.uint8), b.view(np.uint8)) for a, b in zip(*results, strict=True))


def quantized(mode: str = "double", *, pool: str = "max_pool2d", per_output: bool = True) -> ModelGraph:
    """A convolution over codes and a pool."""
    graph = ModelGraph("pooled")
    random = torch.Generator().manual_seed(0)
    value = graph.add_input("x", ("N", 2, 9, 9))
    value = graph.add("quantize", [value], format="int8", tensors={"scale": torch.tensor(0.02)})
    tensors = {
        "weight": torch.randn(4, 2, 3, 3, generator=random), "bias": torch.randn(4, generator=random),
        "weight_scale": torch.rand(4, generator=random) * 0.03 + 0.01 if per_output else torch.tensor(0.02),
        "input_scale": torch.tensor(0.02), "output_scale": torch.tensor(0.05),
        "output_zero_point": torch.tensor(-9, dtype=torch.int32),
    }  # fmt: skip
    raw = {"weight_format": "int8", "output_format": "int8", "requantize": mode, "padding": (1, 1)}
    value = graph.add("quantized_conv2d", [value], name="conv", tensors=tensors, **raw)
    value = graph.add(pool, [value], name="pool", kernel_size=(3, 3), **pool_options(graph, pool))
    graph.set_outputs([value])
    return graph


def pool_options(graph: ModelGraph, pool: str) -> dict[str, object]:
    """What a mean needs to know."""
    if not pool.startswith("quantized"):
        return {}
    scale, point = (graph["conv"].tensors[f"output_{role}"] for role in ("scale", "zero_point"))
    tensors = {"input_scale": scale, "input_zero_point": point, "output_scale": scale, "output_zero_point": point}
    return {"tensors": tensors, "output_format": "int8", "requantize": "double"}


@pytest.mark.parametrize("mode", ["double", "single", "shift"])
@pytest.mark.parametrize("per_output", [True, False])
def test_codes_are_made_once_a_window(mode: str, per_output: bool) -> None:
    program = lower(quantized(mode, per_output=per_output))
    fused = FUSE(program)
    check(plan(fused))
    assert len(fused.kernels) == 1
    assert calls(fused.kernels[0]) == 1
    assert same(program, fused, 162)
    assert work_of(fused) < work_of(program)
    assert plan(fused).arena_bytes < plan(program).arena_bytes


def test_means_take_codes_and_not_sums() -> None:
    program = lower(quantized(pool="quantized_avg_pool2d"))
    fused = FUSE(program)
    assert len(fused.kernels) == 1
    assert calls(fused.kernels[0]) == 2
    assert same(program, fused, 162)


def test_what_follows_a_layer_is_not_taken_for_its_order() -> None:
    graph = quantized()
    graph.insert_before("pool", "quantized_clamp", minimum=-50, maximum=60)
    program = OPTIMIZATIONS["fuse-pointwise"](lower(graph))
    assert same(program, FUSE(program), 162)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(0, 1), st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]), st.data()
)
def test_no_bit_changes(kernel: int, stride: int, padding: int, pool: type[nn.Module], data: st.DataObject) -> None:
    margin = data.draw(st.integers(0, kernel // 2))
    torch.manual_seed(kernel)
    module = nn.Sequential(nn.Conv2d(2, 3, 3, padding=padding), nn.ReLU(), pool(kernel, stride, margin)).eval()
    program = lower(capture(module, (torch.randn(1, 2, 8, 8),)))
    for optimization in (FUSE, optimize):
        better = optimization(program)
        check(plan(better))
        assert same(program, better, 128)
        assert work_of(better) <= work_of(program)


def test_windows_that_overlap_and_large_ones_are_left() -> None:
    for pool in (nn.MaxPool2d(3, 2), nn.AdaptiveAvgPool2d(1)):
        program = lower(capture(nn.Sequential(nn.Conv2d(2, 3, 3), pool), (torch.randn(1, 2, 9, 9),)))
        assert FUSE(program) is program


def test_what_is_to_stay_whole_is_joined_with_nothing() -> None:
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 3, 1, groups=3)).eval()
    program = lower(capture(module, (torch.randn(1, 2, 8, 8),)))
    kept = optimize(program, whole=lambda kernel: kernel.operator in ("conv2d", "max_pool2d"))
    assert [kernel.operator for kernel in kept.kernels] == ["conv2d", "relu", "max_pool2d", "conv2d"]
    assert len(optimize(program).kernels) == 1
    assert same(program, kept, 128)


def test_work_is_the_statements_that_run() -> None:
    program = lower(capture(nn.Linear(8, 6), (torch.randn(1, 8),)))
    assert turns(program.kernels[0].body) == 6 * (1 + 8 + 1)
